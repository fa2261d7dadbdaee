//! The decision: from everything the leader knows to what each node must run.
//!
//! A plan is a flat list of steps over one board of nodes, services and tasks:
//!
//! | step | decides |
//! |---|---|
//! | `outcomes` | which slots have ended for good |
//! | `withdraw` | which tasks should stop, and which have stopped and leave their assignment |
//! | `place` | on which node a missing slot's task goes, or why no node can take it |
//! | `gates` | which tasks may start, because what they wait for is there |
//! | `guards` | which exclusive tasks their agents must stop when they do not hear the leader |
//! | `converged` | which services have come to be as they should |
//! | `sweep` | which records nobody needs any more |
//! | `objects` | which networks and volumes each node needs, and with them its assignment |
//!
//! It is deterministic: the same lab, time and seed give the same bytes. What it gives is *what* to
//! do, complete; nobody decides anything after it.

mod blocked;
mod board;
mod choice;
mod converged;
mod gates;
mod guards;
mod objects;
mod outcomes;
mod place;
mod report;
mod rules;
mod sweep;
mod withdraw;

use std::collections::BTreeSet;

use lab_types::{Assignment, Event, NodeId, OutcomeRecord, UnixMillis};

pub use report::{Filter, Pending, Placement, PlanReport, Reason, Score};

use crate::key::Key;
use crate::lab::{Convergence, Lab, ServiceKey, SlotKey};
use crate::policy::{Leader, Policy};
use crate::record::Record;
use crate::rng::PlacementRng;
use board::Board;

/// The most nodes whose assignments one plan ties together. A replacement and the withdrawal of what
/// it replaces go into one pass; a pass has 900 records, and what does not fit waits for the next plan.
pub const TIED_NODES_MAX: usize = 800;

/// All that a plan is made from, besides the seed of its task ids.
#[derive(Clone, Copy, Debug)]
pub struct PlanningInput<'a> {
    /// The leader's clock.
    pub now: UnixMillis,
    /// The numbers it decides by.
    pub policy: &'a Policy,
    /// What should be and what is.
    pub lab: &'a Lab,
    /// Who decides.
    pub leader: Leader,
}

/// What a plan decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The assignments that change, in the order of nodes; each with its next fence.
    pub assignments: Vec<Assignment>,
    /// Nodes whose assignments must be committed in one pass: replacements with their withdrawals.
    pub tied: BTreeSet<NodeId>,
    /// Slots that have ended for good.
    pub outcomes: Vec<OutcomeRecord>,
    /// Records that nobody needs any more; to be removed after everything else is committed.
    pub removals: Vec<Key>,
    /// What happens thereby.
    pub events: Vec<Event>,
    /// Services that have come to be as they should since the last plan.
    pub converged: Vec<(ServiceKey, Convergence)>,
    /// Slots that no node can take now.
    pub pending: BTreeSet<SlotKey>,
    /// Why things are as they are.
    pub report: PlanReport,
    /// When to plan again, if nothing happens until then.
    pub wake_at: Option<UnixMillis>,
}

impl Outcome {
    /// Whether there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.assignments.is_empty()
            && self.outcomes.is_empty()
            && self.removals.is_empty()
            && self.events.is_empty()
    }
}

/// Decides what each node must run.
#[must_use]
pub fn plan(input: &PlanningInput<'_>, rng: &mut PlacementRng) -> Outcome {
    let mut board = Board::new(input);
    outcomes::record(&mut board);
    withdraw::mark(&mut board);
    withdraw::retire(&mut board);
    objects::complete_removals(&mut board);
    place::place(&mut board, rng);
    gates::open(&mut board);
    guards::set(&mut board);
    let converged = converged::tell(&mut board);
    let removals = sweep::removals(&board);
    let assignments = objects::assignments(&mut board);
    board.finish(assignments, removals, converged)
}

impl Lab {
    /// Applies what a plan decided.
    ///
    /// # Panics
    /// Never: a plan files each record under its own kind of key.
    pub fn apply_outcome(&mut self, outcome: &Outcome) {
        for record in &outcome.outcomes {
            let key = outcome_key(record);
            self.put(&key, Record::Outcome(record.clone()))
                .expect("invariant: an outcome stands under its own key");
        }
        for assignment in &outcome.assignments {
            let key = Key::Assignment(assignment.node.clone());
            self.put(&key, Record::Assignment(assignment.clone()))
                .expect("invariant: an assignment stands under its own key");
        }
        for key in &outcome.removals {
            self.remove(key);
        }
        self.remember(outcome);
    }

    /// Keeps in mind what a plan concluded besides its records, so that it is told once.
    pub(crate) fn remember(&mut self, outcome: &Outcome) {
        self.observed.converged.extend(outcome.converged.clone());
        self.observed.pending.clone_from(&outcome.pending);
    }
}

/// The key of an outcome.
pub(crate) fn outcome_key(record: &OutcomeRecord) -> Key {
    Key::Outcome(record.project.clone(), record.service.clone(), record.slot)
}

#[cfg(test)]
mod tests;
