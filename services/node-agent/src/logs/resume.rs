//! Where to go on with a log: nothing twice, nothing left out.
//!
//! The engine goes on from a whole second only, and two sources may write their lines a little out
//! of order. So the last two seconds are asked for again, and as many lines are left out as were
//! seen in them: the engine always tells the same lines in the same order.

use lab_types::UnixMillis;

/// Nanoseconds in a second.
const SECOND_NS: u64 = 1_000_000_000;

/// What has been seen of one container's log.
#[derive(Clone, Debug, Default)]
pub struct Resume {
    /// Whether the first reading began at a tail: what is older than it was left out on purpose.
    from_tail: bool,
    /// When that reading began: of an empty tail, all that came later is new.
    tail_ns: u64,
    begun: bool,
    first_ns: Option<u64>,
    last_ns: u64,
    /// The latest second with a line, and how many lines it and the second before it had.
    second: u64,
    in_second: u64,
    in_second_before: u64,
}

/// One reading of the log: which lines are new.
#[derive(Debug)]
pub struct Reading<'a> {
    seen: &'a mut Resume,
    left_out: u64,
}

impl Resume {
    /// Whether nothing has been read yet.
    #[must_use]
    pub const fn is_fresh(&self) -> bool {
        !self.begun
    }

    /// The first reading, which begins now, begins at a tail.
    pub const fn begin_at_tail(&mut self, now_ns: u64) {
        self.from_tail = true;
        self.tail_ns = now_ns;
    }

    /// Begins a reading.
    pub fn reading(&mut self) -> Reading<'_> {
        if self.begun && self.from_tail && self.first_ns.is_none() {
            (self.first_ns, self.last_ns) = (Some(self.tail_ns), self.tail_ns);
            self.second = self.tail_ns / SECOND_NS;
        }
        self.begun = true;
        let left_out = self.in_second + self.in_second_before;
        Reading {
            seen: self,
            left_out,
        }
    }

    fn record(&mut self, at_ns: u64) {
        self.first_ns = Some(self.first_ns.unwrap_or(at_ns).min(at_ns));
        self.last_ns = self.last_ns.max(at_ns);
        let second = at_ns / SECOND_NS;
        if second > self.second {
            let is_next = second == self.second + 1;
            self.in_second_before = if is_next { self.in_second } else { 0 };
            (self.second, self.in_second) = (second, 1);
        } else if second == self.second {
            self.in_second += 1;
        } else if second + 1 == self.second {
            self.in_second_before += 1;
        }
    }
}

impl Reading<'_> {
    /// From which second the engine is to tell the log, 0 for all of it.
    #[must_use]
    pub const fn since_secs(&self) -> u64 {
        self.seen.second.saturating_sub(1)
    }

    /// Whether a line of this time is new; each line of the reading is asked about once, in order.
    pub fn is_new(&mut self, at_ns: u64) -> bool {
        if let Some(first) = self.seen.first_ns {
            if self.seen.from_tail && at_ns < first {
                return false;
            }
            // When the engine has thrown old lines away, fewer come than were seen.
            if self.left_out > 0 && at_ns <= self.seen.last_ns {
                self.left_out -= 1;
                return false;
            }
        }
        self.seen.record(at_ns);
        true
    }
}

/// Whether a line of this time is one the user asked for.
#[must_use]
pub fn is_wanted(at_ns: u64, since: Option<UnixMillis>) -> bool {
    since.is_none_or(|since| at_ns / 1_000_000 >= since.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Resume, SECOND_NS};

    /// Reads what an engine tells that holds `log`, up to line `end`.
    fn read(log: &[u64], end: usize, seen: &mut Resume) -> Vec<usize> {
        let mut reading = seen.reading();
        let since = reading.since_secs() * SECOND_NS;
        let told = (0..end).filter(|line| log[*line] >= since);
        told.filter(|line| reading.is_new(log[*line])).collect()
    }

    /// Times close together, apart, and on both sides of the turn of a second.
    fn step() -> impl Strategy<Value = u64> {
        prop_oneof![0u64..3000, 0u64..700_000_000, 999_999_000u64..1_000_001_000]
    }

    proptest! {
        #[test]
        fn readings_broken_off_anywhere_tell_every_line_once_and_in_order(
            steps in prop::collection::vec((step(), -900i64..900), 1..60),
            breaks in prop::collection::vec(0usize..60, 0..6),
        ) {
            // Times grow, but neighbours may be swapped by less than a microsecond.
            let mut now = 1_700_000_000 * SECOND_NS;
            let log: Vec<u64> = steps.iter().map(|(step, jitter)| {
                now += step;
                now.saturating_add_signed(*jitter)
            }).collect();
            let mut seen = Resume::default();
            let mut told = Vec::new();
            let mut ends: Vec<usize> = breaks.into_iter().map(|end| end.min(log.len())).collect();
            ends.sort_unstable();
            ends.push(log.len());
            for end in ends {
                told.extend(read(&log, end, &mut seen));
            }
            prop_assert_eq!(told, (0..log.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn lines_before_the_asked_tail_do_not_come_back() {
        let log = [5, 5, 5, 5].map(|second| second * SECOND_NS);
        let log: Vec<u64> = log.iter().zip(0..).map(|(at, n)| at + n).collect();
        let mut seen = Resume::default();
        seen.begin_at_tail(6 * SECOND_NS);
        assert!(seen.reading().is_new(log[3]), "a tail of one line");
        assert_eq!(read(&log, 4, &mut seen), [] as [usize; 0]);
    }

    #[test]
    fn after_an_empty_tail_only_what_came_later_is_new() {
        let mut seen = Resume::default();
        seen.begin_at_tail(5 * SECOND_NS);
        let _ = seen.reading();
        assert!(!seen.is_fresh());
        let log = [3, 4, 6, 7].map(|second| second * SECOND_NS);
        assert_eq!(read(&log, 3, &mut seen), [2]);
        assert_eq!(read(&log, 4, &mut seen), [3]);
    }

    #[test]
    fn a_rotated_log_loses_no_line_that_is_newer_than_all_seen() {
        let mut seen = Resume::default();
        assert_eq!(
            read(&[10, 11, 12].map(|n| n + SECOND_NS), 3, &mut seen),
            [0, 1, 2]
        );
        assert_eq!(read(&[13, 14].map(|n| n + SECOND_NS), 2, &mut seen), [0, 1]);
    }
}
