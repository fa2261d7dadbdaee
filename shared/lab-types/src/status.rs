//! What an agent observed: soft facts that can always be asked for again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fence::Fence;
use crate::ids::{EngineName, NodeId, TaskId};
use crate::record::NodeRole;
use crate::spec::{PortProtocol, PortPublish, Resources};
use crate::time::{DurationMs, UnixMillis};

/// Where a task is in its life. Within one attempt the state only moves forward.
///
/// ```text
/// Assigned → Accepted → Preparing → Ready → Starting → Running → Complete | Failed | Stopped
///      any state before Running may also end in Rejected, Failed or Stopped
/// ```
/// `Complete`, `Failed`, `Stopped` and `Rejected` are terminal for the attempt; only `Complete` and
/// `Failed` may be followed by a next attempt. The order of the variants is the order of the states:
/// `Stopped` is the last, because a task that ended in any other way may still be told to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// The scheduler has chosen a node; the agent has not been heard.
    Assigned,
    /// The agent knows of it.
    Accepted,
    /// Image, networks and volumes are being made ready.
    Preparing,
    /// The container exists and may be started when the gate opens.
    Ready,
    /// The engine was asked to start it.
    Starting,
    /// The container runs.
    Running,
    /// It ended with exit code 0.
    Complete,
    /// It ended with another exit code, or its start failed.
    Failed,
    /// The agent cannot run it at all: the spec or the node is at fault.
    Rejected,
    /// It was stopped because it should be, and its container removed. Nothing follows this.
    Stopped,
    /// A state this version does not know.
    #[serde(other)]
    Unknown,
}

impl TaskState {
    /// Whether this attempt is over.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Complete | Self::Stopped | Self::Failed | Self::Rejected
        )
    }
}

impl std::fmt::Display for TaskState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Assigned => "assigned",
            Self::Accepted => "accepted",
            Self::Preparing => "preparing",
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
        })
    }
}

/// The number of a start on the same node, from 1. 0 means not started yet.
pub type Attempt = u32;

/// Attempt and state; ordered, and never going back: a later attempt outranks any state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskProgress {
    /// Which start on this node.
    pub attempt: Attempt,
    /// How far it has come.
    pub state: TaskState,
}

/// What the container's health check says. Unlike the state it moves freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// The container has no health check.
    None,
    /// Not judged yet.
    Starting,
    /// The last checks passed.
    Healthy,
    /// The last checks failed.
    Unhealthy,
    /// A word this version does not know.
    #[serde(other)]
    Unknown,
}

/// One task as its agent sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStatus {
    /// Which task.
    pub task: TaskId,
    /// How far.
    pub progress: TaskProgress,
    /// What the health check says.
    pub health: Health,
    /// When the agent saw this, by the node's clock.
    pub observed_at: UnixMillis,
    /// When the current attempt's container started, by the node's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<UnixMillis>,
    /// The last attempt's exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Why it failed or waits, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How its last attempts ended, oldest first, at most [`TaskStatus::ENDS_MAX`]: an attempt that ended
    /// and was followed by the next before anybody looked is told by this alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<AttemptEnd>,
    /// Whether the restart policy allows no further attempt: the scheduler may act.
    #[serde(default)]
    pub exhausted: bool,
    /// The container's id on its engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Ports as the engine bound them (`published` is always set).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortPublish>,
}

/// How one attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptEnd {
    /// Which attempt, and whether it completed or failed.
    pub progress: TaskProgress,
    /// When, by the node's clock.
    pub at: UnixMillis,
    /// Its exit code, absent where nobody saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// How, in words.
    pub message: String,
}

impl TaskStatus {
    /// How many ends of attempts an agent keeps of each task.
    pub const ENDS_MAX: usize = 8;

    /// Whether others may rely on it: it runs, and its health check (if any) passes.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.progress.state == TaskState::Running
            && matches!(self.health, Health::None | Health::Healthy)
    }
}

/// One start of an agent process: tells reports of two lives of an agent apart. Unix milliseconds
/// of its start, made larger than the previous one's where the clock went back.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct AgentBoot(pub u64);

/// What a node is and has; changes rarely.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// `amd64`, `arm64`, … as in `GOARCH`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// `uname -r`.
    pub kernel: String,
    /// CPUs and memory in all.
    pub capacity: Resources,
    /// The Docker engine, absent while it cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineFacts>,
    /// The agent's own version.
    pub agent_version: String,
}

