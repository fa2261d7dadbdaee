//! Which agents are asked for a full inventory, a bounded number at a time.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{NodeId, NodeLiveness, TaskTarget, UnixMillis};

use super::LeaderCore;
use crate::lab::{Lab, ObservedNode};
use crate::policy::Policy;

#[derive(Debug, Default)]
pub(super) struct Asks {
    wanted: BTreeSet<NodeId>,
    /// Asked and not answered, with when.
    open: BTreeMap<NodeId, UnixMillis>,
}

impl Asks {
    /// When agents were asked is not known any more.
    pub(super) fn forget(&mut self) {
        self.open.clear();
    }

    /// An agent has not told everything.
    pub(super) fn need(&mut self, node: &NodeId) {
        self.wanted.insert(node.clone());
    }

    /// An agent has reported.
    pub(super) fn heard(&mut self, node: &NodeId, needs_full: bool) {
        if needs_full {
            self.need(node);
        } else {
            self.wanted.remove(node);
            self.open.remove(node);
        }
    }

    /// Finds the agents that must be asked: those that have not told everything, and those that obey
    /// the newest assignment and have never spoken of a task that should stop.
    pub(super) fn collect(&mut self, lab: &Lab, unsettled: &BTreeSet<NodeId>) {
        for id in lab.desired.nodes.keys() {
            let node = lab.observed.nodes.get(id);
            // One that is silent is asked when it speaks again.
            let lost = node.is_some_and(|node| {
                matches!(node.liveness, NodeLiveness::Away | NodeLiveness::Lost)
            });
            let incomplete = node.is_none_or(|node| node.needs_full);
            let silent = || node.is_some_and(|node| silent_about_a_stop(lab, id, node));
            if !lost && (incomplete || (!unsettled.contains(id) && silent())) {
                self.wanted.insert(id.clone());
            }
        }
    }

    fn next(&mut self, now: UnixMillis, policy: &Policy) -> Vec<NodeId> {
        self.open
            .retain(|_, at| now.since(*at) < policy.ask_timeout);
        let max = usize::try_from(policy.asks_max).unwrap_or(usize::MAX);
        let free = max.saturating_sub(self.open.len());
        let next = self.wanted.iter().filter(|id| !self.open.contains_key(*id));
        let next: Vec<NodeId> = next.take(free).cloned().collect();
        for id in &next {
            self.open.insert(id.clone(), now);
        }
        next
    }

    /// When the oldest question has to be asked again.
    pub(super) fn due(&self, policy: &Policy) -> Option<UnixMillis> {
        let oldest = self.open.values().min()?;
        Some(oldest.plus(policy.ask_timeout))
    }
}

fn silent_about_a_stop(lab: &Lab, id: &NodeId, node: &ObservedNode) -> bool {
    let Some(assignment) = lab.desired.assignments.get(id) else {
        return false;
    };
    node.accepted >= assignment.fence
        && assignment.tasks.values().any(|task| {
            task.target == TaskTarget::Stop
                && !node.statuses.contains_key(&task.id)
                && !node.gone.contains(&task.id)
        })
}

impl LeaderCore {
    /// While slots wait for a node, the nodes are asked now and then: what kept them away (a foreign
    /// port, an image) may be gone, and nobody reports that by himself.
    pub(super) fn ask_for_the_pending(&mut self, now: UnixMillis) {
        let due = self
            .pending_asked_at
            .is_none_or(|at| now.since(at) >= self.policy.pending_ask);
        if self.lab.observed.pending.is_empty() || !due {
            return;
        }
        self.pending_asked_at = Some(now);
        let nodes = self.lab.observed.nodes.iter();
        for (id, _) in nodes.filter(|(_, node)| node.liveness == NodeLiveness::Ready) {
            self.asks.need(id);
        }
    }

    pub(super) fn ask(&mut self, now: UnixMillis) {
        let next = self.asks.next(now, &self.policy);
        self.effects.asks.extend(next);
    }
}
