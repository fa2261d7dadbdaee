//! Requests about the lab itself: nodes, machines, who leads.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{Availability, DurationMs, NodeId, RequestId, TaskStatus, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::row::{MachineRow, NodeRow};

/// `node.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeList {
    /// Rows behind there: the `next` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A page of nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeListed {
    /// In order of name.
    pub nodes: Vec<NodeRow>,
    /// What to ask after for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `node.inspect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeInspect {
    /// A node's id or name.
    pub node: String,
}

/// All about one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInspected {
    /// Its row.
    pub row: NodeRow,
    /// Its record.
    pub record: lab_types::NodeRecord,
    /// What it is, when it has reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<lab_types::NodeFacts>,
    /// The assignment's fence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned: Option<lab_types::Fence>,
    /// What it has accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<lab_types::Fence>,
    /// Its tasks as it reported them.
    pub tasks: Vec<TaskStatus>,
    /// Networks and volumes of the lab that exist on it, as it reported them.
    #[serde(default)]
    pub present: Vec<lab_types::EngineName>,
}

/// `node.update`: what is absent stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeUpdate {
    /// A node's id or name.
    pub node: String,
    /// Whether it takes tasks.
    #[serde(default)]
    pub availability: Option<Availability>,
    /// Labels to be set.
    #[serde(default)]
    pub label_add: BTreeMap<String, String>,
    /// Labels to be taken away.
    #[serde(default)]
    pub label_rm: BTreeSet<String>,
    /// How long it may be silent before it counts as lost, in milliseconds; 0 for the usual.
    #[serde(default)]
    pub patience: Option<DurationMs>,
    /// The idempotency id.
    #[serde(default)]
    pub request_id: Option<RequestId>,
}

/// `node.remove`: takes a lost node out of the lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeRemove {
    /// A node's id or name.
    pub node: String,
    /// The idempotency id.
    #[serde(default)]
    pub request_id: Option<RequestId>,
}

/// What became of a change to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeChanged {
    /// Its id.
    pub node: NodeId,
    /// Whether anything was changed.
    pub changed: bool,
}

/// `lab.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabStatusGet {}

/// Who leads, and how far the state is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabStatus {
    /// Whose life, which leader, which pass.
    pub head: lab_types::WriteTag,
    /// Since when this leader leads, by its clock.
    pub leader_since: UnixMillis,
    /// The leader's version.
    pub version: String,
    /// How many projects, services, tasks and nodes there are.
    pub counts: LabCounts,
    /// What holds the scheduler back, in words: "removals are held: …".
    #[serde(default)]
    pub notices: Vec<String>,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabCounts {
    /// Projects.
    pub projects: u32,
    /// Services.
    pub services: u32,
    /// Tasks that should run.
    pub tasks_desired: u32,
    /// Tasks that run and are healthy.
    pub tasks_running: u32,
    /// Nodes.
    pub nodes: u32,
    /// Nodes that report.
    pub nodes_ready: u32,
}

/// `machine.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineList {}

/// The machines by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineListed {
    /// In order of name.
    pub machines: Vec<MachineRow>,
}
