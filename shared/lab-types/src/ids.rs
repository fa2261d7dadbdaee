//! Names and typed identifiers.
//!
//! Every id is made by `new`, which checks it; a value of the type is therefore always valid, also
//! when it came over the wire (`Deserialize` goes through the same check). No id contains a dot, a
//! wildcard or white space, so that each fits one token of a NATS subject, except the names users
//! choose in Compose files ([`ServiceName`], [`EngineName`]): those have a `token()` form.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest identifier accepted, in bytes: Docker's own limit for names is 128, a DNS label's 63.
pub const ID_BYTES_MAX: usize = 128;

/// Why a text is not an identifier of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {kind}: {rule}")]
pub struct InvalidId {
    /// What it should have been, in words: "project name".
    pub kind: &'static str,
    /// The offending text, shortened to 64 characters.
    pub text: String,
    /// The rule in words.
    pub rule: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and makes the id.
            ///
            /// # Errors
            /// [`InvalidId`] with the rule that was broken.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let check: fn(&str) -> bool = $check;
                if text.is_empty() || text.len() > ID_BYTES_MAX || !check(&text) {
                    let text = text.chars().take(64).collect();
                    return Err(InvalidId { kind: $kind, text, rule: $rule });
                }
                Ok(Self(text))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as one token of a subject or key: bytes outside `[A-Za-z0-9_-]` become `=HH`.
            #[must_use]
            pub fn token(&self) -> String {
                token_of(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

fn lower_token(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

fn any_token(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

fn docker_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

fn hex_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

id!(
    /// What a Compose file set describes. Source: Compose specification, "Name top-level element".
    ProjectName, "project name", lower_token,
    "it must start with a lower-case letter or a digit and hold only lower-case letters, digits, '-' and '_'"
);
id!(
    /// A service's name inside its project. Source: Compose schema, `services` pattern.
    ServiceName, "service name", docker_name,
    "it may hold only letters, digits, '.', '_' and '-', and must not start with '.' or '-'"
);
id!(
    /// A network's key inside its project.
    NetworkName, "network name", docker_name,
    "it may hold only letters, digits, '.', '_' and '-', and must not start with '.' or '-'"
);
id!(
    /// A volume's key inside its project.
    VolumeName, "volume name", docker_name,
    "it may hold only letters, digits, '.', '_' and '-', and must not start with '.' or '-'"
);
id!(
    /// The name of a network, volume or container as the Docker engine knows it.
    EngineName, "engine object name", docker_name,
    "it may hold only letters, digits, '.', '_' and '-', and must not start with '.' or '-'"
);
id!(
    /// A node of the lab; given once, when it joins.
    NodeId, "node id", any_token, "it may hold only letters, digits, '_' and '-'"
);
id!(
    /// A node's name for people: its host name.
    NodeName, "node name", docker_name, "it may hold only letters, digits, '.', '_' and '-'"
);
id!(
    /// Who sends a request; NATS itself vouches for it (it is a token of the subject).
    UserName, "user name", any_token, "it may hold only letters, digits, '_' and '-'"
);
id!(
    /// One installation of Tercio.
    LabId, "lab id", any_token, "it may hold only letters, digits, '_' and '-'"
);
id!(
    /// One filling of one slot on one node; never reused.
    TaskId, "task id", any_token, "it may hold only letters, digits, '_' and '-'"
);
id!(
    /// The idempotency id of a request: the same id gets the first answer again.
    RequestId, "request id", any_token, "it may hold only letters, digits, '_' and '-'"
);
id!(
    /// One chunked stream (logs, build context, build output).
    StreamId, "stream id", any_token, "it may hold only letters, digits, '_' and '-'"
);
id!(
    /// One event; also its message id, so that a repeated publish is stored once.
    EventId, "event id", any_token, "it may hold only letters, digits, '_' and '-'"
);
id!(
    /// The consent to remove something that holds data; a copy of the request's id that gave it.
    ConfirmationId, "confirmation id", any_token, "it may hold only letters, digits, '_' and '-'"
);
id!(
    /// SHA-256 of a task spec's canonical bytes, 64 lower-case hexadecimal digits.
    SpecDigest, "spec digest", hex_digest, "it must be 64 lower-case hexadecimal digits"
);
id!(
    /// SHA-256 over a plan and the revisions of all it read, 64 lower-case hexadecimal digits.
    PlanHash, "plan hash", hex_digest, "it must be 64 lower-case hexadecimal digits"
);

/// Any text as one token of a subject or key: bytes outside `[A-Za-z0-9_-]` become `=HH`.
#[must_use]
pub fn token_of(text: &str) -> String {
    use fmt::Write as _;
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-".contains(&byte) {
            token.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(token, "={byte:02X}");
        }
    }
    token
}

/// Turns `length` random bytes into an id text: lower-case base 32 without padding.
///
/// The caller brings the randomness, so that a decision with a seeded generator stays repeatable.
#[must_use]
pub fn id_text(random: &[u8]) -> String {
    data_encoding::BASE32_NOPAD
        .encode(random)
        .to_ascii_lowercase()
}

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::{NodeId, ProjectName, ServiceName, SpecDigest};

    #[test]
    fn ids_that_would_break_a_subject_are_refused() {
        for bad in ["", "a.b", "a b", "a*", ">", "ä", &"x".repeat(129)] {
            assert!(NodeId::new(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn project_names_follow_the_compose_rule() {
        assert!(ProjectName::new("my-shop_2").is_ok());
        for bad in ["Shop", "-shop", "_shop", "sh.op"] {
            assert!(ProjectName::new(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_dotted_service_name_becomes_one_token_and_stays_distinct() {
        let dotted = ServiceName::new("a.b").unwrap();
        assert_eq!(dotted.token(), "a=2Eb");
        assert_eq!(ServiceName::new("a_b").unwrap().token(), "a_b");
    }

    #[test]
    fn an_id_off_the_wire_is_checked_too() {
        assert!(serde_json::from_str::<NodeId>("\"n1\"").is_ok());
        let refused = serde_json::from_str::<NodeId>("\"a.b\"")
            .unwrap_err()
            .to_string();
        assert!(refused.contains("not a valid node id"), "{refused}");
        assert!(serde_json::from_str::<SpecDigest>("\"zz\"").is_err());
    }
}
