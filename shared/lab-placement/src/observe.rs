//! What the leader makes of what it hears: heartbeats, reports, silence.
//!
//! A node's agent is the only writer of what is observed of it. Its messages may be lost, repeated,
//! delayed and reordered, so each is judged by the life of the agent that sent it and by its number in
//! that life; a gap is closed by asking for a full inventory. A task's state never goes back.

mod beat;
mod liveness;
mod report;
mod told;

use std::collections::BTreeMap;

use lab_types::{Event, Fence, NodeId, NodeName, NodeRecord, Report, ReportBody};

pub use liveness::{Held, Silence};
pub use report::advance;

use crate::change::Change;
use crate::lab::{Lab, ObservedNode};

/// How a node's fence compares with the leader's record of its assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceView {
    /// It obeys the newest.
    Current,
    /// It obeys an older one: the assignment must be pushed (again).
    Behind,
    /// It obeys one that the leader has never given. Either another leads, and this leader's next
    /// commit will be refused; or the lab's state was restored from an older copy; or the node alone is
    /// wrong. In all cases this leader must not remove anything there.
    Ahead {
        /// What the node obeys.
        node: Fence,
        /// The leader's record.
        record: Fence,
    },
}

/// What the leader makes of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeartbeatVerdict {
    /// The lab has no such node.
    Unregistered,
    /// It comes from an earlier life of the agent, and is ignored.
    StaleBoot,
    /// The node lives.
    Heard {
        /// How its fence compares.
        fence: FenceView,
        /// Whether it must be asked for a full inventory.
        needs_full: bool,
    },
}

/// What the leader makes of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportVerdict {
    /// The lab has no such node.
    Unregistered,
    /// It is not newer than the newest that was applied, and is ignored.
    NotNewer,
    /// It was applied.
    Applied {
        /// How the node's fence compares.
        fence: FenceView,
        /// Whether it must be asked for a full inventory, because a report before this one is missing.
        needs_full: bool,
        /// Whether it said anything that the leader did not know: a repeated inventory may not.
        changed: bool,
        /// What happened, by this report.
        events: Vec<Event>,
    },
}

impl Lab {
    /// What the lab should be told of the node that a report comes from: it is not registered, or its
    /// name or role are others than the lab's record says. A report that is not a full one tells
    /// neither.
    #[must_use]
    pub fn registration(&self, report: &Report) -> Option<Change> {
        let ReportBody::Full { inventory } = &report.body else {
            return None;
        };
        let name = NodeName::new(inventory.hostname.as_str());
        let name = name.or_else(|_| NodeName::new(report.node.as_str())).ok()?;
        if self.desired.aside.holds_node(&report.node) {
            return None;
        }
        let known = self.desired.nodes.get(&report.node);
        let is_same = |known: &NodeRecord| (known.role, &known.name) == (inventory.role, &name);
        (!known.is_some_and(is_same)).then(|| Change::RegisterNode {
            id: report.node.clone(),
            role: inventory.role,
            name,
            labels: BTreeMap::new(),
        })
    }

    fn fence_view(&self, node: &NodeId, accepted: Fence) -> FenceView {
        let assignment = self.desired.assignments.get(node);
        let record = assignment.map_or_else(Fence::default, |assignment| assignment.fence);
        match accepted.cmp(&record) {
            std::cmp::Ordering::Equal => FenceView::Current,
            std::cmp::Ordering::Less => FenceView::Behind,
            std::cmp::Ordering::Greater => FenceView::Ahead {
                node: accepted,
                record,
            },
        }
    }

    /// The place for what a node of the lab tells; nothing for a node that is not the lab's.
    fn observed_mut(&mut self, node: &NodeId) -> Option<&mut ObservedNode> {
        if !self.desired.nodes.contains_key(node) {
            return None;
        }
        Some(self.observed.nodes.entry(node.clone()).or_default())
    }
}

#[cfg(test)]
mod tests;
