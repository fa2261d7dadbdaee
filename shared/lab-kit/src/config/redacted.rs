//! Values that are used and never shown.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is shown in place of a secret. It is refused as a value, so that a dumped configuration
/// which is used as a file does not become a password.
pub const REDACTED: &str = "[redacted]";

/// A secret: `Debug`, `Display` and `Serialize` all show [`REDACTED`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Hides `secret`.
    pub const fn new(secret: T) -> Self {
        Self(secret)
    }

    /// The secret itself; the name is long so that it stands out where it is used.
    pub const fn expose_secret(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(REDACTED)
    }
}

impl<T> Serialize for Redacted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de, T: Deserialize<'de> + AsRef<str>> Deserialize<'de> for Redacted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        // The library's own message would show the value that was found.
        let secret = T::deserialize(deserializer)
            .ok()
            .ok_or_else(|| D::Error::custom("a secret of the wrong form: it must be text"))?;
        if secret.as_ref() == REDACTED {
            return Err(D::Error::custom(
                "this is the form in which secrets are shown, not a secret",
            ));
        }
        Ok(Self(secret))
    }
}
