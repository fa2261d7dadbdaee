//! What the engine shows of the lab, as plain data.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    DurationMs, EngineFacts, EngineName, Health, PortPublish, ProjectName, ServiceName, SpecDigest,
    TaskId, UnixMillis,
};
use serde::{Deserialize, Serialize};

/// A container's id on its engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerId(pub String);

impl std::fmt::Display for ContainerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// How many results of actions the agent had taken in when a snapshot of the engine was begun.
///
/// Taken from [`ObserveAsk`](crate::agent::ObserveAsk) and handed back with the snapshot, so that an
/// old snapshot never undoes what a newer result has shown.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ObservationMark(pub u64);

/// Whether the engine answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EngineReach {
    /// It answered every question of this snapshot.
    #[default]
    Reachable,
    /// It did not; nothing else in the snapshot means anything.
    Unreachable {
        /// Why, in words for a person.
        message: String,
    },
}

/// One snapshot of the engine: what bears this lab's labels, and what stands in its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Whether the engine answers.
    pub engine: EngineReach,
    /// What the engine is; absent where that is not known, and then nothing is refused because of it.
    pub facts: Option<EngineFacts>,
    /// Containers of this lab ([`labels::container_owner`](crate::labels::container_owner) says
    /// [`Owner::Ours`]), running or not.
    pub containers: BTreeMap<ContainerId, ObservedContainer>,
    /// Names taken by all other containers, and who holds each.
    pub foreign_containers: BTreeMap<String, Owner>,
    /// All networks, by name.
    pub networks: BTreeMap<EngineName, ObservedNetwork>,
    /// All volumes, by name.
    pub volumes: BTreeMap<EngineName, ObservedVolume>,
    /// Of the images asked about ([`ObserveAsk::images`](crate::agent::ObserveAsk)), those that are
    /// there, exactly as they were asked for (a reference or an id).
    pub images: BTreeSet<String>,
    /// The last time in which the engine was away, or no agent was there to watch it.
    pub silence: Option<Silence>,
    /// When the machine booted, by the node's clock; absent where that is not known.
    pub booted_at: Option<UnixMillis>,
}

/// A time in which nobody watched an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// When it was lost; the beginning of time for an agent that has just started.
    pub after: UnixMillis,
    /// When it answered again, and had told what it still knew; nothing while it has not.
    pub until: Option<UnixMillis>,
}

/// One container of this lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedContainer {
    /// Its id on the engine.
    pub id: ContainerId,
    /// Its name, without the leading slash.
    pub name: String,
    /// What its labels say that it is.
    pub identity: ContainerLabels,
    /// What the engine says of it.
    pub state: ContainerState,
    /// When it was last started, by the node's clock; absent when it never was.
    pub started_at: Option<UnixMillis>,
    /// When it last ended, by the node's clock; absent when it never did.
    pub finished_at: Option<UnixMillis>,
    /// When the engine last sent it a signal, as far as the agent has heard.
    pub signalled_at: Option<UnixMillis>,
    /// When the engine last told that it ended, as far as the agent has heard.
    pub told_end_at: Option<UnixMillis>,
    /// What its health check says; `Health::None` when it has none.
    pub health: Health,
    /// Published ports as the engine bound them (`published` is set while it runs).
    pub ports: Vec<PortPublish>,
}

/// What the labels of one of our containers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerLabels {
    /// Which task it runs.
    pub task: TaskId,
    /// The spec it was made from.
    pub spec: SpecDigest,
    /// Its project.
    pub project: ProjectName,
    /// Its service.
    pub service: ServiceName,
    /// Its slot, from 1.
    pub slot: u32,
    /// How long it may take to stop.
    pub stop_grace: DurationMs,
}

/// What the engine says of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// It runs.
    Running,
    /// It runs, frozen by someone with `docker pause`.
    Paused,
    /// The engine is starting it again (only when someone gave it an engine's restart policy).
    Restarting,
    /// The engine is removing it.
    Removing,
    /// It ran and ended.
    Exited {
        /// Its exit code.
        code: i64,
        /// Whether it was killed for want of memory.
        oom_killed: bool,
        /// What the engine adds, when it adds something.
        error: Option<String>,
    },
    /// The engine failed to remove it; it can only be removed again.
    Dead,
}

/// Whose an object of the engine is, by its labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// This lab's.
    Ours {
        /// Of which project.
        project: ProjectName,
    },
    /// A container of another node of this lab that shares the engine, or had this name before.
    OtherNode {
        /// Its id.
        node: String,
    },
    /// Another lab's.
    OtherLab {
        /// Its id.
        lab: String,
    },
    /// Made by docker-compose.
    Compose {
        /// Its project there.
        project: String,
    },
    /// Anyone's.
    Foreign,
}

impl Owner {
    /// Whether it is this lab's.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::Ours { .. })
    }
}

impl std::fmt::Display for Owner {
    /// For the middle of a sentence: `of docker-compose's project shop`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ours { project } => write!(f, "of this lab's project {project}"),
            Self::OtherNode { node } => write!(f, "of this lab's node {node}"),
            Self::OtherLab { lab } => write!(f, "of another lab ({lab})"),
            Self::Compose { project } => write!(f, "of docker-compose's project {project}"),
            Self::Foreign => f.write_str("made outside the lab"),
        }
    }
}

/// One network of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedNetwork {
    /// Whose.
    pub owner: Owner,
    /// Names of all containers that are attached to it, running or not, of the lab or not.
    pub attached: BTreeSet<String>,
}

/// One volume of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedVolume {
    /// Whose.
    pub owner: Owner,
    /// Names of all containers that mount it, running or not, of the lab or not.
    pub used_by: BTreeSet<String>,
}
