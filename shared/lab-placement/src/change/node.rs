//! Registering a node.

use std::collections::BTreeMap;

use lab_types::{Availability, EventScope, EventWhat, NodeId, NodeName, NodeRecord, NodeRole};

use super::{ChangeContext, Delta};
use crate::key::Key;
use crate::lab::Lab;
use crate::record::{Answer, Record};

/// What is told about a node.
pub(super) struct New<'a> {
    pub(super) id: &'a NodeId,
    pub(super) name: &'a NodeName,
    pub(super) role: NodeRole,
    pub(super) labels: &'a BTreeMap<String, String>,
}

pub(super) fn register(lab: &Lab, new: &New<'_>, context: &ChangeContext) -> Delta {
    let old = lab.desired.nodes.get(new.id);
    let record = NodeRecord {
        id: new.id.clone(),
        name: new.name.clone(),
        role: new.role,
        availability: old.map_or(Availability::Active, |old| old.availability),
        labels: new.labels.clone(),
        joined_at: old.map_or(context.now, |old| old.joined_at),
    };
    let answer = Answer::NodeRegistered {
        node: new.id.clone(),
        changed: old != Some(&record),
    };
    if old == Some(&record) {
        return Delta::unchanged(answer);
    }
    let message = match old {
        None => format!("node {} joined the lab as a {}", new.name, new.role),
        Some(_) => format!("node {} told the lab what changed about it", new.name),
    };
    let scope = EventScope {
        node: Some(new.id.clone()),
        ..EventScope::default()
    };
    Delta {
        puts: vec![(Key::Node(new.id.clone()), Record::Node(record))],
        removes: Vec::new(),
        events: vec![context.event(EventWhat::NodeJoined, scope, message)],
        answer,
    }
}
