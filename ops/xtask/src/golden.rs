//! Lets golden tests write down what they got.

use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::command::{cargo, succeeds};
use crate::workspace::packages;

/// Runs the tests of the crates that have golden ones, or of those named, with `UPDATE_EXPECT=1`.
///
/// By `cargo test` and not nextest: tests that write into one file must share a process, or each
/// would write at places the others have moved.
pub(crate) fn update(names: &[&str]) -> Result<ExitCode> {
    let with_golden: Vec<String> = packages()?
        .into_iter()
        .filter(|package| package.dependencies.iter().any(|d| d.name == "expect-test"))
        .map(|package| package.name)
        .filter(|name| names.is_empty() || names.contains(&name.as_str()))
        .collect();
    ensure!(!with_golden.is_empty(), "no such crate has golden tests");
    let mut words = vec!["test", "-q", "--lib", "--bins", "--tests"];
    for name in &with_golden {
        words.extend(["-p", name.as_str()]);
    }
    let mut command = cargo(&words);
    command.env("UPDATE_EXPECT", "1");
    match succeeds(command)? {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}
