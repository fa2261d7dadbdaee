//! Moments in time: read from options, written in lines.

use std::str::FromStr;

use lab_kit::config::HumanDuration;
use lab_types::{DurationMs, UnixMillis};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment as `--since` takes it: `10m` ago, `2026-11-23T15:37:00Z`, or seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So long before now.
    Ago(DurationMs),
    /// Then.
    At(UnixMillis),
}

impl Moment {
    /// The moment, seen from `now`.
    #[must_use]
    pub fn resolve(self, now: UnixMillis) -> UnixMillis {
        match self {
            Self::Ago(duration) => UnixMillis(now.0.saturating_sub(duration.0)),
            Self::At(moment) => moment,
        }
    }
}

impl FromStr for Moment {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(HumanDuration(duration)) = text.parse() {
            let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            return Ok(Self::Ago(DurationMs(millis)));
        }
        if let Ok(seconds) = text.parse::<u64>() {
            return Ok(Self::At(UnixMillis(seconds.saturating_mul(1000))));
        }
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
            "write a duration before now (10m, 1h 30m), a time (2026-11-23T15:37:00Z) or Unix seconds"
                .to_owned()
        })?;
        let millis = at.unix_timestamp_nanos() / 1_000_000;
        Ok(Self::At(UnixMillis(u64::try_from(millis).unwrap_or(0))))
    }
}

/// `2026-11-23T15:37:00.123Z`.
#[must_use]
pub fn millis(at: UnixMillis) -> String {
    stamp(i128::from(at.0) * 1_000_000, 3)
}

/// `2026-11-23T15:37:00.123456789Z`, as Docker stamps log lines.
#[must_use]
pub fn nanos(at_unix_ns: u64) -> String {
    stamp(i128::from(at_unix_ns), 9)
}

fn stamp(unix_nanos: i128, digits: usize) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp_nanos(unix_nanos) else {
        return "unknown time".to_owned();
    };
    let fraction = format!("{:09}", at.nanosecond());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        &fraction[..digits]
    )
}

#[cfg(test)]
mod tests {
    use lab_types::{DurationMs, UnixMillis};

    use super::{Moment, millis, nanos};

    #[test]
    fn a_moment_is_a_duration_a_time_or_a_number_of_seconds() {
        let read = |text: &str| text.parse::<Moment>();
        assert_eq!(read("10m"), Ok(Moment::Ago(DurationMs(600_000))));
        assert_eq!(read("1h 30m"), Ok(Moment::Ago(DurationMs(5_400_000))));
        assert_eq!(
            read("1700000000"),
            Ok(Moment::At(UnixMillis(1_700_000_000_000)))
        );
        let time = read("2023-11-14T23:13:20.5+01:00");
        assert_eq!(time, Ok(Moment::At(UnixMillis(1_700_000_000_500))));
        assert!(read("yesterday").unwrap_err().contains("10m"));
        let ago = Moment::Ago(DurationMs(400));
        assert_eq!(ago.resolve(UnixMillis(1000)), UnixMillis(600));
        assert_eq!(ago.resolve(UnixMillis(100)), UnixMillis(0));
    }

    #[test]
    fn stamps_are_rfc_3339_in_utc() {
        assert_eq!(
            millis(UnixMillis(1_700_000_000_005)),
            "2023-11-14T22:13:20.005Z"
        );
        assert_eq!(
            nanos(1_700_000_000_000_000_042),
            "2023-11-14T22:13:20.000000042Z"
        );
    }
}
