//! Waiting for a condition, level-triggered, with a deadline and the last state seen.

use std::time::{Duration, Instant};

/// Asks `probe` until it is satisfied.
///
/// # Panics
/// When the deadline passes; the message holds what `probe` said last.
pub(crate) fn until<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl FnMut() -> Result<T, String>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        let last = match probe() {
            Ok(value) => return value,
            Err(last) => last,
        };
        assert!(
            Instant::now() < end,
            "{what}: not within {deadline:?}; last seen: {last}"
        );
        pause();
    }
}

/// The pause between two looks at the world outside; nothing depends on its length.
#[expect(
    clippy::disallowed_methods,
    reason = "polls processes and an engine that cannot wake us"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}
