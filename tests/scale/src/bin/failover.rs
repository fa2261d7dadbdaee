//! `failover-probe [--runs N] [--pause SECONDS]`: the leader is killed, then paused, so many times each.

use std::process::ExitCode;
use std::time::Duration;

use scale::failover::{self, Failure};

struct Options {
    runs: usize,
    pause: Duration,
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        runs: 20,
        pause: Duration::from_secs(30),
    };
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        let wrong = |error: std::num::ParseIntError| format!("{word} {value}: {error}");
        match word.as_str() {
            "--runs" => options.runs = value.parse().map_err(wrong)?,
            "--pause" => options.pause = Duration::from_secs(value.parse().map_err(wrong)?),
            _ => return Err(format!("{word} is not known here")),
        }
    }
    Ok(options)
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(wrong) => {
            tell(&format!("{wrong}\n"));
            return ExitCode::from(2);
        }
    };
    let mut ended = ExitCode::SUCCESS;
    for failure in [Failure::Crash, Failure::Pause(options.pause)] {
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
