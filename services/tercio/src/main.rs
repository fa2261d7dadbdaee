//! The `tercio` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    tercio::main(std::env::args_os())
}
