//! `scale-probe [--agents N] [--tasks N] [--idle SECONDS] [--dir DIRECTORY]`: prints a table of figures.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use scale::probe::{self, Size};

struct Options {
    size: Size,
    dir: Option<PathBuf>,
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        size: Size {
            agents: 1000,
            tasks: 10_000,
            idle: Duration::from_secs(10),
        },
        dir: None,
    };
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        let wrong = |error: std::num::ParseIntError| format!("{word} {value}: {error}");
        match word.as_str() {
            "--agents" => options.size.agents = value.parse().map_err(wrong)?,
            "--tasks" => options.size.tasks = value.parse().map_err(wrong)?,
            "--idle" => options.size.idle = Duration::from_secs(value.parse().map_err(wrong)?),
            "--dir" => options.dir = Some(value.into()),
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
    let temporary = tempfile::Builder::new().prefix("tercio-scale-").tempdir();
    let temporary = temporary.expect("invariant: the temporary folder can be written");
    let dir = options.dir.unwrap_or_else(|| temporary.path().to_owned());
    let report = Box::pin(probe::run(&dir, options.size)).await;
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
