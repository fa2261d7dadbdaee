//! What an agent remembers across restarts: written to disk *before* it acts on it.

use std::collections::BTreeMap;

use lab_types::assignment::GRAMMAR;
use lab_types::{
    AgentBoot, Assignment, Attempt, AttemptEnd, CarriedSpec, Fence, LabId, NodeId, SpecDigest,
    TaskId, TaskProgress, TaskSpec, TaskState, UnixMillis,
};
use serde::{Deserialize, Deserializer, Serialize};

/// An agent's memory. Losing it loses no container: the labels find them again, and nothing is
/// stopped before the leader has been heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Which lab; containers of another are foreign.
    pub lab: LabId,
    /// Which node of it.
    pub node: NodeId,
    /// The agent's last start; the next is made larger.
    pub boot: AgentBoot,
    /// The assignment in hand; its fence is the highest ever accepted.
    pub assignment: Assignment,
    /// Which words the assignment's reader knew; 0 for one from before they were counted.
    #[serde(default)]
    pub grammar: u32,
    /// The specs its tasks refer to, as far as they have come and can be read.
    #[serde(deserialize_with = "readable")]
    pub specs: BTreeMap<SpecDigest, TaskSpec>,
    /// Those of them that this version cannot read, each with why. Another version may, so this is not
    /// written.
    #[serde(skip)]
    pub unreadable: BTreeMap<SpecDigest, String>,
    /// How far each task has come: those of the assignment, and those that are being removed.
    pub tasks: BTreeMap<TaskId, TaskLedger>,
}

impl Ledger {
    /// The memory of an agent that has never run.
    #[must_use]
    pub fn new(lab: LabId, node: NodeId) -> Self {
        Self {
            lab,
            assignment: Assignment::empty(node.clone()),
            node,
            boot: AgentBoot::default(),
            grammar: GRAMMAR,
            specs: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            tasks: BTreeMap::new(),
        }
    }

    /// The highest fence ever accepted.
    #[must_use]
    pub const fn accepted(&self) -> Fence {
        self.assignment.fence
    }
}

/// A newer version may have written specs that this one cannot read; the leader is asked for them again.
fn readable<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<SpecDigest, TaskSpec>, D::Error> {
    let specs = BTreeMap::<SpecDigest, CarriedSpec>::deserialize(deserializer)?;
    let specs = specs.into_iter();
    let read = specs.filter_map(|(digest, spec)| Some((digest.clone(), spec.check(&digest).ok()?)));
    Ok(read.collect())
}

/// How far one task has come on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLedger {
    /// Attempt and state; what is reported, and never goes back.
    pub progress: TaskProgress,
    /// When this attempt's container started, by the engine; absent until it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<UnixMillis>,
    /// When the attempt before this one had started: an engine that still shows it has not carried
    /// out this attempt's start yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_before: Option<UnixMillis>,
    /// When the last attempt ended; the back-off counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<UnixMillis>,
    /// How often in a row an attempt ended soon after its start.
    #[serde(default)]
    pub ended_in_row: u32,
    /// The last attempt's exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// How the last attempt ended, or why the task was rejected, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// How the last attempts ended, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<AttemptEnd>,
    /// Whether no further attempt will be made.
    #[serde(default)]
    pub exhausted: bool,
    /// Whether its gate was seen closed.
    #[serde(default)]
    pub waited: bool,
    /// Whether the agent stops or has stopped this attempt itself, because it does not hear the leader.
    #[serde(default)]
    pub fenced: bool,
}

impl Default for TaskLedger {
    /// A task that the agent has just heard of.
    fn default() -> Self {
        Self {
            progress: TaskProgress {
                attempt: 0,
                state: TaskState::Accepted,
            },
            started_at: None,
            started_before: None,
            ended_at: None,
            ended_in_row: 0,
            exit_code: None,
            ended: None,
            ends: Vec::new(),
            exhausted: false,
            waited: false,
            fenced: false,
        }
    }
}

impl TaskLedger {
    /// Which start on this node; 0 before the first.
    #[must_use]
    pub const fn attempt(&self) -> Attempt {
        self.progress.attempt
    }

    /// Whether the agent is done with it: it will never be started (again).
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.progress.state.is_terminal() && self.exhausted
    }

    /// Moves the state of this attempt forward; never back.
    pub(crate) fn advance(&mut self, state: TaskState) {
        if state > self.progress.state {
            self.progress.state = state;
        }
    }
}
