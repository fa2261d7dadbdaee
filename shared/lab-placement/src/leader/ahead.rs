//! Nodes that obey an assignment that the state has never held.
//!
//! One such node says little of the lab: its agent's folder came from elsewhere, or its agent is wrong.
//! Nothing is sent to it and its assignment stays as it is; all others go on. Several of them, or all
//! nodes of the lab, say that the state was restored from an older copy, or that another leads: then
//! nothing is changed at all.

use lab_types::{Fence, NodeId, Problem, UnixMillis};

use super::{LeaderCore, Standing};
use crate::codes;
use crate::lab::Lab;
use crate::observe::FenceView;

/// How many nodes speak against the state rather than against themselves.
const SEVERAL: usize = 2;

impl LeaderCore {
    pub(super) fn on_fence(&mut self, node: &NodeId, fence: FenceView, now: UnixMillis) {
        let is_ahead = self.lab.is_ahead(node);
        if is_ahead != self.ahead.contains(node) {
            match is_ahead {
                true => drop(self.ahead.insert(node.clone())),
                false => drop(self.ahead.remove(node)),
            }
            self.dirty = true;
            self.judge_state();
        }
        match fence {
            FenceView::Current | FenceView::Ahead { .. } => {}
            FenceView::Behind => self.push_again(node, now),
        }
    }

    fn judge_state(&mut self) {
        let nodes = &self.lab.desired.nodes;
        self.ahead.retain(|node| nodes.contains_key(node));
        let speaks = self.ahead.len() >= SEVERAL || self.ahead.len() == nodes.len();
        let stands = matches!(self.standing, Standing::Leading | Standing::ReadOnly(_));
        if speaks && stands && !self.ahead.is_empty() {
            self.halt(restored(&self.lab, self.ahead.iter()));
        }
    }

    /// The nodes that obey an assignment that the state has never held, each as a problem to be told,
    /// while the others go on.
    #[must_use]
    pub fn ahead(&self) -> Vec<Problem> {
        let ahead = self.ahead.iter().filter(|node| self.lab.is_ahead(node));
        ahead.map(|node| left_alone(&self.lab, node)).collect()
    }
}

fn fences(lab: &Lab, node: &NodeId) -> (Fence, Fence) {
    let observed = lab.observed.nodes.get(node);
    let assignment = lab.desired.assignments.get(node);
    (
        observed.map(|node| node.accepted).unwrap_or_default(),
        assignment.map(|given| given.fence).unwrap_or_default(),
    )
}

fn restored<'a>(lab: &Lab, nodes: impl Iterator<Item = &'a NodeId>) -> Problem {
    let words: Vec<String> = nodes
        .map(|node| {
            let (obeyed, record) = fences(lab, node);
            format!(
                "node {node} obeys version {obeyed} of its assignment, but the lab's state knows only \
                 {record}"
            )
        })
        .collect();
    let message = format!(
        "{}: the state was restored from an older copy, or another scheduler leads",
        words.join("; ")
    );
    Problem::new(codes::RESTORED, message).help(
        "nothing is changed until this is settled: bring the newer state back, or start a new \
         incarnation of the lab",
    )
}

/// Why nothing is changed on one node.
fn left_alone(lab: &Lab, node: &NodeId) -> Problem {
    let (obeyed, record) = fences(lab, node);
    let name = lab.desired.nodes.get(node);
    let name = name.map_or_else(|| node.to_string(), |record| record.name.to_string());
    let message = format!(
        "node {name} obeys version {obeyed} of its assignment, but the lab's state knows only {record}: \
         nothing is sent to it"
    );
    Problem::new(codes::NODE_AHEAD, message).help(
        "its agent's folder comes from another lab or from a later life of this one: end the agent there, \
         take its `agent` folder away and start it again; or take the node out of the lab once it is lost",
    )
}
