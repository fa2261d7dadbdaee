//! One decision: what the assignment asks for × what the engine shows → calls to the engine.
//!
//! Removals come before additions. What does not bear this lab's labels is never touched; what
//! holds data goes only when the assignment names it with a confirmation and nobody uses it.

mod calls;
mod guard;
mod judge;
mod leave;
mod needs;
mod run;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    AssignedTask, DurationMs, EngineName, Health, PortProtocol, Problem, TaskId, TaskSpec,
    TaskState, TaskStatus, TaskTarget, UnixMillis,
};

use crate::action::{Action, ActionKind, Cause, Subject};
use crate::ledger::{Ledger, TaskLedger};
use crate::observed::{ContainerState, EngineReach, Observed, ObservedContainer};

pub use calls::{Busy, Calls, Failure, Kind, PULLS_MAX, STARTS_MAX, STOPS_MAX};
use judge::{Outage, Wait};
pub(crate) use judge::{reject, start_failed};

/// What the agent may do on the strength of the assignment in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The leader has sent or confirmed it in this life of the agent: everything.
    Confirmed,
    /// It is from disk and the leader may still be heard: look on.
    Waiting,
    /// It is from disk and the leader was not heard in time: start what should run, stop nothing.
    FromDisk,
}

/// Whether exclusive tasks may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// The leader was heard lately enough.
    Held,
    /// It was not: they must not run.
    Lost {
        /// For how long.
        ago: DurationMs,
    },
}

/// What is to be done, and what is to be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Calls to the engine; all of them may run side by side.
    pub actions: Vec<Action>,
    /// How far each task has come, to be remembered *before* the actions run.
    pub tasks: BTreeMap<TaskId, TaskLedger>,
    /// What is reported of each task.
    pub statuses: BTreeMap<TaskId, TaskStatus>,
    /// Volumes that were to be removed and are gone.
    pub removed_volumes: BTreeSet<EngineName>,
    /// What the agent will not do, for a person to know.
    pub problems: Vec<Problem>,
    /// When something is due even if nothing happens.
    pub wake_at: Option<UnixMillis>,
}

/// Decides. The engine must be reachable for anything to be done.
#[must_use]
pub fn diff(
    ledger: &Ledger,
    observed: &Observed,
    calls: &Calls,
    (standing, lease): (Standing, Lease),
    now: UnixMillis,
) -> Decision {
    let mut pass = DiffPass::new(ledger, observed, calls, (standing, lease), now);
    if let EngineReach::Unreachable { message } = &observed.engine {
        let words = format!("the Docker engine cannot be reached: {message}");
        pass.report_unseen(&words);
        return pass.decision;
    }
    pass.judge_all();
    pass.stop_guarded();
    pass.leave_containers();
    pass.leave_networks();
    pass.leave_volumes();
    pass.make_networks();
    pass.run_tasks();
    pass.report();
    pass.decision
}

/// One run of [`diff`]: its inputs, what they amount to, and the decision as it grows.
struct DiffPass<'a> {
    ledger: &'a Ledger,
    observed: &'a Observed,
    calls: &'a Calls,
    standing: Standing,
    lease: Lease,
    now: UnixMillis,
    /// The container of each task, stray ones left out.
    containers: BTreeMap<&'a TaskId, &'a ObservedContainer>,
    /// Containers that must go, and why.
    leaving: BTreeMap<&'a crate::observed::ContainerId, (&'a ObservedContainer, Cause)>,
    /// Why a task waits, in words.
    waits: BTreeMap<TaskId, String>,
    decision: Decision,
}

impl<'a> DiffPass<'a> {
    fn new(
        ledger: &'a Ledger,
        observed: &'a Observed,
        calls: &'a Calls,
        (standing, lease): (Standing, Lease),
        now: UnixMillis,
    ) -> Self {
        let mut tasks = ledger.tasks.clone();
        for id in ledger.assignment.tasks.keys() {
            tasks.entry(id.clone()).or_default();
        }
        let mut pass = Self {
            ledger,
            observed,
            calls,
            standing,
            lease,
            now,
            containers: BTreeMap::new(),
            leaving: BTreeMap::new(),
            waits: BTreeMap::new(),
            decision: Decision {
                tasks,
                ..Decision::default()
            },
        };
        pass.sort_containers();
        pass
    }

    /// Which container is its task's, and which must go.
    fn sort_containers(&mut self) {
        for container in self.observed.containers.values() {
            let identity = &container.identity;
            let assigned = self.ledger.assignment.tasks.get(&identity.task);
            let held = self.containers.get(&identity.task).copied();
            let why_go = match (assigned, held) {
                (None, _) => Some(Cause::NotAssigned),
                (Some(task), _) if task.spec != identity.spec => Some(Cause::Stray),
                (Some(_), Some(_)) => Some(Cause::Stray),
                (Some(task), None) => match (task.target, &container.state) {
                    (TaskTarget::Stop, _) => Some(Cause::AskedToStop),
                    (TaskTarget::Run, ContainerState::Dead) => Some(Cause::Dead),
                    (TaskTarget::Run | TaskTarget::Unknown, _) => None,
                },
            };
            if let Some(cause) = why_go.clone() {
                self.leaving.insert(&container.id, (container, cause));
            }
            let is_its = !matches!(why_go, Some(Cause::Stray));
            if is_its && held.is_none() {
                self.containers.insert(&container.identity.task, container);
            }
        }
    }

    fn is_busy(&self, subject: &Subject) -> bool {
        self.calls.busy.contains_key(subject)
    }

    fn is_task_busy(&self, task: &TaskId) -> bool {
        self.is_busy(&Subject::Task(task.clone()))
    }