/// What the Docker engine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// `20.10.24+dfsg1`.
    pub version: String,
    /// `1.41`.
    pub api_version: String,
}

/// Everything an agent knows: what a new leader asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The node's name: its host name.
    pub hostname: String,
    /// Whether the control plane runs beside the agent.
    #[serde(default)]
    pub role: NodeRole,
    /// What the node is.
    pub facts: NodeFacts,
    /// Every task the agent holds, by id.
    pub tasks: BTreeMap<TaskId, TaskStatus>,
    /// Host ports in use by something that is not the lab's.
    #[serde(default)]
    pub foreign_ports: Vec<ForeignPort>,
    /// Volumes asked to be removed that are gone.
    #[serde(default)]
    pub removed_volumes: Vec<EngineName>,
    /// Networks and volumes of the lab that exist on the node.
    #[serde(default)]
    pub present: Vec<EngineName>,
}

/// A host port that something outside the lab listens on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ForeignPort {
    /// The port.
    pub port: u16,
    /// Its protocol.
    pub protocol: PortProtocol,
    /// Who, as far as the node can tell: `nginx (pid 812)`, `container other-web-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
}

/// An agent's message about what changed. `(boot, sequence)` orders it; the receiver ignores one
/// that is not newer than the newest it has seen, and asks for a full one when it missed any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Who speaks.
    pub node: NodeId,
    /// In which of its lives.
    pub boot: AgentBoot,
    /// Counted from 1 in each life, by one.
    pub sequence: u64,
    /// The assignment it has accepted; it refuses anything lower.
    pub accepted: Fence,
    /// What changed.
    pub body: ReportBody,
}

/// What a report holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReportBody {
    /// Everything.
    Full {
        /// All of it.
        inventory: Box<Inventory>,
    },
    /// Tasks that changed or were forgotten since the previous report.
    Delta {
        /// As they are now.
        changed: Vec<TaskStatus>,
        /// Tasks the agent holds no longer: stopped, removed, reported.
        forgotten: Vec<TaskId>,
        /// Volumes removed on request since the previous report.
        #[serde(default)]
        removed_volumes: Vec<EngineName>,
        /// Networks and volumes of the lab that exist on the node, where they are others than the
        /// previous report said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        present: Option<Vec<EngineName>>,
    },
    /// A kind this version does not know.
    #[serde(other)]
    Unknown,
}

/// An agent's sign of life, once a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Who.
    pub node: NodeId,
    /// In which of its lives.
    pub boot: AgentBoot,
    /// Its last report's number: a gap shows a lost report.
    pub sequence: u64,
    /// What it has accepted: a lower fence than the leader's record shows a lost push.
    pub accepted: Fence,
}

/// What the leader answers to a sign of life that asks for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeatAnswer {
    /// Who answers: incarnation and epoch; the generation is 0.
    pub leader: Fence,
    /// The node's newest assignment: an agent that obeys an older one must not start exclusive tasks
    /// on the strength of this answer.
    pub assigned: Fence,
    /// For how long, from when the sign of life was *sent*, the agent may run exclusive tasks.
    pub lease: DurationMs,
}

/// What the scheduler's leader thinks of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeLiveness {
    /// It has not reported to this leader, and the window has not passed. Nothing is replaced.
    Unknown,
    /// It reports.
    Ready,
    /// It is silent, and its patience has not ended. Nothing is replaced.
    Away,
    /// It has been silent for too long.
    Lost,
}

impl std::fmt::Display for NodeLiveness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::Ready => "ready",
            Self::Away => "away",
            Self::Lost => "lost",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{TaskProgress, TaskState};

    #[test]
    fn a_later_attempt_outranks_every_state_of_an_earlier_one() {
        let done = TaskProgress {
            attempt: 1,
            state: TaskState::Failed,
        };
        let again = TaskProgress {
            attempt: 2,
            state: TaskState::Starting,
        };
        assert!(again > done);
    }

    #[test]
    fn the_order_of_states_is_the_order_of_a_life() {
        let life = [
            TaskState::Assigned,
            TaskState::Accepted,
            TaskState::Preparing,
            TaskState::Ready,
            TaskState::Starting,
            TaskState::Running,
            TaskState::Failed,
            TaskState::Stopped,
        ];
        assert!(life.is_sorted());
    }
}
