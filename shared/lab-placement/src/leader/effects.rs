//! What a leader wants done outside.

use std::collections::BTreeMap;

use lab_types::{
    Assignment, Event, NodeId, Pass, Problem, RequestId, SpecDigest, TaskSpec, UnixMillis, UserName,
};

use super::LeaderCore;
use crate::record::Answer;

/// What a leader wants done outside, in no particular order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Assignments to be sent to their nodes.
    pub pushes: Vec<Push>,
    /// Replies to requests.
    pub replies: Vec<Reply>,
    /// Events to be published; then the shell calls [`LeaderCore::on_published`].
    pub publish: Vec<Publish>,
    /// Agents to be asked for a full inventory.
    pub asks: Vec<NodeId>,
}

impl Effects {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pushes.is_empty()
            && self.replies.is_empty()
            && self.publish.is_empty()
            && self.asks.is_empty()
    }
}

/// An assignment for its node, with every spec that it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// For whom, which version, and what.
    pub assignment: Assignment,
    /// The specs of its tasks.
    pub specs: BTreeMap<SpecDigest, TaskSpec>,
}

/// The reply to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Who asked.
    pub user: UserName,
    /// The request.
    pub request: RequestId,
    /// The answer, or why nothing was changed.
    pub result: Result<Answer, Problem>,
}

/// Events of one pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// The pass whose outbox holds them.
    pub pass: Pass,
    /// The events.
    pub events: Vec<Event>,
}

impl LeaderCore {
    pub(super) fn push_of(&self, assignment: Assignment) -> Push {
        let specs = assignment.specs().into_iter().filter_map(|digest| {
            let spec = self.lab.desired.specs.get(&digest)?.clone();
            Some((digest, spec))
        });
        Push {
            specs: specs.collect(),
            assignment,
        }
    }

    /// Pushes to a node that obeys an older version, unless its newest is not committed yet or was
    /// pushed just now: the beat that tells so may have crossed the push.
    pub(super) fn push_again(&mut self, node: &NodeId, now: UnixMillis) {
        let lately = self
            .pushed_at
            .get(node)
            .is_some_and(|at| now.since(*at) < self.policy.beat);
        if lately {
            return;
        }
        if let Some(push) = self.sync(node) {
            self.pushed_at.insert(node.clone(), now);
            self.effects.pushes.push(push);
        }
    }
}
