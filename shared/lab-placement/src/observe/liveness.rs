//! Silence: which nodes are away or lost, and when to doubt oneself rather than them.

use lab_types::{Event, NodeLiveness, UnixMillis};

use super::told;
use crate::lab::Lab;
use crate::policy::Policy;

/// What the leader concluded from silence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// Nodes that are now away or lost, and that replacement waits, as events.
    pub events: Vec<Event>,
    /// Set when so many nodes vanished together that replacement waits.
    pub held: Option<Held>,
    /// When to judge again, if nobody speaks until then.
    pub wake_at: Option<UnixMillis>,
}

/// Many nodes vanished together: more likely a switch or the leader's own link than all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// How many vanished.
    pub vanished: usize,
    /// How many the lab has.
    pub of: usize,
    /// Until when nothing is replaced.
    pub until: UnixMillis,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { vanished, of, .. } = self;
        write!(
            f,
            "{vanished} of {of} nodes vanished together: replacing their tasks is held for a while"
        )
    }
}

impl Lab {
    /// Judges the nodes by when they were last heard. `connected_since` is since when the leader has
    /// been connected without a break: silence before that says nothing about a node.
    pub fn liveness(
        &mut self,
        now: UnixMillis,
        connected_since: UnixMillis,
        policy: &Policy,
    ) -> Silence {
        let window = policy.silence_max();
        let listening_since = connected_since
            .max(self.observed.since)
            .max(self.observed.deaf_until);
        let mut silence = Silence::default();
        self.observed.hold_until = self.observed.hold_until.filter(|until| now < *until);
        let mut vanished = 0;
        let mut lost_lately = 0;
        let mut nearly = 0;
        for (id, record) in &self.desired.nodes {
            let node = self.observed.nodes.entry(id.clone()).or_default();
            if node.liveness == NodeLiveness::Lost {
                // Nodes of one fault are not all found lost in the same moment.
                let lately = node.lost_at.is_some_and(|at| now.since(at) <= window);
                lost_lately += usize::from(lately);
                continue;
            }
            let heard = node.last_seen.unwrap_or(record.joined_at);
            let heard = heard.max(listening_since);
            let deadline = match node.last_seen.is_some_and(|seen| seen >= connected_since) {
                true => heard.plus(window),
                false => heard.plus(window).max(connected_since.plus(policy.rejoin)),
            };
            if now < deadline {
                // Nodes of one fault fall silent within one beat of one another.
                nearly += usize::from(now.plus(policy.beat) >= deadline);
                let earliest = silence.wake_at.map_or(deadline, |at| at.min(deadline));
                silence.wake_at = Some(earliest);
                continue;
            }
            let patience = record.patience.unwrap_or(window).max(window);
            let deadline = heard.plus(patience);
            if now < deadline {
                let earliest = silence.wake_at.map_or(deadline, |at| at.min(deadline));
                silence.wake_at = Some(earliest);
                if node.liveness != NodeLiveness::Away {
                    node.liveness = NodeLiveness::Away;
                    silence
                        .events
                        .push(told::away(record, node, (now, deadline)));
                }
                continue;
            }
            // One that this leader has not met yet counts too: after a power cut the leader may be the
            // first to be back.
            vanished += 1;
            node.liveness = NodeLiveness::Lost;
            node.lost_at = Some(now);
            silence.events.push(told::lost(record, node, now));
        }
        if vanished > 0 {
            silence.held = self.hold(vanished + lost_lately + nearly, now, policy);
            silence
                .events
                .extend(silence.held.map(|held| told::held(held, now)));
        }
        silence
    }

    fn hold(&mut self, together: usize, now: UnixMillis, policy: &Policy) -> Option<Held> {
        let nodes = self.desired.nodes.len();
        let (min, share) = (policy.vanish_together_min, policy.vanish_together_share);
        let at_least = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        if together < at_least(min) || together.saturating_mul(at_least(share)) < nodes {
            return None;
        }
        let until = now.plus(policy.hold);
        self.observed.hold_until = Some(until);
        Some(Held {
            vanished: together,
            of: nodes,
            until,
        })
    }
}
