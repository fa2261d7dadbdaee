//! Waiting for a condition, not for time.

use std::time::Duration;

use tokio::time::Instant;

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);

/// Waits until `condition` holds and returns what it yields.
///
/// # Panics
/// When it does not within `deadline`: with `what`, which completes "waiting until …".
pub async fn wait_until<T, F>(deadline: Duration, what: &str, mut condition: F) -> T
where
    F: AsyncFnMut() -> Option<T>,
{
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(
            Instant::now() < end,
            "waited {deadline:?} in vain until {what}"
        );
        tokio::time::sleep(POLL).await;
    }
}
