//! Heartbeats.

use lab_types::{Event, Heartbeat, NodeLiveness, UnixMillis};

use super::{HeartbeatVerdict, told};
use crate::lab::{Lab, ObservedNode};

impl Lab {
    /// Takes a heartbeat in. Besides the verdict it may give the event of a node that is back.
    pub fn on_heartbeat(
        &mut self,
        beat: &Heartbeat,
        now: UnixMillis,
    ) -> (HeartbeatVerdict, Option<Event>) {
        let fence = self.fence_view(&beat.node, beat.accepted);
        let Some(record) = self.desired.nodes.get(&beat.node).cloned() else {
            return (HeartbeatVerdict::Unregistered, None);
        };
        let Some(node) = self.observed_mut(&beat.node) else {
            return (HeartbeatVerdict::Unregistered, None);
        };
        if beat.boot < node.boot {
            return (HeartbeatVerdict::StaleBoot, None);
        }
        if beat.boot > node.boot {
            node.begin_life(beat.boot);
        }
        node.hear(beat.accepted, now);
        if beat.sequence > node.sequence {
            node.needs_full = true;
        }
        let needs_full = node.needs_full;
        let returned = node.is_back().then(|| told::ready(&record, node, now));
        (HeartbeatVerdict::Heard { fence, needs_full }, returned)
    }
}

impl ObservedNode {
    /// Starts anew with a life of the agent: its numbers begin at 1 again, and what it holds must be
    /// asked for. What is known of its tasks stays until then.
    pub(super) fn begin_life(&mut self, boot: lab_types::AgentBoot) {
        self.boot = boot;
        self.sequence = 0;
        // A life that has lost its ledger obeys nothing yet; any other says at once what it obeys.
        self.accepted = lab_types::Fence::default();
        self.needs_full = true;
        self.inherited = self.statuses.keys().cloned().collect();
    }

    pub(super) fn hear(&mut self, accepted: lab_types::Fence, now: UnixMillis) {
        // Messages of different subjects overtake one another, but the fence itself only grows.
        self.accepted = self.accepted.max(accepted);
        self.last_seen = Some(now);
    }

    /// Makes a node that is known and was just heard ready, and says whether it was not before.
    pub(super) fn is_back(&mut self) -> bool {
        let before = self.liveness;
        if self.known {
            self.liveness = NodeLiveness::Ready;
        }
        before != self.liveness
    }
}
