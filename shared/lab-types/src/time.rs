//! Instants and durations as plain integers of a named unit.
//!
//! Decisions take the time as an argument; nothing here can read a clock.

use serde::{Deserialize, Serialize};

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The instant `duration` later, saturating at the end of time.
    #[must_use]
    pub const fn plus(self, duration: DurationMs) -> Self {
        Self(self.0.saturating_add(duration.0))
    }

    /// How long after `earlier` this instant is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> DurationMs {
        DurationMs(self.0.saturating_sub(earlier.0))
    }
}

/// A duration in milliseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct DurationMs(pub u64);

impl DurationMs {
    /// A duration of whole seconds, saturating.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// The same duration as the standard library's type.
    #[must_use]
    pub const fn as_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl std::fmt::Display for DurationMs {
    /// `350ms`, `2.5s`, `90s`: the shortest form that loses nothing.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (secs, millis) = (self.0 / 1000, self.0 % 1000);
        match (secs, millis) {
            (0, millis) => write!(f, "{millis}ms"),
            (secs, 0) => write!(f, "{secs}s"),
            (secs, millis) => {
                let text = format!("{secs}.{millis:03}");
                write!(f, "{}s", text.trim_end_matches('0'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DurationMs;

    #[test]
    fn a_duration_prints_in_its_shortest_exact_form() {
        let shown = [350, 2500, 90_000, 1001].map(|ms| DurationMs(ms).to_string());
        assert_eq!(shown, ["350ms", "2.5s", "90s", "1.001s"]);
    }
}
