//! On which machines an image can run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::status::NodeFacts;

/// A platform as images name it: `linux/amd64`, `linux/arm/v7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform {
    os: String,
    architecture: String,
    /// What of the architecture; nodes do not tell theirs, so it refuses none.
    variant: Option<String>,
}

/// Why a text is not a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a platform: write OS/ARCHITECTURE, like linux/amd64")]
pub struct InvalidPlatform {
    /// The text.
    pub text: String,
}

impl Platform {
    /// Whether a node of these facts runs it. A node that does not tell what it is, is not refused.
    #[must_use]
    pub fn fits(&self, facts: &NodeFacts) -> bool {
        let same = |ours: &str, theirs: &str| theirs.is_empty() || ours == theirs;
        same(&self.os, &facts.os) && same(&self.architecture, &facts.architecture)
    }
}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_word = |part: &&str| {
            let mut letters = part.chars();
            !part.is_empty()
                && part.len() <= 32
                && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        let platform = match parts.as_slice() {
            [os, architecture, variant @ ..] if variant.len() <= 1 => Self {
                os: (*os).to_owned(),
                architecture: (*architecture).to_owned(),
                variant: variant.first().map(|variant| (*variant).to_owned()),
            },
            _ => {
                return Err(InvalidPlatform {
                    text: text.to_owned(),
                });
            }
        };
        match parts.iter().all(is_word) {
            true => Ok(platform),
            false => Err(InvalidPlatform {
                text: text.to_owned(),
            }),
        }
    }
}

impl TryFrom<String> for Platform {
    type Error = InvalidPlatform;

    fn try_from(text: String) -> Result<Self, InvalidPlatform> {
        text.parse()
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.to_string()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NodeFacts, Platform};

    #[test]
    fn a_platform_reads_back_and_fits_nodes_of_its_kind() {
        let arm: Platform = "linux/arm/v7".parse().unwrap();
        assert_eq!(arm.to_string(), "linux/arm/v7");
        let facts = |os: &str, architecture: &str| NodeFacts {
            os: os.into(),
            architecture: architecture.into(),
            ..NodeFacts::default()
        };
        assert!(arm.fits(&facts("linux", "arm")));
        assert!(arm.fits(&facts("", "")));
        assert!(!arm.fits(&facts("linux", "amd64")));
        assert!(!arm.fits(&facts("windows", "arm")));
        for bad in [
            "",
            "linux",
            "linux/",
            "/arm",
            "a/b/c/d",
            "linux/AMD64",
            "linux/amd 64",
        ] {
            assert!(bad.parse::<Platform>().is_err(), "{bad:?}");
        }
    }
}
