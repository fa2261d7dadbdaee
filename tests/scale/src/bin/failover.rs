//! `failover-probe`: a leader that fails, measured.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use scale::failover::{self, Failure};

/// Kills the leader so many times, then pauses it as often, and prints how long a change took
#[derive(clap::Parser)]
#[command(name = "failover-probe")]
struct Options {
    /// How often each
    #[arg(long, value_name = "N", default_value_t = 20)]
    runs: usize,
    /// For how many seconds a leader is paused
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pause: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let pause = Duration::from_secs(options.pause);
    let mut ended = ExitCode::SUCCESS;
    for failure in [Failure::Crash, Failure::Pause(pause)] {
        let dir = tempfile::Builder::new()
            .prefix("tercio-failover-")
            .tempdir();
        let dir = dir.expect("invariant: the temporary folder can be written");
        let report = Box::pin(failover::run(dir.path(), failure, options.runs)).await;
        tell(&report.to_string());
        if !report.faults.is_empty() {
            ended = ExitCode::FAILURE;
        }
    }
    ended
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn tell(text: &str) {
    print!("{text}");
}
