//! Reports: full inventories and what changed since.

use std::collections::BTreeMap;

use lab_types::{
    Assignment, EngineName, Event, Fence, Inventory, NodeId, Report, ReportBody, TaskId, TaskState,
    TaskStatus, TaskTarget, UnixMillis,
};

use super::{ReportVerdict, told};
use crate::lab::{Lab, ObservedNode};
use crate::policy::Policy;

/// A task's status after another one, if it may follow that: the state never goes back, a later attempt
/// outranks any state, and a state that this version does not know tells nothing.
///
/// Nothing follows `Stopped`, and it may follow everything. Over the end of a life of the agent nothing
/// else is compared: one that has lost its memory counts attempts anew, and must still be heard.
#[must_use]
pub fn advance(
    old: Option<&TaskStatus>,
    new: &TaskStatus,
    is_first_of_life: bool,
) -> Option<TaskStatus> {
    if new.progress.state == TaskState::Unknown {
        return None;
    }
    let Some(old) = old else {
        return Some(new.clone());
    };
    let (was_stopped, stops) = (
        old.progress.state == TaskState::Stopped,
        new.progress.state == TaskState::Stopped,
    );
    let mut next = new.clone();
    if stops {
        next.progress.attempt = next.progress.attempt.max(old.progress.attempt);
    }
    let forward = next.progress >= old.progress || is_first_of_life;
    (forward && (stops || !was_stopped)).then_some(next)
}

impl Lab {
    /// Takes a report in.
    pub fn on_report(
        &mut self,
        report: &Report,
        now: UnixMillis,
        policy: &Policy,
    ) -> ReportVerdict {
        let fence = self.fence_view(&report.node, report.accepted);
        let Some(record) = self.desired.nodes.get(&report.node).cloned() else {
            return ReportVerdict::Unregistered;
        };
        let node = self.observed.nodes.entry(report.node.clone()).or_default();
        let position = (report.boot, report.sequence);
        if position <= (node.boot, node.sequence) && !policy.believes_any_order() {
            return ReportVerdict::NotNewer;
        }
        let before = matches!(report.body, ReportBody::Full { .. }).then(|| node.clone());
        if report.boot > node.boot {
            node.begin_life(report.boot);
        }
        if report.sequence > node.sequence.saturating_add(1) {
            node.needs_full = true;
        }
        node.sequence = report.sequence;
        node.hear(report.accepted, now);
        let told_since = UnixMillis(self.observed.since.0.saturating_sub(policy.event_window.0));
        let node = self.observed.nodes.entry(report.node.clone()).or_default();
        let empty;
        let assignment = match self.desired.assignments.get(&report.node) {
            Some(assignment) => assignment,
            None => {
                empty = Assignment::empty(report.node.clone());
                &empty
            }
        };
        let mut intake = Intake {
            is_introduction: !node.known && matches!(report.body, ReportBody::Full { .. }),
            node,
            assignment,
            id: &report.node,
            told_since,
            now,
            believes_any_order: policy.believes_any_order(),
            events: Vec::new(),
        };
        intake.take(&report.body, report.accepted);
        let mut events = intake.events;
        if node.is_back() {
            events.push(told::ready(&record, node, now));
        }
        ReportVerdict::Applied {
            fence,
            needs_full: node.needs_full,
            // A delta is only sent when something is different.
            changed: before.is_none_or(|before| differs(&before, node)),
            events,
        }
    }
}

/// Whether anything differs that a decision may rest on.
fn differs(before: &ObservedNode, now: &ObservedNode) -> bool {
    let unchanged = |status: &TaskStatus| {
        let before = before.statuses.get(&status.task);
        before.is_some_and(|before| {
            let observed_at = before.observed_at;
            *before
                == TaskStatus {
                    observed_at,
                    ..status.clone()
                }
        })
    };
    let same_tasks = before.statuses.len() == now.statuses.len();
    let same = ObservedNode {
        sequence: now.sequence,
        last_seen: now.last_seen,
        statuses: BTreeMap::new(),
        ..before.clone()
    };
    let now_bare = ObservedNode {
        statuses: BTreeMap::new(),
        ..now.clone()
    };
    same != now_bare || !same_tasks || !now.statuses.values().all(unchanged)
}

/// The longest text of an agent that is kept, in bytes: some sentences. It goes into events and records,
/// and an engine's error may be of any length.
const MESSAGE_BYTES_MAX: usize = 1024;

