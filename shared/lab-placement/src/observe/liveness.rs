//! Silence: which nodes are away or lost, and when to doubt oneself rather than them.

use lab_types::{Event, NodeLiveness, NodeRecord, UnixMillis};

use super::told;
use crate::lab::{Lab, ObservedNode};
use crate::policy::Policy;

/// What the leader concluded from silence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// Nodes that are now away or lost, and that replacement waits, as events.
    pub events: Vec<Event>,
    /// Whether any node's liveness is another now, told or not.
    pub changed: bool,
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
    /// Of how many: those that were there just before.
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
        let mut together = Together::default();
        for (id, record) in &self.desired.nodes {
            let node = self.observed.nodes.entry(id.clone()).or_default();
            if node.liveness == NodeLiveness::Lost {
                // Nodes of one fault are not all found lost in the same moment.
                let lately = node.lost_at.is_some_and(|at| now.since(at) <= window);
                together.lost_lately += usize::from(lately && !was_lost_before(record, node));
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
                together.nearly += usize::from(now.plus(policy.beat) >= deadline);
                together.others += usize::from(!was_lost_before(record, node));
                let earliest = silence.wake_at.map_or(deadline, |at| at.min(deadline));
                silence.wake_at = Some(earliest);
                continue;
            }
            let was_there = node.liveness != NodeLiveness::Away || now.since(deadline) <= window;
            let patience = record.patience.unwrap_or(window).max(window);
            let deadline = heard.plus(patience);
            if now < deadline {
                let earliest = silence.wake_at.map_or(deadline, |at| at.min(deadline));
                silence.wake_at = Some(earliest);
                together.others += usize::from(was_there);
                if node.liveness != NodeLiveness::Away {
                    node.liveness = NodeLiveness::Away;
                    silence.changed = true;
                    silence
                        .events
                        .push(told::away(record, node, (now, deadline)));
                }
                continue;
            }
            node.liveness = NodeLiveness::Lost;
            node.lost_at = Some(now);
            silence.changed = true;
            // One that this leader has not met yet counts too: after a power cut the leader may be the
            // first to be back. What an earlier leader has found and told is not told again.
            let was_lost = was_lost_before(record, node);
            together.vanished += usize::from(was_there && !was_lost);
            if !was_lost {
                silence.events.push(told::lost(record, node, now));
            }
        }
        if together.vanished > 0 {
            silence.held = self.hold(together, now, policy);
            silence
                .events
                .extend(silence.held.map(|held| told::held(held, now)));
        }
        silence
    }

    fn hold(&mut self, together: Together, now: UnixMillis, policy: &Policy) -> Option<Held> {
        let vanished = together.vanished + together.lost_lately + together.nearly;
        // Nodes that are nearly silent are among the others so far.
        let of = together.vanished + together.lost_lately + together.others;
        if !is_common_fault((vanished, of), policy) {
            return None;
        }
        let until = now.plus(policy.hold);
        self.observed.hold_until = Some(until);
        Some(Held {
            vanished,
            of,
            until,
        })
    }

    /// Goes on holding what an earlier leader held, by the nodes that it found lost together.
    pub(crate) fn resume_hold(&mut self, now: UnixMillis, policy: &Policy) -> Option<Held> {
        let nodes = self.desired.nodes.values();
        let lost: Vec<UnixMillis> = nodes.filter_map(|record| record.lost_since).collect();
        let latest = *lost.iter().max()?;
        let earliest = UnixMillis(latest.0.saturating_sub(policy.silence_max().0));
        let vanished = lost.iter().filter(|since| **since >= earliest).count();
        let of = self.desired.nodes.len() - (lost.len() - vanished);
        let until = latest.plus(policy.hold).min(now.plus(policy.hold));
        if until <= now || !is_common_fault((vanished, of), policy) {
            return None;
        }
        self.observed.hold_until = Some(until);
        Some(Held {
            vanished,
            of,
            until,
        })
    }
}

/// Whether so many nodes of those that were there vanished that it is more likely one fault than many.
fn is_common_fault((vanished, of): (usize, usize), policy: &Policy) -> bool {
    let at_least = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let (min, share) = (policy.vanish_together_min, policy.vanish_together_share);
    vanished >= at_least(min) && vanished.saturating_mul(at_least(share)) >= of
}

/// Nodes by how they stand, as one judgement finds them.
#[derive(Clone, Copy, Default)]
struct Together {
    /// Found lost just now.
    vanished: usize,
    /// Found lost by this leader within the last window.
    lost_lately: usize,
    /// Not lost, and there a window ago.
    others: usize,
    /// Of those, the ones that will be silent for too long within one beat.
    nearly: usize,
}

/// Whether an earlier leader found the node lost, and this one has not heard it since.
fn was_lost_before(record: &NodeRecord, node: &ObservedNode) -> bool {
    record.lost_since.is_some() && node.last_seen.is_none()
}
