//! Who gets an image from whom.
//!
//! One node that has an image gives it to a few others at a time; each of them has it then and gives
//! it on. So the time for a whole lab grows with the logarithm of its nodes, and no node's link is
//! asked for more than [`SENDS_MAX`] transfers.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{DurationMs, NodeId, StreamId, UnixMillis};

/// To how many nodes one node sends at a time. One transfer mostly fills a link by itself; a second
/// fills the gaps in which a target loads what it drew. More would only make each slower, and the
/// nodes that could send on would come later.
pub const SENDS_MAX: usize = 2;

/// For how long a transfer counts of which the target says nothing. It says something each second;
/// opening one takes up to 5 s.
pub const HEARD_MAX: DurationMs = DurationMs::from_secs(8);

/// How long a look at all nodes holds, while an image is wanted that none was found to have.
pub const LOOK_EVERY: DurationMs = DurationMs::from_secs(2);

/// For how long an image is remembered of which nobody says anything: a service that is scaled up
/// within it needs no new look at the nodes.
const FORGET_AFTER: DurationMs = DurationMs::from_secs(600);

/// What the leader knows of images and transfers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    images: BTreeMap<String, Known>,
}

/// What is known of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    holders: BTreeMap<NodeId, Holder>,
    /// By target.
    transfers: BTreeMap<NodeId, Transfer>,
    look: Look,
    heard_at: UnixMillis,
}

/// What a node has done for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Holder {
    /// How many transfers from it broke off since one last went well.
    broke: u32,
    /// How many it was asked for.
    served: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Transfer {
    source: NodeId,
    stream: StreamId,
    heard_at: UnixMillis,
}

/// The last look at all nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Look {
    #[default]
    Never,
    /// It is under way.
    Asked { at: UnixMillis },
    /// It is over; `complete` when every node of the lab was asked and answered.
    Done { at: UnixMillis, complete: bool },
}

/// A node says how it stands to an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which node.
    pub target: NodeId,
    /// Which image, by its id.
    pub image: String,
    /// How far it has come.
    pub stage: Stage,
}

/// How far a node has come with an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It has no transfer.
    Lacks,
    /// It has this one.
    Draws {
        /// From whom.
        source: NodeId,
        /// By which stream.
        stream: StreamId,
    },
    /// Its transfer broke off.
    Broke {
        /// From whom it drew.
        source: NodeId,
    },
    /// It has the image.
    Has,
}

/// What a node is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To go on with what it does.
    GoOn,
    /// To draw from this node by this stream, which is to be opened there first.
    Draw {
        /// From whom.
        source: NodeId,
        /// By which stream.
        stream: StreamId,
    },
    /// To wait: all nodes must be asked first whether they have it.
    Look,
    /// To wait until that has been answered.
    Looking,
    /// To wait: so many nodes that have it are sending as much as they may.
    Queue {
        /// How many.
        sources: usize,
    },
    /// To wait: no node that answers has it, but not all do.
    NotAll,
    /// Nobody has it.
    Nobody,
}

/// What came of a look at all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// The image's id.
    pub image: String,
    /// Who has it.
    pub holders: BTreeSet<NodeId>,
    /// Whether every node of the lab answered.
    pub complete: bool,
}

impl Board {
    /// Takes in how a node stands to an image and says what it is to do. `working` are the nodes that
    /// report and whose engine answers; `stream` is the id of the transfer, should one begin.
    pub fn on_ask(
        &mut self,
        ask: &Ask,
        working: &BTreeSet<NodeId>,
        stream: StreamId,
        now: UnixMillis,
    ) -> Verdict {
        self.forget(now);
        let known = self.images.entry(ask.image.clone()).or_default();
        known.heard_at = now;
        match &ask.stage {
            Stage::Has => {
                if let Some(over) = known.transfers.remove(&ask.target) {
                    known.holders.entry(over.source).or_default().broke = 0;
                }
                known.holders.entry(ask.target.clone()).or_default();
                return Verdict::GoOn;
            }
            Stage::Draws { source, stream } => {
                known.holders.entry(source.clone()).or_default();
                if working.contains(source) {
                    let transfer = Transfer {
                        source: source.clone(),
                        stream: stream.clone(),
                        heard_at: now,
                    };
                    known.transfers.insert(ask.target.clone(), transfer);
                    return Verdict::GoOn;
                }
            }
            Stage::Broke { source } => {
                let holder = known.holders.entry(source.clone()).or_default();
                holder.broke = holder.broke.saturating_add(1);
            }
            Stage::Lacks => {
                known.holders.remove(&ask.target);
            }
        }
        known.transfers.remove(&ask.target);
        self.choose(ask, working, stream, now)
    }

