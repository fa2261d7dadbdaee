//! An agent with a model engine, a disk that can fail, and calls whose results come when told.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    AgentBoot, Assignment, Fence, Report, ReportBody, TaskId, TaskProgress, TaskSpec, UnixMillis,
};

use crate::action::{Action, ActionError, ActionId, ActionKind, Cause};
use crate::agent::{AgentCore, Effect, Heard, NodeSight, ObserveAsk, SyncAsk};
use crate::diff::Standing;
use crate::fixture::{lab, node};
use crate::ledger::Ledger;
use crate::model::ModelEngine;
use crate::observed::{EngineReach, Observed};

pub(super) struct Rig {
    pub(super) core: AgentCore,
    pub(super) engine: ModelEngine,
    pub(super) engine_is_down: bool,
    pub(super) disk: Ledger,
    pub(super) disk_is_full: bool,
    pub(super) now: UnixMillis,
    /// Calls that were issued and have not been carried out.
    pub(super) issued: Vec<(ActionId, Action)>,
    /// Looks that were taken and have not been handed in.
    pub(super) looks: Vec<(ObserveAsk, Observed)>,
    pub(super) asked: Vec<SyncAsk>,
    pub(super) reports: Vec<Report>,
    /// The furthest each task was ever reported.
    pub(super) furthest: BTreeMap<TaskId, TaskProgress>,
    /// The highest fence ever told.
    pub(super) told: Fence,
    /// Every confirmation of every assignment ever accepted.
    pub(super) consent: BTreeSet<lab_types::EngineName>,
    pub(super) log: Vec<String>,
}

impl Rig {
    /// An agent's first start on an engine.
    pub(super) fn new(engine: ModelEngine) -> Self {
        let disk = Ledger::new(lab(), node());
        let now = UnixMillis(1_000_000);
        Self {
            core: AgentCore::new(disk.clone(), AgentBoot(now.0), now),
            engine,
            engine_is_down: false,
            disk,
            disk_is_full: false,
            now,
            issued: Vec::new(),
            looks: Vec::new(),
            asked: Vec::new(),
            reports: Vec::new(),
            furthest: BTreeMap::new(),
            told: Fence::default(),
            consent: BTreeSet::new(),
            log: Vec::new(),
        }
    }

