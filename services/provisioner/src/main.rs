//! The `tercio-provisioner` binary.

use std::process::ExitCode;

use lab_kit::process::{self, Program};

fn main() -> ExitCode {
    let program = Program {
        service: "provisioner",
        about: "knows the lab's machines and answers machine requests",
        version: env!("CARGO_PKG_VERSION"),
    };
    process::run(&program, |config, tasks| {
        provisioner::run(config, tasks.stop_token().clone())
    })
}
