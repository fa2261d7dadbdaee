//! Other programs: `ip`, `mount`, `systemctl`.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Between two looks at what cannot wake us: processes, mounts, a socket that is not there yet.
const POLL: Duration = Duration::from_millis(20);

/// Runs a program to its end; its standard output, or why it failed.
pub(super) fn attempt(program: &str, words: &[&str]) -> Result<String, String> {
    finish(program, words, Command::new(program).args(words), "")
}

/// The same with something to read.
pub(super) fn attempt_with(program: &str, words: &[&str], input: &str) -> Result<String, String> {
    finish(program, words, Command::new(program).args(words), input)
}

fn finish(
    program: &str,
    words: &[&str],
    command: &mut Command,
    input: &str,
) -> Result<String, String> {
    let say = |why: String| format!("{program} {}: {why}", words.join(" "));
    command.stdin(match input {
        "" => Stdio::null(),
        _ => Stdio::piped(),
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| say(error.to_string()))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that has read enough closes its end; what it says of it follows below.
        let _ = pipe.write_all(input.as_bytes());
    }
    let output = child.wait_with_output();
    let output = output.map_err(|error| say(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(say(format!("{}: {words}", output.status)))
}

/// Runs a program that must succeed.
///
/// # Panics
/// When it fails.
#[track_caller]
pub(super) fn run(program: &str, words: &[&str]) -> String {
    attempt(program, words).unwrap_or_else(|why| panic!("{why}"))
}

/// Asks `probe` until it is satisfied.
///
/// # Panics
/// When the deadline passes; the message holds what `probe` said last.
#[track_caller]
pub fn until<T>(what: &str, deadline: Duration, probe: impl FnMut() -> Result<T, String>) -> T {
    let waited = within(deadline, probe);
    waited.unwrap_or_else(|last| panic!("{what}: not within {deadline:?}; last seen: {last}"))
}

/// The same for what may fail: the last answer of `probe`.
pub(super) fn within<T>(
    deadline: Duration,
    mut probe: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let end = Instant::now() + deadline;
    loop {
        let last = match probe() {
            Ok(value) => return Ok(value),
            Err(last) => last,
        };
        if Instant::now() >= end {
            return Err(last);
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "polls what cannot wake us; nothing depends on its length"
)]
fn pause() {
    std::thread::sleep(POLL);
}
