//! The rows that lists answer with: the lab as a person or a script is shown it.

mod revision;
mod slots;

use std::collections::BTreeMap;

use crate::assignment::TaskTarget;
use crate::ids::{NodeId, NodeName, ProjectName, ServiceName, TaskId};
use crate::record::{Availability, NodeRole};
use crate::spec::{PortPublish, Resources};
use crate::status::{EngineFacts, Health, NodeLiveness, TaskProgress};
use crate::time::{DurationMs, UnixMillis};
use serde::{Deserialize, Serialize};

pub use revision::{RevisionChange, RevisionRow, ServiceChange};
pub use slots::Slots;

/// One project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRow {
    /// Its name.
    pub project: ProjectName,
    /// Its revision.
    pub revision: u64,
    /// How many services it has.
    pub services: u32,
    /// How many of its tasks are serving.
    pub running: u32,
    /// How many should be.
    pub desired: u32,
    /// When it was last changed.
    pub applied_at: UnixMillis,
    /// The files it was read from.
    pub config_files: Vec<String>,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRow {
    /// Its project.
    pub project: ProjectName,
    /// Its name.
    pub service: ServiceName,
    /// Its image.
    pub image: String,
    /// How many tasks run (and are healthy, where they have a health check).
    pub running: u32,
    /// How many have ended with exit code 0 for good.
    pub completed: u32,
    /// How many there should be.
    pub desired: u32,
    /// Its published ports.
    pub ports: Vec<PortPublish>,
    /// Its revision.
    pub revision: u64,
    /// Whether every slot is in its place: running and healthy, or completed.
    pub converged: bool,
    /// Whether two tasks of one slot never run at the same time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exclusive: bool,
    /// Slots that wait or failed for good, by why, in the order of their first slots.
    pub problems: Vec<SlotProblem>,
    /// Slots that whoever waits for them should wait for no longer, although the lab goes on trying; at
    /// most [`Hopeless::MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hopeless: Vec<Hopeless>,
}

/// A slot that is not worth waiting for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hopeless {
    /// Which slot.
    pub slot: u32,
    /// In words: `db.1, which it waits for, is unhealthy`.
    pub reason: String,
}

impl Hopeless {
    /// How many a row tells: one is enough to stop waiting, and a few show whether all fare alike.
    pub const MAX: usize = 10;
}

/// Why slots are not in their place: those of a service with the same reason stand together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SlotProblem {
    /// Which slots.
    pub slots: Slots,
    /// Whether it will not change without a hand (rejected, attempts exhausted).
    pub is_final: bool,
    /// In words.
    pub reason: String,
}

impl SlotProblem {
    /// How many reasons a row tells, each of some hundred bytes: more than a person reads. Slots with
    /// further reasons are told together.
    pub const MAX: usize = 20;
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRow {
    /// Its id.
    pub task: TaskId,
    /// Its project.
    pub project: ProjectName,
    /// Its service.
    pub service: ServiceName,
    /// Its slot.
    pub slot: u32,
    /// Its container's name.
    pub container_name: String,
    /// Its container's id, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Its image.
    pub image: String,
    /// What it runs, when the spec says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Its node.
    pub node: NodeId,
    /// Its node's name.
    pub node_name: NodeName,
    /// What the leader thinks of its node.
    #[serde(default = "unheard")]
    pub liveness: NodeLiveness,
    /// Whether it should run.
    pub target: TaskTarget,
    /// What its gate waits for; empty when it is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
    /// How far it has come.
    pub progress: TaskProgress,
    /// What its health check says.
    pub health: Health,
    /// When its container started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<UnixMillis>,
    /// Its last exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Why it waits or failed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Ports as the engine bound them.
    pub ports: Vec<PortPublish>,
}

const fn unheard() -> NodeLiveness {
    NodeLiveness::Unknown
}

impl TaskRow {
    /// Whether its node is silent: the row says how the task was when the node was last heard, and what
    /// is asked of the task waits until the node returns.
    #[must_use]
    pub const fn is_out_of_reach(&self) -> bool {
        !matches!(self.liveness, NodeLiveness::Unknown | NodeLiveness::Ready)
    }
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its id.
    pub node: NodeId,
    /// Its host name.
    pub name: NodeName,
    /// What it is to the lab.
    pub role: NodeRole,
    /// What the leader thinks of it.
    pub liveness: NodeLiveness,
    /// Whether it takes tasks.
    pub availability: Availability,
    /// Labels for placement.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// How long it may be silent before it counts as lost, where that is longer than usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<DurationMs>,
    /// Whether this node runs the scheduler that leads.
    pub leader: bool,
    /// Its engine, when it can be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineFacts>,
    /// What it has in all.
    pub capacity: Resources,
    /// What its tasks reserve.
    pub reserved: Resources,
    /// How many tasks it has.
    pub tasks: u32,
    /// When it was last heard, by the leader's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<UnixMillis>,
}

/// One machine, as the provisioner knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineRow {
    /// Its name.
    pub name: String,
    /// How it is driven: `none` for one that was there before.
    pub driver: String,
    /// `Running`, `Stopped`, ….
    pub state: String,
    /// Where its engine listens.
    pub url: String,
    /// Its engine's version, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<String>,
    /// What is wrong with it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