fn short(mut status: TaskStatus) -> TaskStatus {
    let ends = status.ends.iter_mut().map(|end| &mut end.message);
    for text in status.message.iter_mut().chain(ends) {
        text.truncate(text.floor_char_boundary(MESSAGE_BYTES_MAX));
    }
    status
}

struct Intake<'a> {
    node: &'a mut ObservedNode,
    /// Whether this is the first that the leader hears of what the node has: an earlier leader may have
    /// told it.
    is_introduction: bool,
    assignment: &'a Assignment,
    id: &'a NodeId,
    told_since: UnixMillis,
    now: UnixMillis,
    believes_any_order: bool,
    events: Vec<Event>,
}

impl Intake<'_> {
    fn take(&mut self, body: &ReportBody, accepted: Fence) {
        match body {
            ReportBody::Full { inventory } => self.take_full(inventory, accepted),
            ReportBody::Delta {
                changed,
                forgotten,
                removed_volumes,
                present,
            } => {
                if let Some(present) = present {
                    self.node.present = present.iter().cloned().collect();
                }
                for status in changed {
                    self.take_status(status);
                }
                for task in forgotten {
                    self.node.statuses.remove(task);
                    self.node.introduced.remove(task);
                    self.forget(task);
                }
                self.take_removed(removed_volumes, accepted);
            }
            // Something that this version cannot read may have changed anything.
            ReportBody::Unknown => self.node.needs_full = true,
        }
    }

    fn take_full(&mut self, inventory: &Inventory, accepted: Fence) {
        self.node.known = true;
        self.node.needs_full = false;
        self.node.hostname.clone_from(&inventory.hostname);
        self.node.facts = inventory.facts.clone();
        self.node.foreign_ports.clone_from(&inventory.foreign_ports);
        self.node.present = inventory.present.iter().cloned().collect();
        let held: &BTreeMap<TaskId, TaskStatus> = &inventory.tasks;
        self.node.statuses.retain(|task, _| held.contains_key(task));
        self.node.introduced.retain(|task| held.contains_key(task));
        for status in held.values() {
            self.take_status(status);
        }
        // An agent that obeys the newest assignment and does not hold a task has no container of it.
        if accepted == self.assignment.fence {
            let missing = self.assignment.tasks.keys();
            let missing: Vec<&TaskId> = missing.filter(|task| !held.contains_key(*task)).collect();
            for task in missing {
                self.forget(task);
            }
        }
        self.take_removed(&inventory.removed_volumes, accepted);
    }

    fn forget(&mut self, task: &TaskId) {
        let assigned = self.assignment.tasks.get(task);
        if assigned.is_some_and(|assigned| assigned.target == TaskTarget::Stop) {
            self.node.gone.insert(task.clone());
        }
    }

    /// Believed of an agent that obeys the newest assignment: a late word about an earlier removal must
    /// not complete one of a volume that was made since.
    fn take_removed(&mut self, volumes: &[EngineName], accepted: Fence) {
        if accepted != self.assignment.fence {
            // It is not told twice: what is still so when the agent obeys has to be asked for.
            let asked = &self.assignment.remove_volumes;
            self.node.needs_full |= volumes.iter().any(|volume| asked.contains_key(volume));
            return;
        }
        for volume in volumes {
            if self.assignment.remove_volumes.contains_key(volume) {
                self.node.removed_volumes.insert(volume.clone());
            }
        }
    }

    fn take_status(&mut self, status: &TaskStatus) {
        let old = self.node.statuses.get(&status.task);
        let is_first_of_life = self.node.inherited.contains(&status.task);
        let next = match advance(old, status, is_first_of_life) {
            Some(next) => next,
            None if self.believes_any_order => status.clone(),
            None => return,
        };
        let next = short(next);
        // The node's clock may be wrong by hours, so it decides about nothing but what may be old.
        let was_told = self.is_introduction && old.is_none() && next.observed_at < self.told_since;
        if let Some(task) = self.assignment.tasks.get(&next.task)
            && !was_told
        {
            let told = told::task(task, self.id, (old, &next), self.now);
            self.events.extend(told);
        }
        let same =
            old.is_some_and(|old| (old.progress, old.health) == (next.progress, next.health));
        if self.is_introduction && old.is_none() {
            self.node.introduced.insert(next.task.clone());
        } else if !same {
            self.node.introduced.remove(&next.task);
        }
        self.node.inherited.remove(&next.task);
        self.node.statuses.insert(next.task.clone(), next);
    }
}
