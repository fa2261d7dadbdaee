//! Keys, claims signed by them, and credentials: who may do what, checked by the nats-server alone.
//!
//! ```text
//! operator ─ signs ─ SYS (the server's own account)
//!          └ signs ─ LAB ─ services.nk signs services and users, each with its row of the table
//!                        └ nodes.nk signs agents; their row is a template in LAB's claims
//! ```
//! Only keys are kept; the accounts' claims are made afresh whenever the server's configuration is
//! written, so that a new version's table of roles holds from the next start on.

mod claims;
mod config;
mod credentials;
mod keys;

pub use config::ServerSettings;
pub use credentials::Credentials;
pub use keys::LabIdentity;

use std::path::PathBuf;

/// Why an identity cannot be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A file cannot be read or written.
    #[error("{path} cannot be {what}")]
    File {
        /// Which.
        path: PathBuf,
        /// `read`, `written`, ….
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] lab_kit::file::Error),
    /// A file's content is not what it should be.
    #[error("{path} is not {expected}: {reason}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl IdentityError {
    /// The same for a person, with a code and what to do next.
    #[must_use]
    pub fn problem(&self) -> lab_types::Problem {
        match self {
            Self::File { source, .. } => {
                lab_types::Problem::new("NAT0010", format!("{self}: {source}"))
                    .help("check the directory's owner and permissions, and that the disk is not full")
            }
            Self::Write(error) => error.into(),
            Self::Content { .. } => lab_types::Problem::new("NAT0011", self.to_string()).help(
                "the file was changed or cut short; put back a copy, or remove it and have it made again",
            ),
        }
    }
}
