//! What a leader wants done outside.

use std::collections::BTreeMap;

use lab_types::{
    Assignment, Event, NodeId, Pass, Problem, RequestId, SpecDigest, TaskSpec, UnixMillis, UserName,
};

use super::LeaderCore;
use crate::change::text_bytes;
use crate::record::Answer;

/// The most bytes of specs in one message to an agent: with an assignment of a thousand tasks they stay
/// below NATS' largest message of 1 MiB. An agent asks for what it lacks.
const SPECS_BYTES_MAX: usize = 384 * 1024;

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

/// An assignment for its node, with the specs that it refers to, as many as one message holds.
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
        Push {
            specs: self.specs_for(assignment.specs()),
            assignment,
        }
    }

    /// The specs of these digests, as many as one message holds and at least one; an agent that lacks
    /// more asks again.
    #[must_use]
    pub fn specs_for(
        &self,
        digests: impl IntoIterator<Item = SpecDigest>,
    ) -> BTreeMap<SpecDigest, TaskSpec> {
        let mut specs = BTreeMap::new();
        let mut bytes = 0;
        for digest in digests {
            let Some(spec) = self.lab.desired.specs.get(&digest) else {
                continue;
            };
            bytes += text_bytes(spec);
            if bytes > SPECS_BYTES_MAX && !specs.is_empty() {
                break;
            }
            specs.insert(digest, spec.clone());
        }
        specs
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
