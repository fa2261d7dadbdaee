//! What the agent believes of its engine: the last look at it, newer results, calls under way.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{DurationMs, EngineName, LabId, TaskId, TaskSpec, UnixMillis};

use super::ObserveAsk;
use super::view::{merged, show};
use crate::action::{Action, ActionError, ActionId, ActionKind, Subject};
use crate::backoff::retry_delay;
use crate::diff::{Busy, Calls, Failure, reject, start_failed};
use crate::ledger::{Ledger, TaskLedger};
use crate::observed::{EngineReach, ObservationMark, Observed, ObservedContainer};

/// How often the engine is looked at when it tells of nothing: events are the fast way, and one
/// that was lost is made good within this time.
const LOOK_EVERY: DurationMs = DurationMs::from_secs(10);

/// How often an engine that does not answer is tried.
const LOOK_AGAIN: DurationMs = DurationMs::from_secs(2);

#[derive(Clone, Debug, Default)]
pub(super) struct Engine {
    observed: Option<Observed>,
    calls: Calls,
    under_way: BTreeMap<ActionId, Action>,
    issued: u64,
    /// How many results came in.
    results: u64,
    /// Subjects with a result that the last complete look may not show: the result's number.
    touched: BTreeMap<Subject, u64>,
    /// Of those, the ones whose result did not show how they are now.
    unseen: BTreeSet<Subject>,
    looking: Option<ObserveAsk>,
    look_wanted: bool,
    looked_at: Option<UnixMillis>,
    last_decided_at: UnixMillis,
}

impl Engine {
    pub(super) const fn last_decided_at(&self) -> UnixMillis {
        self.last_decided_at
    }

    pub(super) const fn want_look(&mut self) {
        self.look_wanted = true;
    }

    /// A new assignment came: what cannot work by itself may now, and what is new in it is tried at once.
    /// All else keeps its back-off, or a neighbour's change would hurry a registry that asks for patience.
    pub(super) fn forget_failures(&mut self, is_new: impl Fn(&Subject) -> bool) {
        let failed = &mut self.calls.failed;
        failed.retain(|subject, failure| failure.retryable && !is_new(subject));
    }

    /// What to decide upon, when there is something.
    pub(super) fn begin_decision(&mut self, now: UnixMillis) -> Option<(&Observed, &Calls)> {
        self.last_decided_at = now;
        self.observed
            .as_ref()
            .map(|observed| (observed, &self.calls))
    }

    pub(super) fn issue(&mut self, action: &Action) -> ActionId {
        self.issued += 1;
        let id = ActionId(self.issued);
        self.calls
            .busy
            .insert(action.subject(), Busy::of(&action.kind));
        self.under_way.insert(id, action.clone());
        id
    }

    /// The look that is due, if any. One at a time.
    pub(super) fn look(&mut self, ledger: &Ledger, now: UnixMillis) -> Option<ObserveAsk> {
        let images = images_of(ledger);
        let lacks_images = !images.is_subset(&self.calls.looked_for);
        let is_due = self.look_wanted || lacks_images || self.look_at() <= now;
        if !is_due || self.looking.is_some() {
            return None;
        }
        self.look_wanted = false;
        let ask = ObserveAsk {
            mark: ObservationMark(self.results),
            images,
        };
        self.looking = Some(ask.clone());
        Some(ask)
    }

    /// When the next look is due if nothing happens.
    pub(super) fn look_at(&self) -> UnixMillis {
        let every = if self.is_reachable() {
            LOOK_EVERY
        } else {
            LOOK_AGAIN
        };
        match (&self.looking, self.looked_at) {
            (Some(_), _) => UnixMillis(u64::MAX),
            (None, Some(at)) => at.plus(every),
            (None, None) => UnixMillis(0),
        }
    }

    /// A look is complete. What results have shown since it began is kept. Says whether the engine
    /// went or came back.
    pub(super) fn looked(&mut self, mark: ObservationMark, new: Observed, now: UnixMillis) -> bool {
        let was_reachable = self.is_reachable();
        self.take_look(mark, new, now);
        was_reachable != self.is_reachable()
    }

    fn is_reachable(&self) -> bool {
        let observed = self.observed.as_ref();
        observed.is_some_and(|observed| matches!(observed.engine, EngineReach::Reachable))
    }

