//! Which agents are asked for a full inventory, a bounded number at a time.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{Assignment, Fence, NodeId, NodeLiveness, TaskId, TaskTarget, UnixMillis};

use super::LeaderCore;
use crate::lab::{Lab, ObservedNode};
use crate::plan::Filter;
use crate::policy::Policy;
use crate::port;

#[derive(Debug, Default)]
pub(super) struct Asks {
    /// To be asked, each with when it was last asked in vain; never is zero.
    wanted: BTreeMap<NodeId, UnixMillis>,
    /// The same in the order in which they are asked. Whoever did not answer comes last, so that nodes
    /// that are switched off take no place from those that live.
    queue: BTreeSet<(UnixMillis, NodeId)>,
    /// Asked and not answered, with when.
    open: BTreeMap<NodeId, UnixMillis>,
    /// The tasks of each node that should stop, as of which version of its assignment: a version never
    /// changes, and all tasks of the lab are too many to be looked through with every tick.
    stopping: BTreeMap<NodeId, (Fence, Vec<TaskId>)>,
}

impl Asks {
    /// An agent has not told everything.
    pub(super) fn need(&mut self, node: &NodeId) {
        if !self.open.contains_key(node) && !self.wanted.contains_key(node) {
            self.wait(node.clone(), UnixMillis::default());
        }
    }

    fn wait(&mut self, node: NodeId, asked_at: UnixMillis) {
        self.queue.insert((asked_at, node.clone()));
        self.wanted.insert(node, asked_at);
    }

    fn leave_out(&mut self, node: &NodeId) {
        self.open.remove(node);
        if let Some(asked_at) = self.wanted.remove(node) {
            self.queue.remove(&(asked_at, node.clone()));
        }
    }

    /// An agent has reported.
    pub(super) fn heard(&mut self, node: &NodeId, needs_full: bool) {
        if needs_full {
            self.need(node);
        } else {
            self.leave_out(node);
        }
    }

    /// Finds the agents that must be asked: those that have not told everything, and those that obey
    /// the newest assignment and have never spoken of a task that should stop. One that was given up
    /// and is still silent is not asked: its next sign of life asks for what is needed.
    pub(super) fn collect(
        &mut self,
        (lab, unsettled): (&Lab, &BTreeSet<NodeId>),
        now: UnixMillis,
        policy: &Policy,
    ) {
        for id in lab.desired.nodes.keys() {
            let node = lab.observed.nodes.get(id);
            if node.is_some_and(|node| is_given_up(node, now, policy)) {
                self.leave_out(id);
                continue;
            }
            let incomplete = node.is_none_or(|node| node.needs_full);
            if incomplete || (!unsettled.contains(id) && self.is_silent_about_a_stop(lab, id)) {
                self.need(id);
            }
        }
    }

    fn is_silent_about_a_stop(&mut self, lab: &Lab, id: &NodeId) -> bool {
        let assignment = lab.desired.assignments.get(id);
        let (Some(assignment), Some(node)) = (assignment, lab.observed.nodes.get(id)) else {
            return false;
        };
        let known = self.stopping.get(id);
        if known.is_none_or(|(fence, _)| *fence != assignment.fence) {
            let stopping = (assignment.fence, stopping(assignment));
            self.stopping.insert(id.clone(), stopping);
        }
        let stopping = self.stopping.get(id).map(|(_, tasks)| tasks);
        node.accepted == assignment.fence
            && stopping
                .into_iter()
                .flatten()
                .any(|task| !node.statuses.contains_key(task) && !node.gone.contains(task))
    }

    /// What is kept of a lab's assignments, and what it would be if it were computed now.
    #[cfg(test)]
    pub(super) fn derived(&self, lab: &Lab) -> Vec<(&[TaskId], Vec<TaskId>)> {
        let kept = self.stopping.iter();
        kept.filter_map(|(id, (fence, kept))| {
            let assignment = lab.desired.assignments.get(id)?;
            let is_present = assignment.fence == *fence;
            is_present.then(|| (kept.as_slice(), stopping(assignment)))
        })
        .collect()
    }

    fn next(&mut self, now: UnixMillis, policy: &Policy) -> Vec<NodeId> {
        let overdue = self.open.iter();
        let overdue = overdue.filter(|(_, at)| now.since(**at) >= policy.ask_timeout);
        let overdue: Vec<(NodeId, UnixMillis)> =
            overdue.map(|(id, at)| (id.clone(), *at)).collect();
        for (id, asked_at) in overdue {
            self.open.remove(&id);
            self.wait(id, asked_at);
        }
        let max = usize::try_from(policy.asks_max).unwrap_or(usize::MAX);
        let mut next = Vec::new();
        while self.open.len() < max
            && let Some((_, id)) = self.queue.pop_first()
        {
            self.wanted.remove(&id);
            self.open.insert(id.clone(), now);
            next.push(id);
        }
        next
    }

    /// When the oldest question has to be asked again.
    pub(super) fn due(&self, policy: &Policy) -> Option<UnixMillis> {
        let oldest = self.open.values().min()?;
        Some(oldest.plus(policy.ask_timeout))
    }
}

/// Whether it is away or lost and has not given a sign of life since.
fn is_given_up(node: &ObservedNode, now: UnixMillis, policy: &Policy) -> bool {
    let heard_lately = || {
        let seen = node.last_seen;
        seen.is_some_and(|seen| now.since(seen) < policy.silence_max())
    };
    !matches!(node.liveness, NodeLiveness::Unknown | NodeLiveness::Ready) && !heard_lately()
}

fn stopping(assignment: &Assignment) -> Vec<TaskId> {
    let tasks = assignment.tasks.values();
    let tasks = tasks.filter(|task| task.target == TaskTarget::Stop);
    tasks.map(|task| task.id.clone()).collect()
}

impl LeaderCore {
    /// While slots wait for a host port, the nodes on which something foreign holds it are asked now and
    /// then: it may be free by now, and nobody reports that by himself.
    pub(super) fn ask_for_the_pending(&mut self, now: UnixMillis) {
        let due = self
            .pending_asked_at
            .is_none_or(|at| now.since(at) >= self.policy.pending_ask);
        if self.lab.observed.pending.is_empty() || !due {
            return;
        }
        self.pending_asked_at = Some(now);
        let by_ports = self.report.pending.iter().filter(|pending| {
            let mut reasons = pending.reasons.iter();
            reasons.any(|reason| reason.filter == Filter::HostPorts)
        });
        for pending in by_ports {
            let key = (pending.project.clone(), pending.service.clone());
            let desired = &self.lab.desired;
            let record = desired.services.get(&key);
            let Some(spec) = record.and_then(|record| desired.specs.get(&record.spec)) else {
                continue;
            };
            let nodes = self.lab.observed.nodes.iter();
            let ready = nodes.filter(|(_, node)| node.liveness == NodeLiveness::Ready);
            for (id, node) in ready {
                let mut wanted = port::fixed(&spec.ports);
                if wanted.any(|fixed| node.foreign_ports.iter().any(|held| fixed.is_held_by(held)))
                {
                    self.asks.need(id);
                }
            }
        }
    }

    pub(super) fn ask(&mut self, now: UnixMillis) {
        if self.connected_since.is_none() {
            return;
        }
        let next = self.asks.next(now, &self.policy);
        self.effects.asks.extend(next);
    }
}
