//! Messages between the control plane and an agent. Agents never touch JetStream.

use std::collections::BTreeMap;

pub use lab_types::BuildOptions;
use lab_types::{
    AgentBoot, Assignment, CarriedSpec, Fence, ForeignPort, NodeId, Platform, Problem, SpecDigest,
    StreamId, TaskId, UnixMillis, UserName,
};
use serde::{Deserialize, Serialize};

/// `tercio.v1.cmd.<node>.assign`: a node's new assignment, sent after the commit that made it.
///
/// Losing it is harmless: the heartbeat shows the generation the agent has, and it is sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignPush {
    /// All the node must run.
    pub assignment: Assignment,
    /// Specs that are new in it; the agent asks for others that it lacks.
    pub specs: BTreeMap<SpecDigest, CarriedSpec>,
}

/// `tercio.v1.node.<node>.sync`: an agent asks the leader for its assignment and for specs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// In which life the agent is.
    pub boot: AgentBoot,
    /// What it has accepted.
    pub accepted: Fence,
    /// Specs that it lacks.
    #[serde(default)]
    pub lacking: Vec<SpecDigest>,
}

/// The answer to [`SyncRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReply {
    /// The node's assignment, absent when the node has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Assignment>,
    /// The specs asked for, as far as the lab has them, and those of the assignment.
    #[serde(default)]
    pub specs: BTreeMap<SpecDigest, CarriedSpec>,
}

/// `tercio.v1.cmd.<node>.inventory`: the leader asks for a full report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryAsk {
    /// Who asks; an agent that has accepted a later leader does not answer.
    pub fence: Fence,
}

/// `tercio.v1.cmd.<node>.check`: what is on the node right now?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckAsk {
    /// Who asks.
    pub fence: Fence,
    /// Images to look for, as references.
    #[serde(default)]
    pub images: Vec<String>,
}

/// The answer to [`CheckAsk`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReply {
    /// The id of each image that is there; images that are not are left out.
    pub images: BTreeMap<String, String>,
    /// When each of them last got a name on this node, by the node's clock, where the engine tells.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tagged_at: BTreeMap<String, UnixMillis>,
    /// On which platform each of them runs, where the engine tells.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub platforms: BTreeMap<String, Platform>,
    /// Host ports that something outside the lab listens on.
    pub foreign_ports: Vec<ForeignPort>,
}

/// `tercio.v1.cmd.<node>.open`: the leader opens a stream between an agent and a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamOpen {
    /// Who opens it.
    pub fence: Fence,
    /// For whom; the stream's subjects carry the name.
    pub user: UserName,
    /// Its id.
    pub stream: StreamId,
    /// What flows.
    pub content: StreamContent,
}

/// What flows through a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StreamContent {
    /// Down: [`LogBatch`](crate::stream::LogBatch)es of a task's container.
    Logs {
        /// Whose.
        task: TaskId,
        /// Which part of it.
        options: LogOptions,
    },
    /// Up: a tar of the build context; down: [`OutputBatch`](crate::stream::OutputBatch)es, and
    /// `image_id` in the summary.
    Build {
        /// What to build.
        options: BuildOptions,
    },
    /// Down: [`OutputBatch`](crate::stream::OutputBatch)es, and `image_id` in the summary.
    Pull {
        /// The image's reference.
        image: String,
    },
    /// Between two agents, on the subjects of [`transfer`](crate::subject::transfer). Up: one
    /// [`ImageHave`](crate::image::ImageHave); down: one [`ImageHead`](crate::image::ImageHead), then
    /// the engine's archive of the image from there on.
    SendImage {
        /// The image's id.
        image_id: String,
        /// Who gets it.
        to: NodeId,
    },
    /// Something this version does not know; it is refused.
    #[serde(other)]
    Unknown,
}

/// Which part of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogOptions {
    /// Whether to go on as lines are written, until the container is gone.
    #[serde(default)]
    pub follow: bool,
    /// How many lines from the end at first; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<u32>,
    /// Only lines from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<UnixMillis>,
}

/// The plain answer to a command: done, or why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CommandReply {
    /// Done.
    Done,
    /// Not done.
    Refused {
        /// Why.
        problem: Box<Problem>,
    },
    /// An answer this version does not know.
    #[serde(other)]
    Unknown,
}