    /// Does what the agent wants until it wants nothing: writes, looks taken, reports noted.
    pub(super) fn pump(&mut self) {
        for _ in 0..50 {
            let effects = self.core.next(self.now);
            if effects.is_empty() {
                self.check_fence();
                return;
            }
            effects
                .into_iter()
                .for_each(|effect| self.carry_out(effect));
        }
        panic!("the agent never comes to rest: {:?}", self.log);
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Persist(ledger) => {
                let result = if self.disk_is_full {
                    Err("no space left on device".to_owned())
                } else {
                    self.disk = *ledger;
                    Ok(())
                };
                self.core.on_persisted(result, self.now);
            }
            Effect::Observe(ask) => {
                let observed = self.look(&ask);
                self.looks.push((ask, observed));
            }
            Effect::Execute(id, action) => self.issue(id, action),
            Effect::Report(report) => self.reported(report),
            Effect::ReportFull => {
                let report = self.core.full_report(NodeSight::default());
                self.reported(report);
            }
            Effect::AskSync(ask) => self.asked.push(ask),
            Effect::Warn(problem) => self.log.push(format!("warning: {problem}")),
        }
    }

    fn look(&self, ask: &ObserveAsk) -> Observed {
        if self.engine_is_down {
            let message = "connection refused".to_owned();
            return Observed {
                engine: EngineReach::Unreachable { message },
                ..Observed::default()
            };
        }
        self.engine.observe(&lab(), &node(), &ask.images)
    }

    fn issue(&mut self, id: ActionId, action: Action) {
        let subject = action.subject();
        let mut under_way = self.issued.iter().map(|(_, other)| other.subject());
        assert!(
            !under_way.any(|other| other == subject),
            "two calls at once for {subject:?}"
        );
        if let ActionKind::StartContainer { task, attempt, .. } = &action.kind {
            let written = self.disk.tasks.get(task).map(|entry| entry.attempt());
            assert_eq!(
                written,
                Some(*attempt),
                "{action} was not written down first"
            );
        }
        let destroys = matches!(
            action.kind,
            ActionKind::StopContainer { .. }
                | ActionKind::RemoveContainer { .. }
                | ActionKind::RemoveNetwork { .. }
                | ActionKind::RemoveVolume { .. }
        );
        let confirmed = self.core.standing(self.now) == Standing::Confirmed;
        assert!(
            !destroys || confirmed || action.cause == Cause::LeaderUnheard,
            "{action} on the strength of an old ledger"
        );
        if let ActionKind::RemoveVolume { name, .. } = &action.kind {
            assert!(self.consent.contains(name), "{action} without consent");
        }
        self.log.push(action.to_string());
        self.issued.push((id, action));
    }

    fn reported(&mut self, report: Report) {
        assert_eq!(report.boot, self.disk.boot);
        let expected = match self.reports.last() {
            Some(last) if last.boot == report.boot => last.sequence + 1,
            Some(_) | None => 1,
        };
        assert_eq!(
            report.sequence, expected,
            "reports are counted without a gap"
        );
        let statuses = match &report.body {
            ReportBody::Full { inventory } => inventory.tasks.values().cloned().collect(),
            ReportBody::Delta { changed, .. } => changed.clone(),
            ReportBody::Unknown => Vec::new(),
        };
        for status in statuses {
            let furthest = self
                .furthest
                .entry(status.task.clone())
                .or_insert(status.progress);
            assert!(
                status.progress >= *furthest,
                "{} went back: {status:?}",
                status.task
            );
            *furthest = status.progress;
        }
        self.reports.push(report);
    }

    fn check_fence(&mut self) {
        let beat = self.core.heartbeat();
        assert!(
            beat.accepted >= self.told,
            "the accepted fence went back to {}",
            beat.accepted
        );
        assert_eq!(
            beat.accepted,
            self.disk.accepted(),
            "others are told only what is on disk"
        );
        self.told = beat.accepted;
    }

    /// The leader pushes an assignment with the specs given.
    pub(super) fn push(&mut self, assignment: Assignment, specs: &[TaskSpec]) -> Heard {
        let newer = assignment.fence > self.core.ledger().accepted();
        let consent: Vec<_> = assignment.remove_volumes.keys().cloned().collect();
        let specs = specs
            .iter()
            .map(|spec| (spec.digest(), spec.clone()))
            .collect();
        let heard = self.core.on_push(assignment, specs, self.now);
        if newer {
            self.consent.extend(consent);
        }
        self.pump();
        heard
    }

    /// Carries out the call at `index`, or loses it, and hands its result in.
    pub(super) fn finish(&mut self, index: usize, how: How) {
        let (id, action) = self.issued.remove(index);
        let gone = ActionError {
            retryable: true,
            message: "the engine did not answer".into(),
        };
        let result = match how {
            How::Works | How::WorksUnseen if self.engine_is_down => Err(gone),
            How::Lost => Err(gone),
            How::Works => self
                .engine
                .apply(&action.kind, self.now)
                .map(|made| made.and_then(|id| self.engine.view(&lab(), &node(), &id))),
            How::WorksUnseen => self.engine.apply(&action.kind, self.now).map(|_| None),
            How::WorksUnheard => {
                // Whatever it did or refused, nobody hears of it.
                let _ = self.engine.apply(&action.kind, self.now);
                Err(gone)
            }
        };
        self.core.on_action_result(id, result, self.now);
        self.pump();
    }

    /// Hands in the oldest look.
    pub(super) fn hand_in(&mut self) {
        if !self.looks.is_empty() {
            let (ask, observed) = self.looks.remove(0);
            self.core.on_observed(ask.mark, observed, self.now);
        }
        self.pump();
    }

    /// The agent's process is killed and started again.
    pub(super) fn restart(&mut self) {
        self.issued.clear();
        self.looks.clear();
        self.core = AgentCore::new(self.disk.clone(), AgentBoot(self.now.0), self.now);
        self.pump();
    }

    pub(super) fn later(&mut self, ms: u64) {
        self.now = UnixMillis(self.now.0 + ms);
        self.pump();
    }

    /// Lets everything work, and time pass, until nothing more is done.
    pub(super) fn settle(&mut self) {
        self.engine_is_down = false;
        self.disk_is_full = false;
        self.later(2_000);
        let mut quiet = 0;
        for _ in 0..2_000 {
            let before = self.log.len();
            while !self.issued.is_empty() {
                self.finish(0, How::Works);
            }
            while !self.looks.is_empty() {
                self.hand_in();
            }
            if self.issued.is_empty() && self.log.len() == before {
                quiet += 1;
                if quiet > 20 {
                    return;
                }
                let wake = self.core.wake_at().0.saturating_sub(self.now.0);
                self.later(wake.clamp(1, 60_000));
            } else {
                quiet = 0;
            }
        }
        panic!(
            "does not settle: {:?}",
            self.log.iter().rev().take(20).collect::<Vec<_>>()
        );
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It is carried out, and its result shows what is now.
    Works,
    /// It is carried out, and its result says no more than that.
    WorksUnseen,
    /// It is carried out, and its answer is lost.
    WorksUnheard,
    /// It never reaches the engine.
    Lost,
}
