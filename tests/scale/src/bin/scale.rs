//! `scale-probe`: a lab of many agents, measured.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use scale::probe::{self, Size};

/// Runs a lab of many agents over simulated engines and prints a table of figures
#[derive(clap::Parser)]
#[command(name = "scale-probe")]
struct Options {
    /// How many agents
    #[arg(long, value_name = "N", default_value_t = 1000)]
    agents: usize,
    /// How many tasks
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    tasks: u32,
    /// For how many seconds the idle lab is watched
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    idle: u64,
    /// Where the lab keeps its state; a temporary folder when absent
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let size = Size {
        agents: options.agents,
        tasks: options.tasks,
        idle: Duration::from_secs(options.idle),
    };
    let temporary = tempfile::Builder::new().prefix("tercio-scale-").tempdir();
    let temporary = temporary.expect("invariant: the temporary folder can be written");
    let dir = options.dir.unwrap_or_else(|| temporary.path().to_owned());
    let report = Box::pin(probe::run(&dir, size)).await;
    tell(&report.to_string());
    if report.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn tell(text: &str) {
    print!("{text}");
}
