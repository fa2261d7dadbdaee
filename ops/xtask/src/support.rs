//! The page of what Tercio does with each attribute of Compose, `ops/docs/compose-support.md`.
//!
//! It is made from the tables of `lab-compose`, which this crate does not import: one of that crate's
//! golden tests compares the page, and writes it when it is told to.

use std::process::ExitCode;

use anyhow::Result;

use crate::command::{cargo, succeeds};

/// Writes the page, or compares it only.
pub(crate) fn run(only_check: bool) -> Result<ExitCode> {
    let words = [
        "test",
        "-q",
        "-p",
        "lab-compose",
        "--test",
        "it",
        "support_page",
    ];
    let mut command = cargo(&words);
    if !only_check {
        command.env("UPDATE_EXPECT", "1");
    }
    Ok(match succeeds(command)? {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
