//! The `tercio-node-agent` binary.

use std::process::ExitCode;

use lab_kit::process::{self, Program};
use node_agent::Config;

fn main() -> ExitCode {
    let program = Program {
        service: "node-agent",
        about: "makes one node of a lab match its assignment",
        version: env!("CARGO_PKG_VERSION"),
    };
    process::run(&program, |config: Config, tasks| {
        node_agent::run(config, tasks.stop_token().clone())
    })
}
