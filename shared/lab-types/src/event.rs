//! What happened: facts with a sequence number, kept in a stream.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fence::WriteTag;
use crate::ids::{EventId, NodeId, PlanHash, ProjectName, RequestId, ServiceName, TaskId};
use crate::time::UnixMillis;

/// Which part saw the fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriterKind {
    /// The scheduler's leader.
    Scheduler,
    /// A node's agent.
    Agent,
    /// The provisioner.
    Provisioner,
    /// The planner.
    Planner,
}

impl WriterKind {
    /// The token of the event's subject.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::Agent => "agent",
            Self::Provisioner => "provisioner",
            Self::Planner => "planner",
        }
    }
}

/// One event. Published on `tercio.v1.ev.<writer kind>.<writer>.<noun>.<id>.<what>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its id: the same fact published twice has the same id and is stored once.
    pub id: EventId,
    /// When, by the writer's clock.
    pub at: UnixMillis,
    /// Which kind of part saw it.
    pub writer_kind: WriterKind,
    /// Which one: a node's id, or the name of a service's user.
    pub writer: String,
    /// What it is about and what happened.
    pub what: EventWhat,
    /// About what, for filters.
    pub scope: EventScope,
    /// One sentence for people.
    pub message: String,
    /// Why it happened.
    #[serde(default)]
    pub cause: Cause,
    /// Details for scripts: `replicas`, `exit_code`, `image`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

/// What happened to what; the subject's last tokens come from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventWhat {
    /// A project's files were applied.
    ProjectApplied,
    /// A project was taken down.
    ProjectRemoved,
    /// A service came into being.
    ServiceCreated,
    /// A service's spec changed.
    ServiceUpdated,
    /// A service's number of tasks changed.
    ServiceScaled,
    /// All tasks of a service are in their place.
    ServiceConverged,
    /// A service was removed.
    ServiceRemoved,
    /// A task was given to a node.
    TaskAssigned,
    /// A task runs.
    TaskRunning,
    /// A task's health check passes.
    TaskHealthy,
    /// A task's health check fails.
    TaskUnhealthy,
    /// A task ended with exit code 0.
    TaskCompleted,
    /// A task failed; the agent may start it again.
    TaskFailed,
    /// A task was refused by its agent.
    TaskRejected,
    /// A task was stopped because it should be.
    TaskStopped,
    /// No node can take a task now.
    TaskPending,
    /// A node joined the lab.
    NodeJoined,
    /// A node reports (again).
    NodeReady,
    /// A node is silent, and its patience has not ended.
    NodeAway,
    /// A node has been silent for too long.
    NodeLost,
    /// A node was given another availability, other labels or another patience.
    NodeUpdated,
    /// A node was taken out of the lab.
    NodeRemoved,
    /// Many nodes vanished together: replacing their tasks waits.
    LabHeld,
    /// A scheduler took the lead.
    LeaderElected,
    /// A volume was removed with its data.
    VolumeRemoved,
    /// An image was built.
    ImageBuilt,
    /// An image reached a node from another node.
    ImageTransferred,
    /// An event this version does not know.
    #[serde(other)]
    Unknown,
}

impl EventWhat {
    /// The noun and the past participle, as in the subject: `("service", "scaled")`.
    #[must_use]
    pub const fn tokens(self) -> (&'static str, &'static str) {
        match self {
            Self::ProjectApplied => ("project", "applied"),
            Self::ProjectRemoved => ("project", "removed"),
            Self::ServiceCreated => ("service", "created"),
            Self::ServiceUpdated => ("service", "updated"),
            Self::ServiceScaled => ("service", "scaled"),
            Self::ServiceConverged => ("service", "converged"),
            Self::ServiceRemoved => ("service", "removed"),
            Self::TaskAssigned => ("task", "assigned"),
            Self::TaskRunning => ("task", "running"),
            Self::TaskHealthy => ("task", "healthy"),
            Self::TaskUnhealthy => ("task", "unhealthy"),
            Self::TaskCompleted => ("task", "completed"),
            Self::TaskFailed => ("task", "failed"),
            Self::TaskRejected => ("task", "rejected"),
            Self::TaskStopped => ("task", "stopped"),
            Self::TaskPending => ("task", "pending"),
            Self::NodeJoined => ("node", "joined"),
            Self::NodeReady => ("node", "ready"),
            Self::NodeAway => ("node", "away"),
            Self::NodeLost => ("node", "lost"),
            Self::NodeUpdated => ("node", "updated"),
            Self::NodeRemoved => ("node", "removed"),
            Self::LabHeld => ("lab", "held"),
            Self::LeaderElected => ("leader", "elected"),
            Self::VolumeRemoved => ("volume", "removed"),
            Self::ImageBuilt => ("image", "built"),
            Self::ImageTransferred => ("image", "transferred"),
            Self::Unknown => ("unknown", "unknown"),
        }
    }
}

/// What an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventScope {
    /// The project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
    /// The service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// The slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
    /// The task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// The node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// Another object by its name: a volume, an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

impl EventScope {
    /// The id token of the event's subject: the most specific thing it is about.
    #[must_use]
    pub fn id_token(&self) -> String {
        if let Some(task) = &self.task {
            return task.token();
        }
        match (&self.project, &self.service) {
            (Some(project), Some(service)) => format!("{}_{}", project.token(), service.token()),
            (Some(project), None) => project.token(),
            (None, _) => match (&self.node, &self.object) {
                (Some(node), _) => node.token(),
                (None, Some(object)) => crate::ids::token_of(object),
                (None, None) => "_".to_owned(),
            },
        }
    }
}

/// Why something happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The request that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// Who sent that request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The plan that was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanHash>,
    /// The pass that carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<WriteTag>,
}
