//! One identity's claims and key, as a `.creds` file and in memory.

use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use lab_wire::Role;
use nkeys::KeyPair;
use serde::Deserialize;
use serde_json::Value;

use super::IdentityError;
use super::claims::{INBOX_TAG, grants};
use super::keys::{read_secret, write_secret};

/// An identity's signed claims and secret key.
#[derive(Clone)]
pub struct Credentials {
    jwt: String,
    seed: String,
    name: String,
    inbox_prefix: String,
    /// What they permit: `pub`, `sub` and `resp` of the claims.
    grants: [Option<Value>; 3],
}

impl std::fmt::Debug for Credentials {
    /// Names the identity and shows no secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Claims {
    name: String,
    nats: NatsClaims,
}

#[derive(Deserialize)]
struct NatsClaims {
    #[serde(default)]
    tags: Vec<String>,
    #[serde(rename = "pub")]
    publish: Option<Value>,
    #[serde(rename = "sub")]
    subscribe: Option<Value>,
    #[serde(rename = "resp")]
    respond: Option<Value>,
}

impl Credentials {
    pub(super) fn new(jwt: String, key: &KeyPair) -> Self {
        let seed = key.seed().expect("invariant: a fresh key has its seed");
        Self::parse(jwt, seed).expect("invariant: claims made here can be read here")
    }

    fn parse(jwt: String, seed: String) -> Result<Self, String> {
        KeyPair::from_seed(&seed).map_err(|error| format!("the seed: {error}"))?;
        let body = jwt.split('.').nth(1).ok_or("the claims have no body")?;
        let body = BASE64URL_NOPAD
            .decode(body.as_bytes())
            .map_err(|error| format!("the claims: {error}"))?;
        let claims: Claims =
            lab_wire::decode_json(&body).map_err(|error| format!("the claims: {error}"))?;
        let mut inboxes = claims.nats.tags.iter();
        let inbox_prefix = inboxes.find_map(|tag| tag.strip_prefix(INBOX_TAG));
        Ok(Self {
            inbox_prefix: inbox_prefix.unwrap_or("_INBOX").to_owned(),
            grants: [
                claims.nats.publish,
                claims.nats.subscribe,
                claims.nats.respond,
            ],
            name: claims.name,
            jwt,
            seed,
        })
    }

    /// Reads a `.creds` file.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn read(path: &Path) -> Result<Self, IdentityError> {
        let text = read_secret(path)?;
        let section = |name: &str| {
            let begin = format!("-----BEGIN {name}-----");
            let mut lines = text.lines().map(str::trim);
            lines.find(|line| *line == begin)?;
            lines.next().map(str::to_owned)
        };
        let refuse = |reason: String| IdentityError::Content {
            path: path.to_owned(),
            expected: "a credentials file",
            reason,
        };
        let jwt = section(JWT).ok_or_else(|| refuse(format!("it has no {JWT}")))?;
        let seed = section(SEED).ok_or_else(|| refuse(format!("it has no {SEED}")))?;
        Self::parse(jwt, seed).map_err(refuse)
    }

    /// Writes a `.creds` file that only its owner can read; other NATS clients can use it as well.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn write(&self, path: &Path) -> Result<(), IdentityError> {
        let text = format!(
            "-----BEGIN {JWT}-----\n{}\n------END {JWT}------\n\n\
             -----BEGIN {SEED}-----\n{}\n------END {SEED}------\n",
            self.jwt, self.seed
        );
        write_secret(path, &text)
    }

    /// The identity's name: a user's name, a node's id, `scheduler`, ….
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether they permit exactly what the table of roles permits `role`. Those that an earlier
    /// version issued may permit more, or less.
    #[must_use]
    pub fn are_current(&self, role: &Role) -> bool {
        let now = grants(role);
        self.grants == ["pub", "sub", "resp"].map(|key| now.get(key).cloned())
    }

    /// What its inboxes begin with.
    #[must_use]
    pub fn inbox_prefix(&self) -> &str {
        &self.inbox_prefix
    }

    pub(crate) fn jwt(&self) -> &str {
        &self.jwt
    }

    pub(crate) fn key(&self) -> KeyPair {
        KeyPair::from_seed(&self.seed).expect("invariant: the seed was checked when it was read")
    }
}

const JWT: &str = "NATS USER JWT";
const SEED: &str = "USER NKEY SEED";
