//! The values of the state stream.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    Assignment, EngineName, Event, NodeId, NodeRecord, OutcomeRecord, ProjectName, ProjectRecord,
    RevisionRecord, ServiceName, ServiceRecord, TaskSpec, UnixMillis, UserName,
};
use serde::{Deserialize, Serialize};

/// One value of the state stream; which kind stands under which [`Key`](crate::Key) has the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Record {
    /// Under `spec.<digest>`.
    Spec(Box<TaskSpec>),
    /// Under `desired.project.<p>`.
    Project(ProjectRecord),
    /// Under `desired.service.<p>.<s>`.
    Service(ServiceRecord),
    /// Under `desired.revision.<p>.<n>`.
    Revision(Box<RevisionRecord>),
    /// Under `node.<id>`.
    Node(NodeRecord),
    /// Under `outcome.<p>.<s>.<slot>`.
    Outcome(OutcomeRecord),
    /// Under `assignment.<node>`.
    Assignment(Assignment),
    /// Under `op.<request-id>`.
    Answer(StoredAnswer),
    /// Under `outbox.<pass>`.
    Outbox(Vec<Event>),
}

/// The answer to a request that changed something, kept for a repetition of that request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// Who asked; the id of somebody else's request gives no answer.
    pub user: UserName,
    /// What was answered.
    pub answer: Answer,
    /// When, by the leader's clock; answers are dropped after [`Policy::answers_kept`](crate::Policy).
    pub at: UnixMillis,
}

/// What a fulfilled request is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    /// To `project.apply`.
    ProjectApplied {
        /// The project.
        project: ProjectName,
        /// Its revision now.
        revision: u64,
        /// Whether anything changed.
        changed: bool,
        /// Slots that had failed for good and are tried again.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        retried: BTreeMap<ServiceName, BTreeSet<u32>>,
    },
    /// To `project.remove`.
    ProjectRemoved {
        /// The project.
        project: ProjectName,
        /// Its revision now.
        revision: u64,
        /// The services that go.
        services: Vec<ServiceName>,
        /// The networks that go, by their name on the engine.
        networks: Vec<EngineName>,
        /// The volumes that go with their data, by their name on the engine.
        volumes: Vec<EngineName>,
        /// Volumes of the project that stay despite a consent, as its files no longer have them and the
        /// consent does not name them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kept_volumes: Vec<EngineName>,
        /// Whether anything changed.
        changed: bool,
    },
    /// To `service.create`, `service.scale` and `service.remove`.
    ServiceChanged {
        /// Its project.
        project: ProjectName,
        /// The service.
        service: ServiceName,
        /// The project's revision now.
        revision: u64,
        /// Whether anything changed.
        changed: bool,
    },
    /// To `node.register`.
    NodeRegistered {
        /// The node.
        node: NodeId,
        /// Whether anything changed.
        changed: bool,
    },
    /// To `node.update` and `node.remove`.
    NodeChanged {
        /// The node.
        node: NodeId,
        /// Whether anything changed.
        changed: bool,
    },
    /// An answer this version does not know.
    #[serde(other)]
    Unknown,
}