    /// All nodes have been asked for an image.
    pub fn on_looked(&mut self, looked: Looked, now: UnixMillis) {
        let known = self.images.entry(looked.image).or_default();
        known.heard_at = known.heard_at.max(now);
        known.look = Look::Done {
            at: now,
            complete: looked.complete,
        };
        if looked.complete {
            known
                .holders
                .retain(|node, _| looked.holders.contains(node));
        }
        for node in looked.holders {
            known.holders.entry(node).or_default();
        }
    }

    /// A source did not join the transfer; `lacks` when it said that it does not have the image.
    pub fn on_refused(&mut self, image: &str, target: &NodeId, stream: &StreamId, lacks: bool) {
        let Some(known) = self.images.get_mut(image) else {
            return;
        };
        let found = known.transfers.get(target);
        let Some(transfer) = found.filter(|transfer| transfer.stream == *stream) else {
            return;
        };
        let source = transfer.source.clone();
        known.transfers.remove(target);
        if lacks {
            known.holders.remove(&source);
        } else if let Some(holder) = known.holders.get_mut(&source) {
            holder.broke = holder.broke.saturating_add(1);
        }
    }

    /// How many transfers each node sends, of whatever images.
    #[must_use]
    pub fn sends(&self) -> BTreeMap<NodeId, usize> {
        let mut sends = BTreeMap::new();
        let transfers = self.images.values().flat_map(|known| &known.transfers);
        for (_, transfer) in transfers {
            *sends.entry(transfer.source.clone()).or_default() += 1;
        }
        sends
    }

    fn choose(
        &mut self,
        ask: &Ask,
        working: &BTreeSet<NodeId>,
        stream: StreamId,
        now: UnixMillis,
    ) -> Verdict {
        let sends = self.sends();
        let load = |node: &NodeId| sends.get(node).copied().unwrap_or_default();
        let known = self.images.entry(ask.image.clone()).or_default();
        let there = known.holders.iter();
        let there: Vec<_> = there
            .filter(|(node, _)| **node != ask.target && working.contains(*node))
            .collect();
        let sources = there.len();
        if sources == 0 {
            return known.look_again(&ask.target, now);
        }
        let free = there.into_iter().filter(|(node, _)| load(node) < SENDS_MAX);
        // Where transfers break off is tried last; the idle and the little used come first.
        let best = free.min_by_key(|(node, holder)| {
            let node: &NodeId = node;
            (holder.broke, load(node), holder.served, node)
        });
        let Some(source) = best.map(|(node, _)| node.clone()) else {
            return Verdict::Queue { sources };
        };
        known.holders.entry(source.clone()).or_default().served += 1;
        let transfer = Transfer {
            source: source.clone(),
            stream: stream.clone(),
            heard_at: now,
        };
        known.transfers.insert(ask.target.clone(), transfer);
        Verdict::Draw { source, stream }
    }

    /// Drops what nobody has spoken of for too long.
    fn forget(&mut self, now: UnixMillis) {
        self.images.retain(|_, known| {
            known.transfers.retain(|_, transfer| {
                // A clock that was set back must not keep the silent.
                transfer.heard_at = transfer.heard_at.min(now);
                now.since(transfer.heard_at) < HEARD_MAX
            });
            known.heard_at = known.heard_at.min(now);
            now.since(known.heard_at) < FORGET_AFTER
        });
    }
}

impl Known {
    /// No node that works is known to have it.
    fn look_again(&mut self, target: &NodeId, now: UnixMillis) -> Verdict {
        let is_away = self.holders.keys().any(|holder| holder != target);
        match self.look {
            Look::Asked { at } if now.since(at) < HEARD_MAX => Verdict::Looking,
            Look::Done { at, complete } if now.since(at) < LOOK_EVERY => {
                match complete && !is_away {
                    true => Verdict::Nobody,
                    false => Verdict::NotAll,
                }
            }
            Look::Never | Look::Asked { .. } | Look::Done { .. } => {
                self.look = Look::Asked { at: now };
                Verdict::Look
            }
        }
    }
}

#[cfg(test)]
mod tests;
