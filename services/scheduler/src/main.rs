//! The `tercio-scheduler` binary.

use std::process::ExitCode;

use lab_kit::process::{self, Program};

fn main() -> ExitCode {
    let program = Program {
        service: "scheduler",
        about: "owns the lab's desired state; one of several leads",
        version: env!("CARGO_PKG_VERSION"),
    };
    process::run(&program, |config, tasks| {
        scheduler::run(config, tasks.stop_token().clone())
    })
}