    fn take_look(&mut self, mark: ObservationMark, new: Observed, now: UnixMillis) {
        let asked = self.looking.take_if(|ask| ask.mark == mark);
        self.looked_at = Some(now);
        if matches!(new.engine, EngineReach::Unreachable { .. }) {
            let observed = self.observed.get_or_insert_default();
            observed.engine = new.engine;
            return;
        }
        self.touched.retain(|_, result| *result > mark.0);
        let newer: BTreeSet<Subject> = self.touched.keys().cloned().collect();
        let seen: Vec<Subject> = self.unseen.difference(&newer).cloned().collect();
        for subject in seen {
            self.unseen.remove(&subject);
            self.calls.busy.remove(&subject);
        }
        self.look_wanted |= !self.unseen.is_empty();
        let asked = asked.map(|ask| ask.images).unwrap_or_default();
        let pulled = newer.iter().filter_map(|subject| match subject {
            Subject::Image(image) => Some(image.clone()),
            Subject::Task(_) | Subject::Network(_) | Subject::Volume(_) => None,
        });
        self.calls.looked_for = asked.into_iter().chain(pulled).collect();
        let old = self.observed.take().unwrap_or_default();
        self.observed = Some(merged(new, old, &newer));
    }

    /// A call returned; `None` when it is not known (twice the same answer).
    pub(super) fn returned(&mut self, id: ActionId) -> Option<Action> {
        let action = self.under_way.remove(&id)?;
        self.results += 1;
        self.touched.insert(action.subject(), self.results);
        Some(action)
    }

    /// A call under way says how far it has come; whether that is news.
    pub(super) fn tells(&mut self, id: ActionId, words: String) -> bool {
        let subject = self.under_way.get(&id).map(Action::subject);
        let busy = subject.and_then(|subject| self.calls.busy.get_mut(&subject));
        busy.is_some_and(|busy| busy.words.replace(words.clone()) != Some(words))
    }

    /// A call worked.
    pub(super) fn worked(&mut self, lab: &LabId, action: &Action, view: Option<ObservedContainer>) {
        let subject = action.subject();
        self.calls.failed.remove(&subject);
        if let Subject::Image(image) = &subject {
            self.calls.looked_for.insert(image.clone());
        }
        let observed = self.observed.get_or_insert_default();
        if show(observed, lab, action, view) {
            self.calls.busy.remove(&subject);
        } else {
            self.unseen.insert(subject);
            self.look_wanted = true;
        }
    }

    /// A call failed. Whatever it did shows in the next look.
    pub(super) fn failed(
        &mut self,
        action: &Action,
        error: &ActionError,
        tasks: &mut BTreeMap<TaskId, TaskLedger>,
        now: UnixMillis,
    ) {
        let subject = action.subject();
        self.unseen.insert(subject.clone());
        self.look_wanted = true;
        if !error.retryable && judge_failure(action, error, tasks, now) {
            self.calls.failed.remove(&subject);
            return;
        }
        let times = self
            .calls
            .failed
            .get(&subject)
            .map_or(0, |failure| failure.times);
        let times = times.saturating_add(1);
        let failure = Failure {
            times,
            message: error.message.clone(),
            retryable: error.retryable,
            next_at: now.plus(retry_delay(times)),
        };
        self.calls.failed.insert(subject, failure);
    }

    /// Networks and volumes of the lab that are on the node.
    pub(super) fn present(&self) -> Vec<EngineName> {
        let Some(observed) = &self.observed else {
            return Vec::new();
        };
        let networks = observed
            .networks
            .iter()
            .filter(|(_, network)| network.owner.is_ours());
        let volumes = observed
            .volumes
            .iter()
            .filter(|(_, volume)| volume.owner.is_ours());
        let names: BTreeSet<&EngineName> = networks
            .map(|(name, _)| name)
            .chain(volumes.map(|(name, _)| name))
            .collect();
        names.into_iter().cloned().collect()
    }
}

/// Whether the failure is the task's own end, which its restart policy decides about.
fn judge_failure(
    action: &Action,
    error: &ActionError,
    tasks: &mut BTreeMap<TaskId, TaskLedger>,
    now: UnixMillis,
) -> bool {
    match &action.kind {
        ActionKind::CreateContainer(create) => {
            if let Some(entry) = tasks.get_mut(&create.task) {
                reject(
                    entry,
                    format!("its container cannot be made: {}", error.message),
                );
            }
            true
        }
        ActionKind::StartContainer { task, .. } => {
            if let Some(entry) = tasks.get_mut(task) {
                start_failed(entry, &error.message, now);
            }
            true
        }
        ActionKind::PullImage { .. }
        | ActionKind::FetchImage { .. }
        | ActionKind::CreateNetwork { .. }
        | ActionKind::CreateVolume { .. }
        | ActionKind::StopContainer { .. }
        | ActionKind::RemoveContainer { .. }
        | ActionKind::RemoveNetwork { .. }
        | ActionKind::RemoveVolume { .. } => false,
    }
}

/// The images that the specs in hand name.
fn images_of(ledger: &Ledger) -> BTreeSet<String> {
    let images = ledger.specs.values().map(TaskSpec::engine_image);
    images.map(str::to_owned).collect()
}
