//! What must hold after every event.

use std::collections::{BTreeMap, BTreeSet};

use lab_converge::labels;
use lab_placement::Policy;
use lab_placement::key::Key;
use lab_placement::record::Record;
use lab_types::{
    AssignedTask, Assignment, EventId, Fence, Gate, Guard, NodeId, NodeLiveness, ProjectName,
    Report, ReportBody, TaskId, TaskProgress, TaskTarget, UnixMillis, WriteTag,
};
use lab_wire::commit::HeadEntry;

use crate::agent::Agent;
use crate::goal::Goal;
use crate::message::{Batch, Call};
use crate::queue::{MS, Micros, SECOND};
use crate::reserve::Reserved;
use crate::scheduler::Scheduler;

/// A promise that was broken, in words.
pub(crate) type Broken = String;

/// How long after a leader took a node for lost its tasks may be replaced before they have stopped: a
/// pass can be on its way for that long.
const LOST_COUNTS: Micros = 20 * SECOND;

/// What a check may look at.
pub(crate) struct Seen<'a> {
    pub(crate) agents: &'a [Agent],
    pub(crate) goal: &'a Goal,
    pub(crate) now: Micros,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// The highest fence that each node has said to obey.
    obeyed: BTreeMap<NodeId, Fence>,
    /// Every assignment that was ever committed.
    committed: BTreeMap<(NodeId, Fence), Assignment>,
    /// Each node's newest.
    newest: BTreeMap<NodeId, Assignment>,
    head: WriteTag,
    /// When some leader last took a node for lost.
    lost: BTreeMap<NodeId, Micros>,
    /// When each process of a scheduler last found a node lost, by its clock.
    found: BTreeMap<(usize, u32, NodeId), UnixMillis>,
    revisions: BTreeMap<ProjectName, u64>,
    /// The furthest that each task was reported by its agent.
    reported: BTreeMap<TaskId, TaskProgress>,
    /// Tasks of which their agents have said that they will not be started again.
    over: BTreeSet<TaskId>,
    /// The furthest that each leader has believed of each task.
    believed: BTreeMap<(usize, u32, u64), BTreeMap<TaskId, TaskProgress>>,
    reserved: Reserved,
    /// How many exclusive tasks of lost nodes were replaced.
    pub(crate) replaced: u32,
    /// Events that some pass has promised to publish.
    pub(crate) promised_events: BTreeSet<EventId>,
    pub(crate) commits: u64,
}

impl Checker {
    /// The newest committed assignments.
    pub(crate) const fn newest(&self) -> &BTreeMap<NodeId, Assignment> {
        &self.newest
    }

    /// The store has carried a call out that changed the head.
    pub(crate) fn on_stored(
        &mut self,
        call: &Call,
        head: &HeadEntry,
        seen: &Seen<'_>,
    ) -> Result<(), Broken> {
        let tag = head.head.tag();
        let before = std::mem::replace(&mut self.head, tag);
        if (tag.incarnation, tag.epoch, tag.pass) <= (before.incarnation, before.epoch, before.pass)
        {
            return Err(format!("the head went back from {before:?} to {tag:?}"));
        }
        match call {
            Call::Commit(batch) => {
                self.commits += 1;
                if tag.pass != before.pass.next() || tag.epoch != before.epoch {
                    return Err(format!("pass {tag:?} does not follow {before:?}"));
                }
                self.on_batch(batch, seen)
            }
            _ => Ok(()),
        }
    }

    fn on_batch(&mut self, batch: &Batch, seen: &Seen<'_>) -> Result<(), Broken> {
        self.reserved.on_batch(batch);
        let before: BTreeSet<TaskId> = self.tasks().map(|(_, task)| task.id.clone()).collect();
        for (key, record) in &batch.puts {
            match record {
                Record::Assignment(assignment) => self.on_assignment(assignment, seen)?,
                Record::Project(project) => {
                    let before = self
                        .revisions
                        .insert(project.name.clone(), project.revision);
                    if before.is_some_and(|before| before >= project.revision) {
                        return Err(format!("{key} went back to revision {}", project.revision));
                    }
                }
                Record::Outbox(events) => {
                    self.promised_events
                        .extend(events.iter().map(|event| event.id.clone()));
                }
                Record::Spec(_)
                | Record::Service(_)
                | Record::Revision(_)
                | Record::Node(_)
                | Record::Outcome(_)
                | Record::Answer(_) => {}
            }
        }
        for key in &batch.removes {
            if let Key::Assignment(node) = key {
                return Err(format!("the assignment of {node} was removed"));
            }
        }
        self.check_slots()?;
        self.check_new(&before, seen.now)
    }

