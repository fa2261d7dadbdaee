//! A spec on its way, read by somebody who may be older than whoever wrote it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TaskSpec;
use crate::ids::SpecDigest;

/// A spec as it comes with others in one message. One that this version cannot read does not make the
/// others unreadable: whoever needs it says so in words, for that task alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarriedSpec {
    /// It can be read.
    Read(Box<TaskSpec>),
    /// It says something that this version does not know.
    Newer {
        /// What, in the decoder's words.
        why: String,
    },
}

impl CarriedSpec {
    /// The spec, if this version reads it as whoever made it did: else why not, in words.
    ///
    /// A field that this version drops (those of lists inside a spec are not refused) shows in the digest.
    ///
    /// # Errors
    /// What of the spec this version does not know.
    pub fn check(self, digest: &SpecDigest) -> Result<TaskSpec, String> {
        match self {
            Self::Read(spec) if spec.digest() == *digest => Ok(*spec),
            Self::Read(_) => Err("what can be read of it is not all that it says".to_owned()),
            Self::Newer { why } => Err(why),
        }
    }
}

impl From<TaskSpec> for CarriedSpec {
    fn from(spec: TaskSpec) -> Self {
        Self::Read(Box::new(spec))
    }
}

impl Serialize for CarriedSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Read(spec) => spec.serialize(serializer),
            Self::Newer { .. } => Err(serde::ser::Error::custom(
                "a spec that cannot be read is not passed on",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for CarriedSpec {
    /// Through JSON, which holds every spec by definition: its digest is that of its JSON.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(match serde_json::from_value::<TaskSpec>(value) {
            Ok(spec) => Self::Read(Box::new(spec)),
            Err(error) => Self::Newer {
                why: error.to_string(),
            },
        })
    }
}
