//! What goes out of the agent, and what comes back as an answer.

use std::collections::BTreeSet;

use lab_types::{AgentBoot, Fence, ForeignPort, NodeFacts, NodeRole, Problem, Report, SpecDigest};

use crate::action::{Action, ActionId};
use crate::fence::Verdict;
use crate::ledger::Ledger;
use crate::observed::ObservationMark;

/// What the agent wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write the ledger to disk atomically, then call [`AgentCore::on_persisted`](super::AgentCore::on_persisted).
    Persist(Box<Ledger>),
    /// Look at the engine, then call [`AgentCore::on_observed`](super::AgentCore::on_observed).
    Observe(ObserveAsk),
    /// Call the engine, then call [`AgentCore::on_action_result`](super::AgentCore::on_action_result).
    Execute(ActionId, Action),
    /// Publish a report of what changed.
    Report(Report),
    /// Gather a [`NodeSight`] and publish what [`AgentCore::full_report`](super::AgentCore::full_report) makes of it.
    ReportFull,
    /// Ask the leader, then call [`AgentCore::on_sync_reply`](super::AgentCore::on_sync_reply). No answer needs no call.
    AskSync(SyncAsk),
    /// Log it as a warning: something the agent will not do. Each comes once.
    Warn(Problem),
}

/// A look at the engine that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObserveAsk {
    /// To be handed back with the snapshot.
    pub mark: ObservationMark,
    /// Images to look for: references and ids.
    pub images: BTreeSet<String>,
}

/// A question to the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncAsk {
    /// In which life the agent is.
    pub boot: AgentBoot,
    /// What it has accepted.
    pub accepted: Fence,
    /// Specs that it lacks.
    pub lacking: Vec<SpecDigest>,
}

/// What the shell knows of the node beside the engine's objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSight {
    /// The node's name.
    pub hostname: String,
    /// Whether the control plane runs beside the agent.
    pub role: NodeRole,
    /// What the node is and has.
    pub facts: NodeFacts,
    /// Host ports that something outside the lab listens on; absent when that could not be seen,
    /// and what was said last is said again.
    pub foreign_ports: Option<Vec<ForeignPort>>,
}

/// What became of an assignment that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What the fence said.
    pub verdict: Verdict,
    /// What was wrong with it, to be logged: a stale fence, a spec that is not what its digest says.
    pub problems: Vec<Problem>,
}