    /// Whether a failed call of the subject still waits for its next try; remembers when it is due.
    fn is_held_back(&mut self, subject: &Subject) -> bool {
        match self.calls.failed.get(subject) {
            Some(failure) if failure.next_at > self.now => {
                self.wake(failure.next_at);
                true
            }
            Some(_) | None => false,
        }
    }

    fn wake(&mut self, at: UnixMillis) {
        let earlier = self.decision.wake_at.map_or(at, |set| set.min(at));
        self.decision.wake_at = Some(earlier);
    }

    fn has_room(&self, kind: Kind) -> bool {
        let under_way = self
            .calls
            .busy
            .values()
            .filter(|busy| busy.kind == kind)
            .count();
        let decided = self.decision.actions.iter();
        let decided = decided
            .filter(|action| Kind::of(&action.kind) == kind)
            .count();
        under_way + decided < kind.limit()
    }

    /// Adds the action, if nothing is under way for its subject, no failure holds it back and its
    /// kind has room; says whether it did.
    fn act(&mut self, kind: ActionKind, cause: Cause) -> bool {
        let action = Action { kind, cause };
        let subject = action.subject();
        let decided = self
            .decision
            .actions
            .iter()
            .any(|other| other.subject() == subject);
        if decided || self.is_busy(&subject) || self.is_held_back(&subject) {
            return false;
        }
        if !self.has_room(Kind::of(&action.kind)) {
            return false;
        }
        self.decision.actions.push(action);
        true
    }

    /// Takes what the engine shows into the memory of each task that nothing is under way for.
    fn judge_all(&mut self) {
        let ids = self
            .decision
            .tasks
            .keys()
            .filter(|id| !self.is_task_busy(id));
        let ids: Vec<TaskId> = ids.cloned().collect();
        for id in ids {
            let seen = self.containers.get(&id).copied();
            let target = self
                .ledger
                .assignment
                .tasks
                .get(&id)
                .map(|task| task.target);
            let policy = self.spec_of(&id).map(|spec| spec.restart);
            let confirmed = self.standing == Standing::Confirmed;
            let still_there = self.leaving.values().any(|(c, _)| c.identity.task == id);
            let (now, outage) = (self.now, self.outage());
            let Some(entry) = self.decision.tasks.get_mut(&id) else {
                continue;
            };
            match target {
                Some(TaskTarget::Run | TaskTarget::Unknown) => {
                    match judge::wait(entry, seen, outage, now) {
                        Wait::No => {
                            judge::observe(entry, seen, outage, now);
                            judge::settle(entry, policy);
                        }
                        Wait::Until(latest) => self.wake(latest),
                        Wait::ForTheEngine => {}
                    }
                }
                Some(TaskTarget::Stop) if confirmed && !still_there => judge::stopped(entry),
                None if confirmed && !still_there => {
                    self.decision.tasks.remove(&id);
                }
                Some(TaskTarget::Stop) | None => {}
            }
        }
    }

    fn outage(&self) -> Outage {
        Outage {
            silence: self.observed.silence,
            booted_at: self.observed.booted_at,
        }
    }

    fn spec_of(&self, id: &TaskId) -> Option<&'a TaskSpec> {
        let task = self.ledger.assignment.tasks.get(id)?;
        self.ledger.specs.get(&task.spec)
    }

    /// The tasks that should run and are not over, with their specs; also those of which this version does
    /// not know what they should.
    fn to_run(&self) -> Vec<(&'a AssignedTask, Option<&'a TaskSpec>)> {
        let tasks = self.ledger.assignment.tasks.values();
        let run = tasks.filter(|task| match task.target {
            TaskTarget::Run | TaskTarget::Unknown => true,
            TaskTarget::Stop => false,
        });
        run.map(|task| (task, self.ledger.specs.get(&task.spec)))
            .collect()
    }

    /// Host ports of containers that are about to go.
    fn ports_leaving(&self) -> BTreeSet<(PortProtocol, u16)> {
        let ports = self
            .leaving
            .values()
            .flat_map(|(container, _)| &container.ports);
        ports
            .filter_map(|port| Some((port.protocol, port.published?)))
            .collect()
    }

    fn report(&mut self) {
        let ids: Vec<TaskId> = self.decision.tasks.keys().cloned().collect();
        for id in ids {
            let container = self.containers.get(&id).copied();
            let Some(entry) = self.decision.tasks.get(&id) else {
                continue;
            };
            let policy = self.spec_of(&id).map(|spec| spec.restart);
            let waits = self.waits.get(&id).cloned();
            let message = words::of_entry(entry, policy).or(waits);
            let status = status(&id, entry, container, message, self.now);
            self.decision.statuses.insert(id, status);
        }
    }

    /// What is reported while the engine cannot be seen: what was known last, and why no more is.
    fn report_unseen(&mut self, words: &str) {
        for (id, entry) in &self.decision.tasks {
            let message = Some(words.to_owned()).filter(|_| !entry.is_over());
            let mut status = status(id, entry, None, message, self.now);
            if entry.progress.state == TaskState::Running {
                status.health = Health::Unknown;
            }
            self.decision.statuses.insert(id.clone(), status);
        }
    }
}

fn status(
    id: &TaskId,
    entry: &TaskLedger,
    container: Option<&ObservedContainer>,
    message: Option<String>,
    now: UnixMillis,
) -> TaskStatus {
    let runs = entry.progress.state == TaskState::Running;
    let running = container.filter(|_| runs);
    TaskStatus {
        task: id.clone(),
        progress: entry.progress,
        health: running.map_or(Health::None, |container| container.health),
        observed_at: now,
        started_at: entry.started_at,
        exit_code: entry.exit_code,
        message,
        ends: entry.ends.clone(),
        exhausted: entry.exhausted,
        container: container.map(|container| container.id.0.clone()),
        ports: running
            .map(|container| container.ports.clone())
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
