//! The agent as a value: what comes in is told to it, what it wants done comes out as [`Effect`]s.
//!
//! The shell's whole loop:
//!
//! ```text
//! loop {
//!     wait for: a message, an engine event, a finished call, `wake_at()`      (then `on_…`)
//!     while let effects = core.next(now), not empty:
//!         Persist(ledger) → write it to disk atomically, then `on_persisted(result)`
//!         Observe(ask)    → list containers, networks, volumes, images; later `on_observed`
//!         Execute(id, a)  → call the engine; later `on_action_result(id, …)`
//!         Report(report)  → publish it
//!         ReportFull      → gather `NodeSight`, publish `full_report(sight)`
//!         AskSync(ask)    → request the leader; later `on_sync_reply`
//!         Warn(problem)   → log it
//! }
//! ```
//! Nothing that follows from a change of the ledger comes out before the shell has said that the
//! ledger is on disk.

mod disk;
mod effect;
mod engine;
mod leader;
mod lease;
mod report;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    AgentBoot, Assignment, CarriedSpec, DurationMs, Fence, Heartbeat, Problem, Report, SpecDigest,
    UnixMillis,
};

use crate::action::{Action, ActionError, ActionId, Cause};
use crate::diff::{Standing, diff};
use crate::ledger::Ledger;
use crate::observed::{ObservationMark, Observed, ObservedContainer};
use disk::Disk;
pub use effect::{Effect, Heard, NodeSight, ObserveAsk, SyncAsk};
use engine::Engine;
use leader::{Came, Leader};
use lease::Lease;
use report::Reporter;

/// How long a restarted agent waits for the leader's word before it starts from disk what does not
/// run: a lab whose power returned needs about 5 s for NATS and a leader; twice that.
pub const WAIT_FOR_LEADER: DurationMs = DurationMs::from_secs(10);

/// The agent.
#[derive(Clone, Debug)]
pub struct AgentCore {
    ledger: Ledger,
    booted_at: UnixMillis,
    disk: Disk,
    engine: Engine,
    leader: Leader,
    lease: Lease,
    reporter: Reporter,
    /// Whether something came in since the last decision.
    undecided: bool,
    /// When the last decision wants another.
    decide_at: Option<UnixMillis>,
    /// Decided, under way for all purposes, and waiting for the ledger to be on disk.
    decided: Vec<(ActionId, Action)>,
    /// Decided, and not to wait even for that: a full disk must not keep an exclusive task running.
    urgent: Vec<(ActionId, Action)>,
    /// What the last decision found wrong, and the last write: told when it comes, and when it comes again.
    warned: BTreeSet<String>,
    write_warned: Option<String>,
    warnings: Vec<Problem>,
    #[cfg(feature = "planted-bugs")]
    pub(crate) bug: Option<crate::planted::PlantedBug>,
}

impl AgentCore {
    /// An agent that starts with what the disk has. `boot` is the wall clock in milliseconds; it is
    /// made larger than the ledger's where the clock went back.
    #[must_use]
    pub fn new(mut ledger: Ledger, boot: AgentBoot, now: UnixMillis) -> Self {
        let after_last = AgentBoot(ledger.boot.0.saturating_add(1));
        ledger.boot = boot.max(after_last);
        Self {
            disk: Disk::new(ledger.accepted()),
            engine: Engine::default(),
            leader: Leader::new(now),
            lease: Lease::default(),
            reporter: Reporter::default(),
            ledger,
            booted_at: now,
            undecided: false,
            decide_at: None,
            decided: Vec::new(),
            urgent: Vec::new(),
            warned: BTreeSet::new(),
            write_warned: None,
            warnings: Vec::new(),
            #[cfg(feature = "planted-bugs")]
            bug: None,
        }
    }

    /// The leader pushed an assignment.
    pub fn on_push(
        &mut self,
        assignment: Assignment,
        specs: BTreeMap<SpecDigest, impl Into<CarriedSpec>>,
        now: UnixMillis,
    ) -> Heard {
        self.hear(assignment, Came::of(specs), now)
    }

    /// The leader answered an [`Effect::AskSync`].
    pub fn on_sync_reply(
        &mut self,
        assignment: Option<Assignment>,
        specs: BTreeMap<SpecDigest, impl Into<CarriedSpec>>,
        now: UnixMillis,
    ) -> Heard {
        match assignment {
            Some(assignment) => self.hear(assignment, Came::of(specs), now),
            None => self.hear_of_none(Came::of(specs)),
        }
    }

    /// The leader asks for a full report; false when a later leader has been accepted, and nothing
    /// is to be answered. The report comes out as [`Effect::ReportFull`] once the engine was seen.
    pub fn on_inventory_ask(&mut self, asker: Fence) -> bool {
        let may = crate::fence::may_ask(self.ledger.accepted(), asker);
        if may {
            self.reporter.want_full();
        }
        may
    }

    /// The bus is there (again): the leader should be asked at once.
    pub fn on_connected(&mut self, now: UnixMillis) {
        self.leader.ask_soon(now);
    }

    /// The engine told of a change, or became reachable: it should be looked at.
    pub fn on_engine_changed(&mut self) {
        self.engine.want_look();
    }

    /// A look at the engine is complete.
    pub fn on_observed(&mut self, mark: ObservationMark, observed: Observed, now: UnixMillis) {
        if self.engine.looked(mark, observed, now) {
            // Whether there is an engine is one of the node's facts, which only full reports tell.
            self.reporter.want_full();
        }
        self.undecided = true;
    }

