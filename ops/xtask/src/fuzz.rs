//! Random Compose projects, read by Tercio and by Docker Compose.

use std::process::ExitCode;

use anyhow::Result;

use crate::command::{cargo, succeeds};

/// Runs the differential fuzzer with these words.
pub(crate) fn run(words: &[&str]) -> Result<ExitCode> {
    let mut all = vec!["run", "-q", "-p", "compose-fuzz", "--"];
    all.extend(words);
    match succeeds(cargo(&all))? {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}
