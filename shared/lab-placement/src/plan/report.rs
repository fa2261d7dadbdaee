//! Why a plan is as it is, in words a person can act on.

use std::collections::BTreeMap;
use std::fmt;

use lab_types::row::Slots;
use lab_types::{AssignedTask, Gate, NodeId, ProjectName, ServiceName, TaskId, UnixMillis};

use crate::lab::ServiceKey;

/// What a plan says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct PlanReport {
    /// Slots that no node can take now, by service.
    pub pending: Vec<Pending>,
    /// What the closed gates of each service wait for: `redis (service_healthy)`.
    pub gates: BTreeMap<ServiceKey, Vec<String>>,
    /// Tasks that were given to a node.
    pub placed: Vec<Placement>,
    /// Until when lost tasks are not replaced, because many nodes vanished together.
    pub held_until: Option<UnixMillis>,
    /// How many replacements wait for the next plan, because one pass cannot hold them.
    pub deferred: u32,
}

/// Slots of one service that no node can take now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its project.
    pub project: ProjectName,
    /// The service.
    pub service: ServiceName,
    /// Which slots.
    pub slots: Vec<u32>,
    /// What each filter found, in the order of the filters.
    pub reasons: Vec<Reason>,
}

/// How many nodes a filter refused, and why one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Which filter.
    pub filter: Filter,
    /// How many nodes it refused.
    pub nodes: u32,
    /// Why, with the first such node as the example.
    pub words: String,
}

/// What a node is asked before it gets a task, in this order; the first refusal counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Filter {
    /// It belongs to the lab.
    Registered,
    /// It reports.
    Heard,
    /// It obeys no assignment that the state has never held.
    Obeys,
    /// It takes tasks.
    Available,
    /// Its Docker engine can be reached.
    Engine,
    /// It has not refused this very task before.
    Refused,
    /// The image can run on its platform.
    Platform,
    /// Its Docker engine is not too old for what the service asks.
    EngineAge,
    /// It has not as many tasks as a node may have.
    Room,
    /// What the task reserves is free.
    Resources,
    /// The host ports that the task publishes are free.
    HostPorts,
    /// It holds the volumes that the task needs, or nobody does.
    Volumes,
    /// No lost node may still run the task, where that is exclusive.
    Exclusive,
    /// The task before it in its slot has stopped.
    Stopped,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registered => "registered",
            Self::Heard => "heard",
            Self::Obeys => "obeys",
            Self::Available => "available",
            Self::Engine => "engine",
            Self::Refused => "refused",
            Self::Platform => "platform",
            Self::EngineAge => "engine age",
            Self::Room => "room",
            Self::Resources => "resources",
            Self::HostPorts => "host ports",
            Self::Volumes => "volumes",
            Self::Exclusive => "exclusive",
            Self::Stopped => "stopped",
        })
    }
}

/// One decision: the node with the lowest score took the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The task.
    pub task: TaskId,
    /// Its slot.
    pub slot: u32,
    /// The node.
    pub node: NodeId,
    /// Its score.
    pub score: Score,
    /// The nodes that would have come next, best first; they were not asked.
    pub next: Vec<Score>,
    /// How many nodes each filter refused before.
    pub refused: Vec<(Filter, u32)>,
}

/// How little a node is liked for a task. The order of the fields is the policy: the lowest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score {
    /// How many tasks of this service it has: one machine's end should cost a service little.
    pub of_service: u32,
    /// How many tasks it has in all.
    pub in_all: u32,
    /// Its rank among the node ids, so that nothing is left to chance.
    pub rank: usize,
}

impl PlanReport {
    /// What a task's gate waits for; nothing when it is open, or before the first plan.
    #[must_use]
    pub fn waits_for(&self, task: &AssignedTask) -> &[String] {
        let waits = match task.gate {
            Gate::Open => None,
            Gate::Closed | Gate::Unknown => {
                let key = (task.project.clone(), task.service.clone());
                self.gates.get(&key)
            }
        };
        waits.map_or(&[], Vec::as_slice)
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            project, service, ..
        } = self;
        write!(
            f,
            "{project}/{service} {}: {}",
            slots(&self.slots),
            self.why()
        )
    }
}

impl Pending {
    /// Why no node can take it, as one sentence without a period.
    #[must_use]
    pub fn why(&self) -> String {
        if self.reasons.is_empty() {
            return "the lab has no node".to_owned();
        }
        let is_whole = |filter| matches!(filter, Filter::Exclusive | Filter::Stopped);
        if let Some(reason) = self.reasons.iter().find(|r| is_whole(r.filter)) {
            return reason.words.clone();
        }
        let words: Vec<&str> = self.reasons.iter().map(|r| r.words.as_str()).collect();
        format!("no node can take it: {}", words.join("; "))
    }
}

/// `slot 2`, `slots 1-3, 5`.
fn slots(slots: &[u32]) -> String {
    let noun = if slots.len() == 1 { "slot" } else { "slots" };
    format!("{noun} {}", slots.iter().copied().collect::<Slots>())
}

impl fmt::Display for PlanReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(until) = self.held_until {
            writeln!(
                f,
                "many nodes vanished together: lost tasks are not replaced before {}",
                until.0
            )?;
        }
        if self.deferred > 0 {
            writeln!(f, "{} replacements wait for the next pass", self.deferred)?;
        }
        for pending in &self.pending {
            writeln!(f, "{pending}")?;
        }
        Ok(())
    }
}
