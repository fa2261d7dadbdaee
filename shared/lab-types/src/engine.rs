//! What an engine can do, by the version of its API.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::status::EngineFacts;

/// A version of the Docker engine's API: `1.41`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

/// Why a text is not a version of the API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a version of the Docker API, like 1.41")]
pub struct InvalidApiVersion {
    /// The text.
    pub text: String,
}

/// Which release of Docker Engine was the first to speak a version, for those that some field needs.
/// Source: the matrix of API versions in Docker's documentation.
const RELEASES: &[(ApiVersion, &str)] = &[
    (ApiVersion::new(1, 41), "20.10"),
    (ApiVersion::new(1, 42), "23.0"),
    (ApiVersion::new(1, 43), "24.0"),
    (ApiVersion::new(1, 44), "25.0"),
    (ApiVersion::new(1, 45), "26.0"),
    (ApiVersion::new(1, 46), "27.0"),
    (ApiVersion::new(1, 48), "28.0"),
    (ApiVersion::new(1, 49), "28.1"),
];

impl ApiVersion {
    /// The oldest that an agent works with: that of Docker Engine 20.10, still what Debian 12 ships.
    pub const MIN: Self = Self::new(1, 41);

    /// A version known at compile time.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// The part before the dot.
    #[must_use]
    pub const fn major(self) -> u16 {
        self.major
    }

    /// The part after the dot.
    #[must_use]
    pub const fn minor(self) -> u16 {
        self.minor
    }

    /// The first release of Docker Engine that speaks it, where that is known.
    #[must_use]
    pub fn release(self) -> Option<&'static str> {
        let mut releases = RELEASES.iter();
        let found = releases.find(|(version, _)| *version == self);
        found.map(|(_, release)| *release)
    }
}

impl EngineFacts {
    /// Which version of its API is spoken with it; nothing where it says something else.
    #[must_use]
    pub fn api(&self) -> Option<ApiVersion> {
        self.api_version.parse().ok()
    }
}

impl FromStr for ApiVersion {
    type Err = InvalidApiVersion;

    fn from_str(text: &str) -> Result<Self, InvalidApiVersion> {
        let parts = text.split_once('.');
        let parts = parts.and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
        match parts {
            Some((major, minor)) => Ok(Self { major, minor }),
            None => Err(InvalidApiVersion {
                text: text.to_owned(),
            }),
        }
    }
}

/// Digits alone: no sign.
fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl TryFrom<String> for ApiVersion {
    type Error = InvalidApiVersion;

    fn try_from(text: String) -> Result<Self, InvalidApiVersion> {
        text.parse()
    }
}

impl From<ApiVersion> for String {
    fn from(version: ApiVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiVersion, RELEASES};
    use crate::spec::{ENGINE_FIELDS, Needs};

    #[test]
    fn versions_are_compared_as_numbers_and_read_back() {
        let version = |text: &str| text.parse::<ApiVersion>().unwrap();
        assert!(version("1.9") < version("1.41") && version("1.53") < version("2.0"));
        assert_eq!(version("1.41").to_string(), "1.41");
        for bad in ["", "1", "1.", ".41", "1.41.0", "1.+4", "v1.41", "1.99999"] {
            assert!(bad.parse::<ApiVersion>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_version_that_a_field_needs_has_its_release_unless_none_is_known() {
        assert!(RELEASES.is_sorted());
        for field in ENGINE_FIELDS {
            if let Needs::Since { api, .. } = field.needs {
                let known = api.release().is_some() || api == ApiVersion::new(1, 54);
                assert!(known, "{} needs {api}", field.model);
            }
        }
    }
}
