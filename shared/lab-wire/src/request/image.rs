//! Requests that open streams: logs, builds, pulls.

use lab_types::{NodeId, NodeName, Problem, RequestId, ServiceName, StreamId, TaskId};
use serde::{Deserialize, Serialize};

use crate::agent::{BuildOptions, LogOptions};

/// `service.logs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceLogs {
    /// Which; empty for all of the project.
    #[serde(default)]
    pub services: Vec<ServiceName>,
    /// Which part.
    #[serde(default)]
    pub options: LogOptions,
}

/// Streams that were opened for the client: it subscribes to each and grants credit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamsOpened {
    /// One each.
    pub streams: Vec<OpenedStream>,
    /// Logs that cannot be read now; one does not keep the others from being read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unopened: Vec<UnopenedStream>,
}

/// A log that cannot be read now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnopenedStream {
    /// The name of the agent's node.
    pub node_name: NodeName,
    /// Whose log.
    pub task: TaskId,
    /// The service of that task.
    pub service: ServiceName,
    /// The slot of that task.
    pub slot: u32,
    /// Why.
    pub problem: Problem,
}

/// One opened stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedStream {
    /// Its id.
    pub stream: StreamId,
    /// The agent's node.
    pub node: NodeId,
    /// The agent's node's name.
    pub node_name: NodeName,
    /// Whose log, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// The service of that task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// The slot of that task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
}

/// `image.build`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageBuild {
    /// What and how.
    pub options: BuildOptions,
    /// On which node; absent for the lab's choice.
    #[serde(default)]
    pub node: Option<NodeId>,
    /// The idempotency id.
    #[serde(default)]
    pub request_id: Option<RequestId>,
}

/// `image.pull`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImagePull {
    /// The image's reference.
    pub image: String,
    /// The idempotency id.
    #[serde(default)]
    pub request_id: Option<RequestId>,
}
