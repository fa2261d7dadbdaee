//! How often what agents tell may make the core decide.

use std::time::{Duration, Instant};

/// The shortest pause after a decision: nobody notices it, and the reports of many agents that were
/// told the same thing come within it.
const PAUSE_MIN: Duration = Duration::from_millis(5);

/// The longest: whatever it takes to decide, reports do not wait longer than this.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// How much longer than a decision the pause after it is: deciding upon reports then takes at most a
/// tenth of the time, however many come in.
const PAUSE_PER_DECISION: u32 = 9;

/// Turns many reports into one decision. Requests do not wait for it.
#[derive(Debug)]
pub(crate) struct Pace {
    not_before: Instant,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { not_before: now }
    }

    /// A decision was made, and took so long.
    pub(crate) fn decided(&mut self, took: Duration, now: Instant) {
        let pause = took.saturating_mul(PAUSE_PER_DECISION);
        self.not_before = now + pause.clamp(PAUSE_MIN, PAUSE_MAX);
    }

    /// How long the next decision that can wait has to wait; zero when it need not.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        self.not_before.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Pace;

    #[test]
    fn deciding_takes_a_tenth_of_the_time_and_reports_wait_for_a_fifth_of_a_second_at_most() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new(start);
        assert_eq!(pace.left(start), Duration::ZERO, "the first comes at once");
        pace.decided(Duration::ZERO, start);
        assert_eq!(pace.left(at(1)), Duration::from_millis(4));
        pace.decided(Duration::from_millis(10), at(10));
        assert_eq!(pace.left(at(10)), Duration::from_millis(90));
        assert_eq!(pace.left(at(101)), Duration::ZERO);
        pace.decided(Duration::from_secs(3), at(3000));
        assert_eq!(pace.left(at(3000)), Duration::from_millis(200));
    }
}
