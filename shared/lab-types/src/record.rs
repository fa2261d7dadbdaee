//! Desired state, one struct a key of the state stream. The scheduler's leader alone writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{
    NetworkName, NodeId, NodeName, ProjectName, ServiceName, SpecDigest, TaskId, VolumeName,
};
use crate::spec::{NetworkSpec, TaskSpec, VolumeSpec};
use crate::time::{DurationMs, UnixMillis};

/// What a Compose file set says, after reading: the planner's product and `project.apply`'s body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectModel {
    /// The project.
    pub name: ProjectName,
    /// Its services by name.
    pub services: BTreeMap<ServiceName, ServiceModel>,
    /// Its networks by key.
    pub networks: BTreeMap<NetworkName, NetworkSpec>,
    /// Its volumes by key.
    pub volumes: BTreeMap<VolumeName, VolumeSpec>,
    /// The folder its relative paths start from, on the client's machine.
    pub working_dir: String,
    /// The files it was read from, on the client's machine.
    pub config_files: Vec<String>,
}

/// One service of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceModel {
    /// How to run one task.
    pub task: TaskSpec,
    /// How many.
    pub replicas: u32,
    /// What must be there first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub depends_on: BTreeMap<ServiceName, Dependency>,
}

/// What a service waits for before its tasks start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Until when.
    pub condition: Condition,
    /// Whether the dependency must exist at all.
    #[serde(default = "yes")]
    pub required: bool,
}

const fn yes() -> bool {
    true
}

/// Until when a service waits for another. Source: Compose specification, `depends_on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Until its tasks have started.
    ServiceStarted,
    /// Until all of its tasks are healthy.
    ServiceHealthy,
    /// Until its tasks have ended with exit code 0.
    ServiceCompletedSuccessfully,
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ServiceStarted => "service_started",
            Self::ServiceHealthy => "service_healthy",
            Self::ServiceCompletedSuccessfully => "service_completed_successfully",
        })
    }
}

/// Key `desired.project.<project>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRecord {
    /// The project.
    pub name: ProjectName,
    /// Counts the applied changes, from 1; never reused, also after a removal.
    pub revision: u64,
    /// When the last change was applied, by the leader's clock.
    pub applied_at: UnixMillis,
    /// By whom: the user of the request.
    pub applied_by: String,
    /// Its networks.
    pub networks: BTreeMap<NetworkName, NetworkSpec>,
    /// Its volumes; kept after a removal of the project until they are removed, so that a later
    /// `down -v` still knows them.
    pub volumes: BTreeMap<VolumeName, VolumeSpec>,
    /// The folder on the client's machine.
    pub working_dir: String,
    /// The files on the client's machine.
    pub config_files: Vec<String>,
}

/// Key `desired.service.<project>.<service>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRecord {
    /// Its project.
    pub project: ProjectName,
    /// Its name.
    pub name: ServiceName,
    /// How to run one task; the spec itself stands under `spec.<digest>`.
    pub spec: SpecDigest,
    /// How many.
    pub replicas: u32,
    /// What must be there first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub depends_on: BTreeMap<ServiceName, Dependency>,
    /// Networks its tasks need, by key.
    #[serde(default)]
    pub networks: Vec<NetworkName>,
    /// Volumes its tasks need, by key.
    #[serde(default)]
    pub volumes: Vec<VolumeName>,
    /// Counts its changes, from 1.
    pub revision: u64,
    /// How often somebody asked to try again what had failed for good.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
    /// When it was first created, by the leader's clock.
    pub created_at: UnixMillis,
}

/// Whether a node takes tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It takes tasks.
    #[default]
    Active,
    /// It keeps what it has and takes no more.
    Pause,
    /// Its tasks are moved elsewhere.
    Drain,
}

impl std::fmt::Display for Availability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Pause => "pause",
            Self::Drain => "drain",
        })
    }
}

/// What a node is to the lab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeRole {
    /// It also runs the control plane.
    Manager,
    /// It runs tasks only.
    #[default]
    Worker,
}

impl std::fmt::Display for NodeRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Manager => "manager",
            Self::Worker => "worker",
        })
    }
}

/// Key `node.<id>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Its id.
    pub id: NodeId,
    /// Its host name.
    pub name: NodeName,
    /// What it is to the lab.
    pub role: NodeRole,
    /// Whether it takes tasks.
    pub availability: Availability,
    /// Labels for placement.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// How long it may be silent before it counts as lost: a laptop that is away is not dead. Absent
    /// for three missed signs of life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<DurationMs>,
    /// When it joined, by the leader's clock.
    pub joined_at: UnixMillis,
    /// Since when it is lost, by the leader's clock; the next leader need not find it lost once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_since: Option<UnixMillis>,
}

/// Key `outcome.<project>.<service>.<slot>`: what a later decision needs and a dead node would take
/// with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// Its project.
    pub project: ProjectName,
    /// Its service.
    pub service: ServiceName,
    /// Its slot.
    pub slot: u32,
    /// Of which spec.
    pub spec: SpecDigest,
    /// Which of the service's [`tries`](ServiceRecord::tries) it belongs to.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
    /// Of which task.
    pub task: TaskId,
    /// How it ended.
    pub outcome: Outcome,
}

impl OutcomeRecord {
    /// Whether it says something of the service as it is: a failure of another spec, or from before
    /// somebody asked to try again, does not.
    #[must_use]
    pub fn is_of(&self, service: &ServiceRecord) -> bool {
        let same_try = self.outcome == Outcome::Completed || self.tries == service.tries;
        self.spec == service.spec && same_try
    }
}

const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How a task ended for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// With exit code 0, and the policy asks for no further start.
    Completed,
    /// With a failure, and the policy allows no further start.
    Exhausted {
        /// The last exit code, when there was a process.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i64>,
        /// Why, in words.
        message: String,
    },
    /// Not at all yet: these nodes have refused the task, each with why in words, and another is tried.
    Refused {
        /// Which nodes will not be asked again.
        nodes: BTreeMap<NodeId, String>,
    },
}
