//! Everything one node must run: one record, one generation.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::fence::Fence;
use crate::ids::{
    ConfirmationId, EngineName, NodeId, ProjectName, ServiceName, SpecDigest, TaskId,
};
use crate::spec::{NetworkSpec, VolumeSpec};

/// Which words an [`Assignment`] may hold, as a number that grows with each new field or variant of it
/// and of what is in it. An agent compares it with that of whoever wrote its memory: what an older one
/// could not read is missing in there.
pub const GRAMMAR: u32 = 1;

/// All that a node must run. Whatever of the lab's is on the node and not in here, is to go, except
/// what holds data: a volume goes only when `remove_volumes` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// For whom.
    pub node: NodeId,
    /// Which version, by which leader, in which life of the state.
    pub fence: Fence,
    /// The tasks by id.
    pub tasks: BTreeMap<TaskId, AssignedTask>,
    /// Networks to be there, by their name on the engine.
    pub networks: BTreeMap<EngineName, ProjectNetwork>,
    /// Volumes to be there, by their name on the engine.
    pub volumes: BTreeMap<EngineName, ProjectVolume>,
    /// Volumes to be removed with their data, each with the consent that covers it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub remove_volumes: BTreeMap<EngineName, ConfirmationId>,
}

impl Assignment {
    /// An assignment of nothing, of generation 0: what a node has before the first.
    #[must_use]
    pub fn empty(node: NodeId) -> Self {
        Self {
            node,
            fence: Fence::default(),
            tasks: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            remove_volumes: BTreeMap::new(),
        }
    }

    /// The specs its tasks refer to.
    #[must_use]
    pub fn specs(&self) -> BTreeSet<SpecDigest> {
        self.tasks.values().map(|task| task.spec.clone()).collect()
    }
}

/// A network with the project it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectNetwork {
    /// Whose.
    pub project: ProjectName,
    /// What.
    pub spec: NetworkSpec,
}

/// A volume with the project it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectVolume {
    /// Whose.
    pub project: ProjectName,
    /// What.
    pub spec: VolumeSpec,
}

/// One task in an assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedTask {
    /// Which task.
    pub id: TaskId,
    /// Of which project.
    pub project: ProjectName,
    /// Of which service.
    pub service: ServiceName,
    /// In which slot, from 1.
    pub slot: u32,
    /// How to run it.
    pub spec: SpecDigest,
    /// Whether it should run.
    #[serde(deserialize_with = "open_word")]
    pub target: TaskTarget,
    /// Whether it may start yet. Once open it is never closed again.
    #[serde(deserialize_with = "open_word")]
    pub gate: Gate,
    /// Whether its agent stops it when the leader is not heard.
    #[serde(
        default,
        skip_serializing_if = "Guard::is_free",
        deserialize_with = "open_word"
    )]
    pub guard: Guard,
}

/// What an assignment says in one word of a list that may grow.
trait OpenWord: DeserializeOwned {
    /// What stands for a word that this version does not know.
    const UNKNOWN: Self;
}

impl OpenWord for TaskTarget {
    const UNKNOWN: Self = Self::Unknown;
}

impl OpenWord for Gate {
    const UNKNOWN: Self = Self::Unknown;
}

impl OpenWord for Guard {
    const UNKNOWN: Self = Self::Unknown;
}

/// Reads a word that a newer version may have written, whatever it carries along: one that is not known
/// concerns its task, and must not make the whole assignment unreadable.
fn open_word<'de, D: Deserializer<'de>, W: OpenWord>(deserializer: D) -> Result<W, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or(W::UNKNOWN))
}

/// Whether a task is stopped by its agent when the leader is not heard, so that it may be replaced
/// elsewhere without two of them ever running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// It runs on: it is not exclusive, or no other node could take it.
    #[default]
    Free,
    /// It is stopped, but the node is not known to obey this yet: it is not replaced before.
    Asked,
    /// It is stopped, and the node obeys it as long as it runs the task: it may be replaced when the
    /// node has been silent for long enough.
    Held,
    /// A word this version does not know: its agent stops it, which is never wrong.
    Unknown,
}

impl Guard {
    /// Whether it runs on without a leader.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        matches!(self, Self::Free)
    }
}

impl AssignedTask {
    /// Its container's name: `PROJECT-SERVICE-N`, as docker-compose's. Too long for an engine where
    /// project and service together are.
    #[must_use]
    pub fn container_name(&self) -> String {
        container_name(&self.project, &self.service, self.slot)
    }
}

/// The name of the container of a slot.
#[must_use]
pub fn container_name(project: &ProjectName, service: &ServiceName, slot: u32) -> String {
    format!("{project}-{service}-{slot}")
}

/// What should become of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskTarget {
    /// It should run.
    Run,
    /// It should be stopped and its container removed; then the agent reports it `Stopped`, and
    /// forgets it when the assignment names it no longer.
    Stop,
    /// A word this version does not know: what runs of it stays, and nothing is started.
    Unknown,
}

/// Whether a task may start. What a closed one waits for changes with every step of what it depends on,
/// and is in the leader's mind alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// It may.
    Open,
    /// Its container may be made but not started: what it depends on is not there yet.
    Closed,
    /// A word this version does not know: it is not started.
    Unknown,
}
