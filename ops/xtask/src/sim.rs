//! One simulation, by its seed.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use crate::command::{cargo, succeeds};
use crate::workspace::packages;

/// The crate whose binary runs simulations.
const CRATE: &str = "lab-sim";

/// Runs the simulation with this seed.
pub(crate) fn run(seed: &str) -> Result<ExitCode> {
    let seed: u64 = seed
        .parse()
        .with_context(|| format!("{seed:?} is no seed: it must be a number"))?;
    let packages = packages()?;
    let has_binary = packages
        .iter()
        .any(|package| package.name == CRATE && !package.binaries.is_empty());
    ensure!(has_binary, "{CRATE} has no binary to run a seed with");
    let seed = seed.to_string();
    let words = ["run", "-q", "-p", CRATE, "--", "--seed", &seed];
    match succeeds(cargo(&words))? {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}
