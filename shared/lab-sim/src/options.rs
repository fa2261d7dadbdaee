//! What kind of world, and how it went.

use std::collections::BTreeMap;

use lab_converge::planted::PlantedBug;
use lab_placement::policy::{PlantedBugs, Policy};

use lab_types::DurationMs;

use crate::faults::Fault;

/// A bug planted on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Agents obey any assignment, however old.
    NoFence,
    /// The store takes any head, whatever its revision.
    NoCompareAndSwap,
    /// The leader pushes assignments before their pass is acknowledged.
    PushBeforeAcknowledgement,
    /// An agent starts with generation 0 instead of the one on its disk.
    AgentForgetsGeneration,
    /// The leader believes reports in any order.
    ReportBelievedOutOfOrder,
    /// An agent lets exclusive tasks run on when it does not hear the leader.
    AgentIgnoresLease,
    /// The leader replaces a lost node's exclusive tasks at once.
    ExclusiveReplacedAtOnce,
    /// The leader does not count what tasks reserve.
    Overbooks,
    /// The leader finds every node full.
    PlacesNothing,
    /// The leader takes each failure for the last one.
    GivesUpEarly,
}

/// What kind of world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A bug to be found.
    pub bug: Option<Bug>,
    /// Whether nothing goes wrong.
    pub calm: bool,
    /// Whether to keep the trace's lines.
    pub trace: bool,
}

/// How a world went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// The promise that was broken, if any; the world ended there.
    pub broken: Option<String>,
    /// How often each fault has happened.
    pub faults: BTreeMap<Fault, u32>,
    /// How long after the last fault it converged, in microseconds.
    pub converged_after: Option<u64>,
    /// How many events there were.
    pub events: u64,
    /// How often an exclusive task ran in a slot while another of the slot ran on a node whose agent was
    /// dead or stood still, which nobody can hinder.
    pub excused: u32,
    /// How many exclusive tasks of lost nodes were replaced.
    pub replaced: u32,
    /// How many passes were committed.
    pub commits: u64,
    /// How many slots were asked for in the end, and in how many of them a task serves.
    pub slots: (u32, u32),
    /// How many changes were acknowledged.
    pub acknowledged: usize,
    /// A hash of everything that happened.
    pub trace_hash: u64,
    /// Everything that happened, if it was to be kept.
    pub trace: Vec<String>,
}

impl Options {
    /// What leaders decide by, with their planted bugs.
    pub(crate) fn policy(self) -> Policy {
        Policy {
            // Shorter than a lab's, so that many a lost node's exclusive tasks are replaced before the last
            // fault is mended; the arithmetic is the same. A stop takes these engines the grace and 6 ms,
            // after a look of 60 ms.
            guard: DurationMs::from_secs(4),
            guard_margin: DurationMs(500),
            planted: PlantedBugs {
                push_before_commit: self.bug == Some(Bug::PushBeforeAcknowledgement),
                believe_any_order: self.bug == Some(Bug::ReportBelievedOutOfOrder),
                no_guard: self.bug == Some(Bug::ExclusiveReplacedAtOnce),
                overbook: self.bug == Some(Bug::Overbooks),
                place_nothing: self.bug == Some(Bug::PlacesNothing),
                give_up_early: self.bug == Some(Bug::GivesUpEarly),
            },
            ..Policy::default()
        }
    }

    /// The planted bug of agents.
    pub(crate) fn agent_bug(self) -> Option<PlantedBug> {
        match self.bug? {
            Bug::NoFence => Some(PlantedBug::NoFence),
            Bug::AgentForgetsGeneration => Some(PlantedBug::ForgetsGeneration),
            Bug::AgentIgnoresLease => Some(PlantedBug::IgnoresLease),
            Bug::ExclusiveReplacedAtOnce
            | Bug::Overbooks
            | Bug::PlacesNothing
            | Bug::GivesUpEarly
            | Bug::NoCompareAndSwap
            | Bug::PushBeforeAcknowledgement
            | Bug::ReportBelievedOutOfOrder => None,
        }
    }
}
