//! Sizes and durations as people write them.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Visitor};

/// Why a text is no size or duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}: write it as in {example}")]
pub struct InvalidUnit {
    /// What it should have been: `size` or `duration`.
    pub kind: &'static str,
    /// As it was written.
    pub text: String,
    /// Good examples.
    pub example: &'static str,
}

/// A duration, written `"10s"`, `"1m 30s"` or `"250ms"`. A number without a unit is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct HumanDuration(pub Duration);

impl HumanDuration {
    /// Of whole seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// Of milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

impl FromStr for HumanDuration {
    type Err = InvalidUnit;
    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        let parsed = humantime::parse_duration(text).ok();
        parsed.map(Self).ok_or_else(|| InvalidUnit {
            kind: "duration",
            text: text.to_owned(),
            example: r#""10s", "1m 30s" or "250ms""#,
        })
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// A number of bytes, written `"64MiB"`, `"1.5 GiB"`, `"500kB"` or `"4096"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct Bytes(pub u64);

/// Units from large to small; those of 1024 first, since sizes are shown in them.
const UNITS: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

impl Bytes {
    /// Of mebibytes, saturating.
    #[must_use]
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib.saturating_mul(1 << 20))
    }
}

impl FromStr for Bytes {
    type Err = InvalidUnit;
    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        parse_bytes(text.trim())
            .map(Self)
            .ok_or_else(|| InvalidUnit {
                kind: "size",
                text: text.to_owned(),
                example: r#""64MiB", "1.5GiB", "500kB" or "4096""#,
            })
    }
}

/// Exact: a fraction is read digit by digit, and one that is no whole number of bytes is refused.
fn parse_bytes(text: &str) -> Option<u64> {
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let unit = unit.trim_start();
    let factor = match unit {
        "" => 1,
        unit => {
            UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit))?
                .1
        }
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let units: u128 = whole.parse::<u64>().ok()?.into();
    let parts: u128 = fraction.parse::<u64>().ok()?.into();
    let scaled = (units.checked_mul(scale)?.checked_add(parts)?).checked_mul(factor.into())?;
    (scaled % scale == 0)
        .then(|| u64::try_from(scaled / scale).ok())
        .flatten()
}

impl fmt::Display for Bytes {
    /// Exact when it is a whole number of a unit; otherwise to one decimal with `about`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match exact_unit(self.0) {
            Some((count, name)) => write!(f, "{count}{name}"),
            None => {
                let (name, size) = UNITS[..4]
                    .iter()
                    .find(|(_, size)| self.0 >= *size)
                    .unwrap_or(&("B", 1));
                let tenths = u128::from(self.0) * 10 / u128::from(*size);
                write!(f, "about {}.{}{name}", tenths / 10, tenths % 10)
            }
        }
    }
}

fn exact_unit(bytes: u64) -> Option<(u64, &'static str)> {
    if bytes < 1024 {
        return Some((bytes, "B"));
    }
    UNITS[..4]
        .iter()
        .find(|(_, size)| bytes.is_multiple_of(*size))
        .map(|(name, size)| (bytes / size, *name))
}

impl From<HumanDuration> for String {
    fn from(duration: HumanDuration) -> Self {
        duration.to_string()
    }
}

/// Reads a text and says, when there is something else, how to write it.
struct Text<T>(&'static str, PhantomData<T>);

impl<T: FromStr<Err = InvalidUnit>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(r#"a duration such as "10s""#, PhantomData))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(r#"a size such as "64MiB""#, PhantomData))
    }
}

impl From<Bytes> for String {
    /// Exact always: what is written is read back as the same number.
    fn from(bytes: Bytes) -> Self {
        match exact_unit(bytes.0) {
            Some((count, name)) => format!("{count}{name}"),
            None => format!("{}B", bytes.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Bytes, HumanDuration};

    #[test]
    fn sizes_are_read_exactly() {
        for (text, bytes) in [
            ("64MiB", 64 << 20),
            ("1.5 GiB", 3 << 29),
            ("500kB", 500_000),
            ("4096", 4096),
            ("0.5KiB", 512),
            ("1tib", 1 << 40),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_examples() {
        for text in [
            "",
            "MiB",
            "1.5B",
            "-1",
            "1..2",
            "64 M",
            "99999999999TiB",
            "1e3",
        ] {
            let refused = text.parse::<Bytes>().unwrap_err().to_string();
            assert!(refused.contains("64MiB"), "{refused}");
        }
    }

    #[test]
    fn sizes_are_shown_short_and_written_exactly() {
        let shown = [0, 512, 64 << 20, (1 << 30) + 1].map(|bytes| Bytes(bytes).to_string());
        assert_eq!(shown, ["0B", "512B", "64MiB", "about 1.0GiB"]);
        for bytes in [0, 1, 1500, 1 << 30, (1 << 30) + 1, u64::MAX] {
            let written = String::from(Bytes(bytes));
            assert_eq!(written.parse(), Ok(Bytes(bytes)), "{written}");
        }
    }

    #[test]
    fn durations_need_a_unit_and_print_as_they_are_read() {
        let read: HumanDuration = "1m 30s".parse().unwrap();
        assert_eq!(read.0, Duration::from_secs(90));
        assert_eq!(read.to_string(), "1m 30s");
        let refused = "10".parse::<HumanDuration>().unwrap_err().to_string();
        assert_eq!(
            refused,
            r#""10" is not a duration: write it as in "10s", "1m 30s" or "250ms""#
        );
    }
}
