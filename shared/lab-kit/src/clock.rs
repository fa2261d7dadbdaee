//! The two clocks a shell may read. Decisions never do: they take the time as an argument.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lab_types::UnixMillis;
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

    /// The instant `duration` later, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BootInstant, now};

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