    /// A call to the engine returned: with the container as it is afterwards (create, start, stop:
    /// one inspection by the executor; `None` costs a full look), or with an error.
    pub fn on_action_result(
        &mut self,
        id: ActionId,
        result: Result<Option<ObservedContainer>, ActionError>,
        now: UnixMillis,
    ) {
        let Some(action) = self.engine.returned(id) else {
            return;
        };
        match result {
            Ok(view) => self.engine.worked(&self.ledger.lab, &action, view),
            Err(error) => {
                let before = self.ledger.tasks.clone();
                self.engine
                    .failed(&action, &error, &mut self.ledger.tasks, now);
                self.disk.changed_if(before != self.ledger.tasks);
            }
        }
        self.undecided = true;
    }

    /// A call under way says how far it has come, for the tasks that wait for it.
    pub fn on_progress(&mut self, id: ActionId, words: String) {
        self.undecided |= self.engine.tells(id, words);
    }

    /// The ledger was written, or not (then why; it is tried again by itself).
    pub fn on_persisted(&mut self, result: Result<(), String>, now: UnixMillis) {
        let problem = self.disk.written(result, now);
        let message = problem.as_ref().map(|problem| problem.message.clone());
        if message != self.write_warned {
            self.warnings.extend(problem);
        }
        self.write_warned = message;
    }

    /// What is to be done now, in this order. Call it again until it is empty.
    pub fn next(&mut self, now: UnixMillis) -> Vec<Effect> {
        // A wall clock that was set back must not make the wait for the leader longer.
        self.booted_at = self.booted_at.min(now);
        if self.is_decision_due(now) {
            self.decide(now);
        }
        if !self.urgent.is_empty() {
            let urgent = self.urgent.drain(..);
            return urgent
                .map(|(id, action)| Effect::Execute(id, action))
                .collect();
        }
        if self.disk.begin_write(self.ledger.accepted(), now) {
            return vec![Effect::Persist(Box::new(self.ledger.clone()))];
        }
        let mut effects: Vec<Effect> = self.warnings.drain(..).map(Effect::Warn).collect();
        if self.disk.is_settled() {
            let decided = self.decided.drain(..);
            effects.extend(decided.map(|(id, action)| Effect::Execute(id, action)));
            let present = || self.engine.present();
            let due = self
                .reporter
                .due(&self.ledger, self.disk.accepted(), present);
            effects.extend(due);
        }
        effects.extend(self.engine.look(&self.ledger, now).map(Effect::Observe));
        effects.extend(
            self.leader
                .ask(&self.ledger, self.disk.accepted(), now)
                .map(Effect::AskSync),
        );
        effects
    }

    /// When [`AgentCore::next`] should be called at the latest, even if nothing happens.
    #[must_use]
    pub fn wake_at(&self) -> UnixMillis {
        let wait_over = self.booted_at.plus(WAIT_FOR_LEADER);
        let wait_over = (!self.leader.is_confirmed()).then_some(wait_over);
        let wait_over = wait_over.filter(|at| self.engine.last_decided_at() < *at);
        [
            self.decide_at,
            wait_over,
            self.disk.retry_at(),
            self.leader.ask_at(&self.ledger),
            self.lease.ends_at().filter(|_| self.wants_answer()),
        ]
        .into_iter()
        .flatten()
        .fold(self.engine.look_at(), UnixMillis::min)
    }

    /// The sign of life to be sent once a second.
    #[must_use]
    pub fn heartbeat(&self) -> Heartbeat {
        Heartbeat {
            node: self.ledger.node.clone(),
            boot: self.ledger.boot,
            sequence: self.reporter.sequence(),
            accepted: self.disk.accepted(),
        }
    }

    /// The full report that [`Effect::ReportFull`] asks for.
    pub fn full_report(&mut self, sight: NodeSight) -> Report {
        let present = self.engine.present();
        self.reporter
            .full(&self.ledger, self.disk.accepted(), sight, present)
    }

    /// What it remembers.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What it may do on the strength of its assignment.
    #[must_use]
    pub fn standing(&self, now: UnixMillis) -> Standing {
        if self.leader.is_confirmed() {
            Standing::Confirmed
        } else if now.since(self.booted_at) < WAIT_FOR_LEADER {
            Standing::Waiting
        } else {
            Standing::FromDisk
        }
    }

    fn is_decision_due(&self, now: UnixMillis) -> bool {
        self.undecided
            || self.decide_at.is_some_and(|at| at <= now)
            || self.standing(self.engine.last_decided_at()) != self.standing(now)
    }

    fn decide(&mut self, now: UnixMillis) {
        self.undecided = false;
        let standing = self.standing(now);
        let Some((observed, calls)) = self.engine.begin_decision(now) else {
            return;
        };
        let may = (standing, self.lease.view());
        let decision = diff(&self.ledger, observed, calls, may, now);
        self.disk.changed_if(self.ledger.tasks != decision.tasks);
        self.ledger.tasks = decision.tasks;
        self.decide_at = decision.wake_at;
        for action in decision.actions {
            let id = self.engine.issue(&action);
            match action.cause {
                Cause::LeaderUnheard => self.urgent.push((id, action)),
                _ => self.decided.push((id, action)),
            }
        }
        self.reporter
            .observed(decision.statuses, decision.removed_volumes);
        let messages = decision.problems.iter();
        let messages = messages.map(|problem| problem.message.clone()).collect();
        let before = std::mem::replace(&mut self.warned, messages);
        let news = decision.problems.into_iter();
        let news = news.filter(|problem| !before.contains(&problem.message));
        self.warnings.extend(news);
    }

    #[cfg(feature = "planted-bugs")]
    pub(crate) fn forget_generation(&mut self) {
        self.ledger.assignment.fence = Fence::default();
        self.disk = Disk::new(Fence::default());
    }
}

#[cfg(test)]
mod tests;
