//! A lab of several real hosts on this machine, with a shell or a command in its context.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::command::{cargo, succeeds};
use crate::workspace::root;

/// Makes what is missing, builds the programs, and lets the lab's own program take this terminal.
pub(crate) fn run(words: &[&str]) -> Result<ExitCode> {
    let mut testbed = Command::new(root().join("ops/testbed"));
    testbed.arg("make");
    if !succeeds(testbed)? || !succeeds(cargo(&["build", "-q", "--workspace", "--bins"]))? {
        return Ok(ExitCode::FAILURE);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |target| root().join(target));
    let program = target.join("debug/tercio-hosts");
    // Started from where the person stands, unlike cargo's commands: a file named after `--` is theirs.
    let status = Command::new(&program).arg("lab").args(words).status();
    let status = status.with_context(|| format!("cannot start {}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
