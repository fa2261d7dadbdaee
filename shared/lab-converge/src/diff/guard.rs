//! Exclusive tasks without a leader: they stop, and start again when it is heard.

use lab_types::{AssignedTask, DurationMs, TaskState};

use super::{DiffPass, Lease};
use crate::action::{Action, ActionKind, Cause, Subject};
use crate::observed::ContainerState;

impl DiffPass<'_> {
    /// Whether a task may only run while the leader is heard, and it is not.
    pub(super) fn is_guarded_off(&self, task: &AssignedTask) -> bool {
        !task.guard.is_free() && matches!(self.lease, Lease::Lost { .. })
    }

    /// Stops what may not run without a leader, whatever the limits on calls: it may be replaced soon.
    pub(super) fn stop_guarded(&mut self) {
        let Lease::Lost { ago } = self.lease else {
            return self.forget_stops();
        };
        for container in self.observed.containers.values() {
            let identity = &container.identity;
            let assigned = self.ledger.assignment.tasks.get(&identity.task);
            let runs = matches!(
                container.state,
                ContainerState::Running | ContainerState::Paused | ContainerState::Restarting
            );
            let subject = Subject::Task(identity.task.clone());
            let guarded = assigned.is_some_and(|task| !task.guard.is_free());
            let mut decided = self.decision.actions.iter();
            let is_decided = decided.any(|action| action.subject() == subject);
            let is_first = !is_decided && !self.is_busy(&subject) && !self.is_held_back(&subject);
            if !guarded || !runs || !is_first {
                continue;
            }
            // Whoever was asleep for longer than the grace has used it up.
            let left = identity.stop_grace.0.saturating_sub(ago.0);
            let kind = ActionKind::StopContainer {
                container: container.id.clone(),
                name: container.name.clone(),
                task: identity.task.clone(),
                grace: DurationMs(left),
            };
            let cause = Cause::LeaderUnheard;
            self.decision.actions.push(Action { kind, cause });
            if let Some(entry) = self.decision.tasks.get_mut(&identity.task) {
                entry.fenced = true;
            }
        }
    }

    /// The leader was heard before the stop was carried out: the task runs on, and its next end is its
    /// own.
    fn forget_stops(&mut self) {
        let busy: Vec<&Subject> = self.calls.busy.keys().collect();
        for (id, entry) in &mut self.decision.tasks {
            let runs = entry.progress.state == TaskState::Running;
            let is_busy = || {
                busy.iter()
                    .any(|subject| **subject == Subject::Task(id.clone()))
            };
            if entry.fenced && runs && !is_busy() {
                entry.fenced = false;
            }
        }
    }
}
