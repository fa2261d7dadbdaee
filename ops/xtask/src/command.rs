//! Other programs.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::workspace::root;

/// `cargo WORDS…`, in the root of the workspace.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words).current_dir(root());
    command
}

/// Runs it with this process's terminal; whether it succeeded.
pub(crate) fn succeeds(mut command: Command) -> Result<bool> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    Ok(status.success())
}

/// Runs it and takes what it prints.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    anyhow::ensure!(output.status.success(), "{command:?} failed");
    String::from_utf8(output.stdout).context("it did not print text")
}
