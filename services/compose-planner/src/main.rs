//! The `tercio-compose-planner` binary.

use std::process::ExitCode;

use lab_kit::process::{self, Program};

fn main() -> ExitCode {
    let program = Program {
        service: "planner",
        about: "reads Compose files and says what applying them would change",
        version: env!("CARGO_PKG_VERSION"),
    };
    process::run(&program, |config, tasks| {
        compose_planner::run(config, tasks.stop_token().clone())
    })
}
