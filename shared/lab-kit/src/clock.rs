//! The clocks a shell may read. Decisions never do: they take the time as an argument.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lab_types::{DurationMs, UnixMillis};
use rustix::time::{ClockId, clock_gettime};

/// The time of day, which may jump. A clock set before 1970 reads as 1970.
#[must_use]
pub fn now() -> UnixMillis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The time of day for those who judge by it how long something was silent: it begins with [`now`],
/// never jumps and never goes back. When somebody sets the clock, it follows slowly.
pub mod steady {
    use std::sync::Mutex;

    use lab_types::UnixMillis;

    use super::{BootInstant, Steady};

    /// Held for the length of one calculation.
    static CLOCK: Mutex<Option<Steady>> = Mutex::new(None);

    /// The time.
    #[must_use]
    pub fn now() -> UnixMillis {
        let (wall, boot) = (super::now(), BootInstant::now());
        let mut clock = match CLOCK.lock() {
            Ok(clock) => clock,
            // Nothing in here panics half-way.
            Err(poisoned) => poisoned.into_inner(),
        };
        clock
            .get_or_insert_with(|| Steady::new(wall, boot))
            .read(wall, boot)
    }
}

/// How much faster or slower than time itself a steady clock goes while it follows the time of day:
/// a twentieth, so that a span of three beats is still told from one of two.
const SLEW: u64 = 20;

/// A clock that runs with the boot clock and follows the time of day.
#[derive(Debug)]
struct Steady {
    told: UnixMillis,
    at: BootInstant,
}

impl Steady {
    const fn new(wall: UnixMillis, boot: BootInstant) -> Self {
        Self {
            told: wall,
            at: boot,
        }
    }

    fn read(&mut self, wall: UnixMillis, boot: BootInstant) -> UnixMillis {
        let elapsed = boot.since(self.at);
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let most = millis / SLEW;
        if most == 0 && millis > 0 && self.told.0 + millis != wall.0 {
            // Too short a step to follow in; it is told, and counted from the same start again.
            return UnixMillis(self.told.0 + millis);
        }
        let run = self.told.0.saturating_add(millis);
        let told = wall
            .0
            .clamp(run.saturating_sub(most), run.saturating_add(most));
        // What a step has beyond whole milliseconds is kept for the next.
        self.at = self.at.plus(std::time::Duration::from_millis(millis));
        self.told = UnixMillis(told);
        self.told
    }
}

/// An instant that never goes back and, unlike [`std::time::Instant`], goes on while the machine is
/// suspended: a lease must be over when a closed laptop opens again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootInstant(Duration);

impl BootInstant {
    /// Reads `CLOCK_BOOTTIME`.
    #[must_use]
    pub fn now() -> Self {
        let read = clock_gettime(ClockId::Boottime);
        let secs = u64::try_from(read.tv_sec).unwrap_or(0);
        let nanos = u32::try_from(read.tv_nsec).unwrap_or(0);
        Self(Duration::new(secs, nanos))
    }

    /// How long after `earlier`; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// How long ago.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Self::now().since(self)
    }

    /// Since the machine booted, suspend included: the same for every process until the next boot.
    #[must_use]
    pub fn uptime(self) -> DurationMs {
        DurationMs(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX))
    }

    /// The instant `duration` later, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lab_types::UnixMillis;

    use super::{BootInstant, Steady, now};

    /// Reads every 250 ms for `seconds`, the wall clock being off by `off` from then on.
    fn run(clock: &mut Steady, from: u64, seconds: u64, off: i64) -> Vec<u64> {
        let reads = (1..=seconds * 4).map(|quarter| {
            let elapsed = from + quarter * 250;
            let wall = 1_000_000_000_000u64.saturating_add_signed(off) + elapsed;
            let boot = BootInstant(Duration::from_millis(elapsed));
            clock.read(UnixMillis(wall), boot).0 - 1_000_000_000_000
        });
        reads.collect()
    }

    #[test]
    fn a_steady_clock_neither_jumps_nor_goes_back_when_the_clock_is_set_and_follows_in_time() {
        for off in [-3_600_000i64, -4_000, 4_000, 3_600_000] {
            let start = BootInstant(Duration::ZERO);
            let mut clock = Steady::new(UnixMillis(1_000_000_000_000), start);
            assert_eq!(run(&mut clock, 0, 10, 0).last(), Some(&10_000));
            let after = run(&mut clock, 10_000, 30, off);
            let spans = after.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(
                spans.into_iter().all(|span| (237..=263).contains(&span)),
                "{off}: {after:?}"
            );
            // A twentieth of 30 s, and no more.
            let moved = after.last().unwrap().abs_diff(40_000);
            assert!((1_400..=1_500).contains(&moved), "{off}: {moved}");
            let later = run(&mut clock, 40_000, 100, off);
            if off.abs() < 5_000 {
                assert_eq!(later.last().copied(), 140_000u64.checked_add_signed(off));
            }
        }
    }

    #[test]
    fn a_steady_clock_read_often_loses_no_time() {
        let start = BootInstant(Duration::ZERO);
        let mut clock = Steady::new(UnixMillis(5_000), start);
        let mut last = 0;
        for micros in (0..2_000_000).step_by(300) {
            let boot = BootInstant(Duration::from_micros(micros));
            // The time of day stands an hour back.
            last = clock.read(UnixMillis(0), boot).0;
        }
        assert!((6_890..=7_000).contains(&last), "{last}");
    }

    #[test]
    fn the_time_of_day_is_in_milliseconds() {
        // Between 2024 and 2100: seconds or microseconds would fall outside.
        assert!((1_704_067_200_000..4_102_444_800_000).contains(&now().0));
    }

    #[test]
    fn the_boot_clock_reads_what_the_kernel_calls_uptime() {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let read = BootInstant::now();
        let difference = (read.0.as_secs_f64() - uptime).abs();
        assert!(difference < 1.0, "{read:?} against {uptime}");
        assert_eq!(
            read.plus(Duration::from_secs(2)).since(read),
            Duration::from_secs(2)
        );
        assert_eq!(
            read.since(read.plus(Duration::from_secs(2))),
            Duration::ZERO
        );
    }
}