    fn on_assignment(&mut self, new: &Assignment, seen: &Seen<'_>) -> Result<(), Broken> {
        let node = new.node.clone();
        let old = self
            .newest
            .get(&node)
            .cloned()
            .unwrap_or_else(|| Assignment::empty(node.clone()));
        // After a take-over a record may be written again as it was.
        if new.fence < old.fence || (new.fence == old.fence && *new != old) {
            return Err(format!("{node} got {} after {}", new.fence, old.fence));
        }
        for (id, task) in &new.tasks {
            let Some(before) = old.tasks.get(id) else {
                continue;
            };
            if before.target == TaskTarget::Stop && task.target == TaskTarget::Run {
                return Err(format!("task {id} should run again after it should stop"));
            }
            if before.gate == Gate::Open && task.gate != Gate::Open {
                return Err(format!("the gate of task {id} was closed again"));
            }
        }
        self.reserved.check((&old, new), seen)?;
        let agent = seen.agents.iter().find(|agent| agent.id == node);
        for id in old.tasks.keys().filter(|id| !new.tasks.contains_key(*id)) {
            let runs = agent.is_some_and(|agent| {
                agent
                    .engine
                    .tasks()
                    .any(|(task, container)| task == *id && container.is_running())
            });
            if runs {
                return Err(format!(
                    "task {id} left the assignment of {node} while it runs"
                ));
            }
        }
        for (volume, consent) in &new.remove_volumes {
            if !seen.goal.covers(consent.as_str(), volume) {
                return Err(format!("{volume} is to be removed without consent to that"));
            }
        }
        self.committed
            .insert((node.clone(), new.fence), new.clone());
        self.newest.insert(node, new.clone());
        Ok(())
    }

    fn tasks(&self) -> impl Iterator<Item = (&NodeId, &AssignedTask)> {
        let newest = self.newest.values();
        newest.flat_map(|newest| newest.tasks.values().map(move |task| (&newest.node, task)))
    }

    /// A task is placed only when the one before it in its slot has left, or its node is lost.
    fn check_new(&mut self, before: &BTreeSet<TaskId>, now: Micros) -> Result<(), Broken> {
        let mut replaced = 0;
        for (_, task) in self.tasks().filter(|(_, task)| !before.contains(&task.id)) {
            let same_slot = |other: &AssignedTask| {
                (&other.project, &other.service, other.slot)
                    == (&task.project, &task.service, task.slot)
            };
            let mut others = self
                .tasks()
                .filter(|(_, other)| other.id != task.id && same_slot(other));
            let beside = others.find(|(node, _)| {
                let lost = self.lost.get(*node);
                lost.is_none_or(|at| now.saturating_sub(*at) > LOST_COUNTS)
            });
            if let Some((node, other)) = beside {
                return Err(format!(
                    "task {} was placed while {} of the same slot has not left {node}",
                    task.id, other.id
                ));
            }
            let mut guarded = self.tasks().map(|(_, other)| other);
            let guarded = guarded
                .any(|other| other.id != task.id && same_slot(other) && other.guard == Guard::Held);
            replaced += u32::from(guarded);
        }
        self.replaced += replaced;
        Ok(())
    }

    /// Something has happened to a leader.
    pub(crate) fn on_leader(&mut self, scheduler: &Scheduler, now: Micros) -> Result<(), Broken> {
        let Some(core) = scheduler.core() else {
            return Ok(());
        };
        let lab = core.lab();
        let mut lost = lab
            .observed
            .nodes
            .iter()
            .filter(|(_, node)| node.liveness == NodeLiveness::Lost);
        for (id, node) in &mut lost {
            self.lost.insert(id.clone(), now);
            let lost_at = node.lost_at.unwrap_or_default();
            let who = (scheduler.number, scheduler.life, id.clone());
            if self.found.insert(who, lost_at) != Some(lost_at) {
                let connected = scheduler.connected_since;
                let whole_window = Policy::default().silence_max().0 * MS;
                if connected.is_none_or(|since| now.saturating_sub(since) < whole_window) {
                    return Err(format!(
                        "s{} took {id} for lost, and was not connected for the whole window",
                        scheduler.number
                    ));
                }
            }
            let listened = node.lost_at.unwrap_or_default().since(lab.observed.since);
            if listened < Policy::default().silence_max() {
                return Err(format!(
                    "s{} took {id} for lost after {listened} of listening",
                    scheduler.number
                ));
            }
        }
        Ok(())
    }

