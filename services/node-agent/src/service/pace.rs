//! How often the engine's events may make the agent look.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest pause after a look: a person does not notice it, and the three or more events that
/// each start and end of a container causes become one look.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// How much longer than a look the pause after it is: looking then takes at most a fifth of the
/// time, however many containers there are and however fast they come and go.
const PAUSE_PER_LOOK: u32 = 4;

/// Turns events into looks with pauses between them. No event is lost: the look comes later.
#[derive(Debug)]
pub struct Pace {
    wanted: bool,
    /// Since when a look is under way.
    began: Option<Instant>,
    not_before: Instant,
}

impl Pace {
    /// The first look may come at once.
    pub fn new(now: Instant) -> Self {
        Self {
            wanted: false,
            began: None,
            not_before: now,
        }
    }

    /// Something may have changed.
    pub const fn want(&mut self) {
        self.wanted = true;
    }

    /// A look begins, for whatever reason: it sees what was wanted until now.
    pub const fn begin(&mut self, now: Instant) {
        self.wanted = false;
        self.began = Some(now);
    }

    /// A look is complete.
    pub fn end(&mut self, now: Instant) {
        let began = self.began.take().unwrap_or(now);
        let took = now.saturating_duration_since(began);
        self.not_before = now + took.saturating_mul(PAUSE_PER_LOOK).max(PAUSE_MIN);
    }

    /// When a look should be asked for; absent while nothing has changed, and while one is under way:
    /// the pause begins with its end.
    pub fn due(&self) -> Option<Instant> {
        (self.wanted && self.began.is_none()).then_some(self.not_before)
    }

    /// Whether a look should be asked for now; true once for each time it was wanted.
    pub fn take(&mut self, now: Instant) -> bool {
        let is_due = self.due().is_some_and(|due| due <= now);
        self.wanted &= !is_due;
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Pace;

    #[test]
    fn a_burst_of_events_is_one_look_and_one_after_the_pause() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new(start);
        assert!(!pace.take(start), "nothing happened");
        pace.want();
        assert!(pace.take(start) && !pace.take(start));
        pace.begin(at(0));
        pace.want();
        assert!(!pace.take(at(40)), "one at a time");
        pace.end(at(50));
        assert_eq!(pace.due(), Some(at(250)));
        pace.want();
        assert!(!pace.take(at(249)));
        assert!(pace.take(at(250)) && !pace.take(at(300)));
    }

    #[test]
    fn a_look_for_another_reason_answers_what_was_wanted_before_it() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.want();
        pace.begin(start);
        assert_eq!(pace.due(), None);
    }
}
