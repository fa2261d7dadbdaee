//! One change of a project, as a person or a script is shown it.

use serde::{Deserialize, Serialize};

use crate::ids::{PlanHash, ServiceName};
use crate::time::UnixMillis;

/// One revision of a project: what the change that made it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRow {
    /// Which; the highest is the present one.
    pub revision: u64,
    /// When it was made.
    pub at: UnixMillis,
    /// By whom.
    pub by: String,
    /// The plan that was applied, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanHash>,
    /// What it did to services, in order of name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceChange>,
    /// What else of the project it changed: `networks`, `volumes`, `files`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
}

/// What a revision did to one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceChange {
    /// Which.
    pub service: ServiceName,
    /// What.
    #[serde(flatten)]
    pub change: RevisionChange,
}

/// How a revision changed a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RevisionChange {
    /// It was made.
    Created,
    /// It was removed.
    Removed,
    /// Its number of tasks was changed, and nothing else.
    Scaled {
        /// From.
        from: u32,
        /// To.
        to: u32,
    },
    /// How it runs, or what it waits for, was changed.
    Updated,
    /// A kind this version does not know.
    #[serde(other)]
    Unknown,
}

impl std::fmt::Display for ServiceChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let service = &self.service;
        match self.change {
            RevisionChange::Created => write!(f, "{service} created"),
            RevisionChange::Removed => write!(f, "{service} removed"),
            RevisionChange::Scaled { from, to } => write!(f, "{service} scaled {from} → {to}"),
            RevisionChange::Updated => write!(f, "{service} updated"),
            RevisionChange::Unknown => write!(f, "{service} changed"),
        }
    }
}