    /// A slot never has two assigned tasks, and a task is on one node.
    fn check_slots(&self) -> Result<(), Broken> {
        let mut slots = BTreeMap::new();
        let mut places = BTreeMap::new();
        for assignment in self.newest.values() {
            for task in assignment.tasks.values() {
                if let Some(other) = places.insert(&task.id, &assignment.node) {
                    return Err(format!(
                        "task {} is on {other} and {}",
                        task.id, assignment.node
                    ));
                }
                if task.target == TaskTarget::Stop {
                    continue;
                }
                let slot = (&task.project, &task.service, task.slot);
                if let Some(other) = slots.insert(slot, &task.id) {
                    return Err(format!(
                        "slot {slot:?} has two tasks: {other} and {}",
                        task.id
                    ));
                }
            }
        }
        Ok(())
    }

    /// Something has happened on a node.
    pub(crate) fn on_agent(&mut self, agent: &Agent, goal: &Goal) -> Result<(), Broken> {
        let id = &agent.id;
        if !agent.engine.strangers_are_untouched() {
            return Err(format!("{id} has touched what is not the lab's"));
        }
        let removed = &agent.engine.removed_volumes;
        for (number, (volume, consent)) in removed.iter().enumerate() {
            if !goal.covers(consent, volume) {
                return Err(format!("{id} has removed {volume} without consent to that"));
            }
            // What was made since holds other data, and was not spoken of.
            if removed[..number].contains(&(volume.clone(), consent.clone())) {
                return Err(format!("{id} has removed {volume} twice by one consent"));
            }
        }
        let Some(core) = &agent.core else {
            return Ok(());
        };
        let accepted = core.heartbeat().accepted;
        let obeyed = self.obeyed.entry(id.clone()).or_default();
        if accepted < *obeyed {
            return Err(format!("{id} obeys {accepted} after {obeyed}"));
        }
        *obeyed = accepted;
        let held = &core.ledger().assignment;
        if held.fence == Fence::default() {
            return Ok(());
        }
        match self.committed.get(&(id.clone(), held.fence)) {
            Some(committed) if committed == held => Ok(()),
            Some(_) => Err(format!(
                "{id} obeys a {} that is not the committed one",
                held.fence
            )),
            None => Err(format!(
                "{id} obeys {}, which was never committed",
                held.fence
            )),
        }
    }

    /// An agent sends a report.
    pub(crate) fn on_report(&mut self, report: &Report) -> Result<(), Broken> {
        let statuses: Vec<_> = match &report.body {
            ReportBody::Full { inventory } => inventory.tasks.values().collect(),
            ReportBody::Delta { changed, .. } => changed.iter().collect(),
            ReportBody::Unknown => Vec::new(),
        };
        for status in statuses {
            let furthest = self
                .reported
                .entry(status.task.clone())
                .or_insert(status.progress);
            if status.progress < *furthest {
                return Err(format!(
                    "{} reports task {} back at {:?} after {furthest:?}",
                    report.node, status.task, status.progress
                ));
            }
            *furthest = status.progress;
            if status.exhausted && status.progress.state.is_terminal() {
                self.over.insert(status.task.clone());
            }
        }
        Ok(())
    }

    /// Whether its agent has ever said that a task will not be started again.
    pub(crate) fn was_over(&self, task: &TaskId) -> bool {
        self.over.contains(task)
    }

    /// A leader has heard a node.
    pub(crate) fn on_heard(&mut self, scheduler: &Scheduler, node: &NodeId) -> Result<(), Broken> {
        let Some(core) = scheduler.core() else {
            return Ok(());
        };
        let who = (scheduler.number, scheduler.life, core.leader().epoch.0);
        let believed = self.believed.entry(who).or_default();
        let Some(node) = core.lab().observed.nodes.get(node) else {
            return Ok(());
        };
        for (id, status) in &node.statuses {
            let furthest = believed.entry(id.clone()).or_insert(status.progress);
            if status.progress < *furthest {
                return Err(format!(
                    "s{} believes task {id} to be back at {:?} after {furthest:?}",
                    scheduler.number, status.progress
                ));
            }
            *furthest = status.progress;
        }
        Ok(())
    }
}

/// Containers of the lab that no assignment has a running task for.
pub(crate) fn left_over<'a>(agent: &'a Agent, newest: Option<&Assignment>) -> Option<&'a str> {
    agent.engine.ours().find_map(|(_, container)| {
        let task = container.labels.get(labels::TASK)?;
        let assigned = newest.and_then(|newest| newest.tasks.get(task.as_str()));
        let wanted = assigned.is_some_and(|task| task.target == TaskTarget::Run);
        (!wanted).then_some(container.name.as_str())
    })
}
