//! The two clocks a shell may read. Decisions never do: they take the time as an argument.

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

/// Notices when the wall clock is set, by the clock that cannot be.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    wall: UnixMillis,
    boot: BootInstant,
}

/// How far the two clocks may drift apart between two looks: daemons that keep time slew a clock by at
/// most a two-thousandth and set it when it is wrong by more than an eighth of a second.
const SET_MIN: Duration = Duration::from_millis(500);

impl WallClock {
    /// Both clocks, read at the same moment.
    #[must_use]
    pub const fn new(wall: UnixMillis, boot: BootInstant) -> Self {
        Self { wall, boot }
    }

    /// Whether the wall clock was set since the last look.
    pub fn was_set(&mut self, wall: UnixMillis, boot: BootInstant) -> bool {
        let passed = boot.since(self.boot);
        let expected = self
            .wall
            .0
            .saturating_add(u64::try_from(passed.as_millis()).unwrap_or(0));
        let off = Duration::from_millis(expected.abs_diff(wall.0));
        *self = Self { wall, boot };
        off >= SET_MIN
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lab_types::UnixMillis;

    use super::{BootInstant, WallClock, now};

    #[test]
    fn a_wall_clock_that_is_set_is_noticed_once_and_one_that_drifts_is_not() {
        let boot = BootInstant::now();
        let after = |ms| boot.plus(Duration::from_millis(ms));
        let mut clock = WallClock::new(UnixMillis(10_000), boot);
        assert!(
            !clock.was_set(UnixMillis(20_005), after(10_000)),
            "a slow drift"
        );
        assert!(
            clock.was_set(UnixMillis(23_005), after(10_000)),
            "set forward"
        );
        assert!(!clock.was_set(UnixMillis(24_005), after(11_000)));
        assert!(clock.was_set(UnixMillis(20_000), after(12_000)), "set back");
        // A suspended machine: both clocks go on.
        assert!(!clock.was_set(UnixMillis(80_000), after(72_000)));
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
