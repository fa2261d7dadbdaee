//! What a project is and was.

use lab_types::ProjectModel;
use lab_types::row::RevisionRow;
use serde::{Deserialize, Serialize};

/// `project.history`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectHistory {}

/// A project's changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectHistoryTold {
    /// The revision the project is at.
    pub revision: u64,
    /// The changes that are kept, the newest first.
    pub revisions: Vec<RevisionRow>,
}

/// `project.inspect`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectInspect {
    /// As of which of its revisions; absent for the present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
}

/// A project as it is, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectInspected {
    /// As of which revision.
    pub revision: u64,
    /// What it says.
    pub model: ProjectModel,
}

/// `plan.restore`: a plan that brings a project back to what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRestore {
    /// To which of its revisions.
    pub revision: u64,
}
