//! Tasks that should run: their containers made, started, started again.

use std::collections::BTreeSet;

use lab_types::{AssignedTask, Gate, PortProtocol, TaskSpec, TaskState, TaskTarget};

use super::needs::Need;
use super::{DiffPass, Kind, Standing, judge};
use crate::action::{ActionKind, Cause, CreateContainer, Subject};
use crate::labels;
use crate::ledger::TaskLedger;
use crate::observed::{ContainerState, ObservedContainer};

impl DiffPass<'_> {
    /// Whether anything may be made or started.
    pub(super) fn may_start(&self) -> bool {
        match self.standing {
            Standing::Confirmed | Standing::FromDisk => true,
            Standing::Waiting => false,
        }
    }

    /// Brings each task that should run one step on.
    pub(super) fn run_tasks(&mut self) {
        let ports_leaving = self.ports_leaving();
        for (task, spec) in self.to_run() {
            let Some(entry) = self.decision.tasks.get(&task.id).cloned() else {
                continue;
            };
            if entry.is_over() || entry.progress.state == TaskState::Running {
                continue;
            }
            if let Some(why) = self.is_too_new(task) {
                self.leave_to_newer(task, entry, &why);
                continue;
            }
            let Some(spec) = spec else {
                let words = "waits for its spec from the leader".to_owned();
                self.waits.insert(task.id.clone(), words);
                continue;
            };
            if self.may_start() && !self.is_task_busy(&task.id) {
                self.run_task(task, spec, entry, &ports_leaving);
            }
        }
    }

    /// What this version does not know about a task; it starts nothing of it.
    fn is_too_new(&self, task: &AssignedTask) -> Option<String> {
        if task.target == TaskTarget::Unknown {
            return Some("what should become of it is said in a word it does not know".to_owned());
        }
        if task.gate == Gate::Unknown {
            return Some("when it may start is said in a word it does not know".to_owned());
        }
        self.ledger.unreadable.get(&task.spec).cloned()
    }

    /// The task needs a newer agent. One that never ran here is refused, so that another node is tried.
    fn leave_to_newer(&mut self, task: &AssignedTask, mut entry: TaskLedger, why: &str) {
        let words = format!("it needs a newer agent: {why}");
        if self.containers.contains_key(&task.id) || entry.attempt() > 0 || !self.may_start() {
            self.waits.insert(task.id.clone(), words);
        } else {
            judge::reject(&mut entry, words);
            self.decision.tasks.insert(task.id.clone(), entry);
        }
    }

    fn run_task(
        &mut self,
        task: &AssignedTask,
        spec: &TaskSpec,
        entry: TaskLedger,
        ports_leaving: &BTreeSet<(PortProtocol, u16)>,
    ) {
        match self.containers.get(&task.id).copied() {
            None => self.make(task, spec, entry),
            Some(container) => match container.state {
                ContainerState::Created | ContainerState::Exited { .. } => {
                    let held = spec.ports.iter().find(|port| {
                        let published = port.published.map(|host| (port.protocol, host));
                        published.is_some_and(|host| ports_leaving.contains(&host))
                    });
                    if let Some(port) = held.and_then(|port| port.published) {
                        let words = format!("waits until the previous user of port {port} is gone");
                        self.waits.insert(task.id.clone(), words);
                    } else {
                        self.start(task, entry, container);
                    }
                }
                ContainerState::Running
                | ContainerState::Paused
                | ContainerState::Restarting
                | ContainerState::Removing
                | ContainerState::Dead => {}
            },
        }
    }

    fn make(&mut self, task: &AssignedTask, spec: &TaskSpec, mut entry: TaskLedger) {
        entry.advance(TaskState::Preparing);
        match self.need(task, spec) {
            Need::Never(words) => judge::reject(&mut entry, words),
            Need::Wait(words) => {
                self.waits.insert(task.id.clone(), words);
            }
            Need::Met { name, image } => {
                let cause = if entry.attempt() == 0 {
                    Cause::Missing
                } else {
                    Cause::Vanished
                };
                let ledger = self.ledger;
                let create = CreateContainer {
                    task: task.id.clone(),
                    name,
                    image,
                    digest: task.spec.clone(),
                    spec: spec.clone(),
                    labels: labels::container(&ledger.lab, &ledger.node, task, spec),
                };
                self.act(ActionKind::CreateContainer(Box::new(create)), cause);
                self.explain_failure(task);
            }
        }
        self.decision.tasks.insert(task.id.clone(), entry);
    }

    fn start(&mut self, task: &AssignedTask, mut entry: TaskLedger, container: &ObservedContainer) {
        if self.is_guarded_off(task) {
            let words = "waits until the leader is heard, because the service is exclusive";
            self.waits.insert(task.id.clone(), words.to_owned());
            return;
        }
        let (attempt, cause) = match entry.progress.state {
            TaskState::Starting => (entry.attempt(), Cause::StartUnfinished),
            TaskState::Complete | TaskState::Failed => {
                let due = judge::next_start_at(&entry, self.now);
                if due > self.now {
                    return self.wake(due);
                }
                let ended = entry.ended.clone().unwrap_or_default();
                (entry.attempt() + 1, Cause::Restart { ended })
            }
            _ => match task.gate {
                // The unknown one was left out before.
                Gate::Closed | Gate::Unknown => {
                    entry.waited = true;
                    self.decision.tasks.insert(task.id.clone(), entry);
                    let words = "waits until what it depends on is there".to_owned();
                    self.waits.insert(task.id.clone(), words);
                    return;
                }
                Gate::Open if entry.waited => (1, Cause::GateOpened),
                Gate::Open => (1, Cause::ShouldRun),
            },
        };
        let kind = ActionKind::StartContainer {
            container: container.id.clone(),
            name: container.name.clone(),
            task: task.id.clone(),
            attempt,
        };
        if self.act(kind, cause) {
            if attempt > entry.attempt() {
                entry.started_before = entry.started_at.take().or(entry.started_before);
                entry.progress.attempt = attempt;
            }
            entry.fenced = false;
            entry.progress.state = TaskState::Starting;
            self.decision.tasks.insert(task.id.clone(), entry);
        } else {
            self.explain_failure(task);
        }
    }

    fn explain_failure(&mut self, task: &AssignedTask) {
        if let Some(failure) = self.calls.failed.get(&Subject::Task(task.id.clone())) {
            let words = format!("the engine did not do it yet: {}", failure.message);
            self.waits.insert(task.id.clone(), words);
        } else if !self.has_room(Kind::Start) {
            let words = "waits for its turn to start".to_owned();
            self.waits.entry(task.id.clone()).or_insert(words);
        }
    }
}
