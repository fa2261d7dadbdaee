//! Registering a node, changing it, and taking it out of the lab.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    Assignment, Availability, DurationMs, EventScope, EventWhat, Fence, NodeId, NodeLiveness,
    NodeName, NodeRecord, NodeRole, Problem, TaskTarget,
};

use super::finding::{Finding, refuse_if_any};
use super::{ChangeContext, Delta};
use crate::codes;
use crate::key::Key;
use crate::lab::Lab;
use crate::record::{Answer, Record};

/// The longest patience: who is away for longer than a year is not waited for.
const PATIENCE_MAX: DurationMs = DurationMs::from_secs(365 * 24 * 60 * 60);

/// The most labels of one node: more than anybody reads, and a record of some kilobytes.
const LABELS_MAX: usize = 64;

/// The longest label, key and value each: as much as a DNS name and a path take.
const LABEL_BYTES_MAX: usize = 256;

/// What is told about a node.
pub(super) struct New<'a> {
    pub(super) id: &'a NodeId,
    pub(super) name: &'a NodeName,
    pub(super) role: NodeRole,
    pub(super) labels: &'a BTreeMap<String, String>,
}

/// What should be different about a node; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeChanges {
    /// Whether it takes tasks.
    pub availability: Option<Availability>,
    /// Labels to be set.
    pub add_labels: BTreeMap<String, String>,
    /// Labels to be taken away; those that are not there are no mistake.
    pub remove_labels: BTreeSet<String>,
    /// How long it may be silent; zero for the usual three signs of life.
    pub patience: Option<DurationMs>,
}

pub(super) fn register(lab: &Lab, new: &New<'_>, context: &ChangeContext) -> Delta {
    let old = lab.desired.nodes.get(new.id);
    let record = NodeRecord {
        id: new.id.clone(),
        name: new.name.clone(),
        role: new.role,
        availability: old.map_or(Availability::Active, |old| old.availability),
        // What a person has set since is not undone by an agent that starts again.
        labels: old.map_or_else(|| new.labels.clone(), |old| old.labels.clone()),
        patience: old.and_then(|old| old.patience),
        joined_at: old.map_or(context.now, |old| old.joined_at),
        lost_since: old.and_then(|old| old.lost_since),
    };
    let answer = Answer::NodeRegistered {
        node: new.id.clone(),
        changed: old != Some(&record),
    };
    if old == Some(&record) {
        return Delta::unchanged(answer);
    }
    let (what, message) = match old {
        None => (
            EventWhat::NodeJoined,
            format!("node {} joined the lab as a {}", new.name, new.role),
        ),
        Some(_) => (
            EventWhat::NodeUpdated,
            format!(
                "node {} told the lab what changed about it: it is a {}",
                new.name, new.role
            ),
        ),
    };
    let event = context.event(what, scope(new.id), message);
    Delta {
        puts: vec![(Key::Node(new.id.clone()), Record::Node(record))],
        removes: Vec::new(),
        events: vec![event],
        answer,
    }
}

pub(super) fn update(
    lab: &Lab,
    node: &str,
    changes: &NodeChanges,
    context: &ChangeContext,
) -> Result<Delta, Problem> {
    let old = find(lab, node)?;
    refuse_if_any(
        &format!("the change of node {}", old.name),
        findings(old, changes),
    )?;
    let mut record = old.clone();
    record.availability = changes.availability.unwrap_or(old.availability);
    record
        .labels
        .retain(|key, _| !changes.remove_labels.contains(key));
    record.labels.extend(changes.add_labels.clone());
    if let Some(patience) = changes.patience {
        record.patience = Some(patience).filter(|patience| patience.0 > 0);
    }
    let answer = Answer::NodeChanged {
        node: old.id.clone(),
        changed: record != *old,
    };
    if record == *old {
        return Ok(Delta::unchanged(answer));
    }
    let message = format!(
        "node {} is changed: {}",
        old.name,
        differences(old, &record)
    );
    Ok(Delta {
        events: vec![context.event(EventWhat::NodeUpdated, scope(&old.id), message)],
        puts: vec![(Key::Node(old.id.clone()), Record::Node(record))],
        removes: Vec::new(),
        answer,
    })
}

fn findings(old: &NodeRecord, changes: &NodeChanges) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, value) in &changes.add_labels {
        if key.is_empty() || key.contains(['=', '\0']) || key.chars().any(char::is_whitespace) {
            findings.push(Finding::new(
                codes::BAD_LABEL,
                format!("{key:?} is no key of a label"),
                "write KEY=VALUE, the key without white space",
            ));
        }
        if key.len() > LABEL_BYTES_MAX || value.len() > LABEL_BYTES_MAX {
            findings.push(Finding::new(
                codes::TOO_MUCH,
                format!("the label {key:.40} is longer than {LABEL_BYTES_MAX} bytes"),
                "shorten its key or its value",
            ));
        }
        if changes.remove_labels.contains(key) {
            findings.push(Finding::new(
                codes::BAD_LABEL,
                format!("the label {key} is both to be set and to be taken away"),
                "say one of the two",
            ));
        }
    }
    let kept = old
        .labels
        .keys()
        .filter(|key| !changes.remove_labels.contains(*key));
    let labels: BTreeSet<&String> = kept.chain(changes.add_labels.keys()).collect();
    if labels.len() > LABELS_MAX {
        findings.push(Finding::new(
            codes::TOO_MUCH,
            format!("node {} would have {} labels", old.name, labels.len()),
            format!("a node has at most {LABELS_MAX}: take some away"),
        ));
    }
    if changes
        .patience
        .is_some_and(|patience| patience > PATIENCE_MAX)
    {
        findings.push(Finding::new(
            codes::TOO_MUCH,
            "a patience of more than a year",
            "take the node out of the lab in place of waiting for it",
        ));
    }
    findings
}

/// What is different, in words.
fn differences(old: &NodeRecord, new: &NodeRecord) -> String {
    let mut words = Vec::new();
    if old.availability != new.availability {
        words.push(match new.availability {
            Availability::Active => "it takes tasks".to_owned(),
            Availability::Pause => "it takes no more tasks".to_owned(),
            Availability::Drain => "its tasks go elsewhere".to_owned(),
        });
    }
    for (key, value) in &new.labels {
        if old.labels.get(key) != Some(value) {
            words.push(format!("label {key}={value}"));
        }
    }
    for key in old
        .labels
        .keys()
        .filter(|key| !new.labels.contains_key(*key))
    {
        words.push(format!("without label {key}"));
    }
    if old.patience != new.patience {
        words.push(match new.patience {
            Some(patience) => format!("it may be silent for {patience}"),
            None => "it may be silent for as long as any node".to_owned(),
        });
    }
    words.join(", ")
}

pub(super) fn remove(lab: &Lab, node: &str, context: &ChangeContext) -> Result<Delta, Problem> {
    let record = find(lab, node)?;
    let (id, name) = (&record.id, &record.name);
    let liveness = lab.liveness_of(id);
    if liveness != NodeLiveness::Lost {
        let message =
            format!("node {name} is {liveness}: only a lost node can be taken out of the lab");
        return Err(Problem::new(codes::NODE_IN_USE, message).help(
            "drain it, wait until it has no task, and end its agent; it is lost some seconds later, or \
             when its patience has ended",
        ));
    }
    let base = lab.desired.assignments.get(id);
    let tasks = base.into_iter().flat_map(|base| base.tasks.values());
    let wanted = tasks.filter(|task| task.target == TaskTarget::Run);
    let wanted: Vec<String> = wanted
        .map(|task| format!("{}/{} {}", task.project, task.service, task.slot))
        .collect();
    if !wanted.is_empty() {
        let message = format!(
            "node {name} still has what should run: {}",
            wanted.join(", ")
        );
        return Err(Problem::new(codes::NODE_IN_USE, message).help(format!(
            "`tercio node update --availability drain {name}` gives it up; volumes that are on the node \
             begin empty elsewhere"
        )));
    }
    let volumes = base.map(|base| base.volumes.keys().map(ToString::to_string));
    let volumes: Vec<String> = volumes.into_iter().flatten().collect();
    let message = match volumes.is_empty() {
        true => format!("node {name} was taken out of the lab"),
        false => format!(
            "node {name} was taken out of the lab; on its disk stay the volumes {}",
            volumes.join(", ")
        ),
    };
    // The assignment stays, empty and with a higher fence than any that the node was ever given or has
    // said to obey: should it come back, it is told to stop everything, and the leader does not take
    // its fence for that of another life of the state.
    let given = base.map_or_else(Fence::default, |base| base.fence);
    let observed = lab.observed.nodes.get(id);
    let last = observed.map_or(given, |node| node.accepted.max(given));
    let puts = (last > Fence::default()).then(|| {
        let empty = Assignment {
            fence: context.leader.fence_after(last),
            ..Assignment::empty(id.clone())
        };
        (Key::Assignment(id.clone()), Record::Assignment(empty))
    });
    Ok(Delta {
        puts: puts.into_iter().collect(),
        removes: vec![Key::Node(id.clone())],
        events: vec![context.event(EventWhat::NodeRemoved, scope(id), message)],
        answer: Answer::NodeChanged {
            node: id.clone(),
            changed: true,
        },
    })
}

/// A node by its id, or by its name where only one has it.
fn find<'a>(lab: &'a Lab, asked: &str) -> Result<&'a NodeRecord, Problem> {
    let nodes = lab.desired.nodes.values();
    if let Some(found) = nodes.clone().find(|node| node.id.as_str() == asked) {
        return Ok(found);
    }
    let mut named = nodes.clone().filter(|node| node.name.as_str() == asked);
    match (named.next(), named.next()) {
        (Some(found), None) => Ok(found),
        (Some(one), Some(other)) => {
            let message = format!("{asked:?} names the nodes {} and {}", one.id, other.id);
            Err(Problem::new(codes::NO_NODE, message).help("name it by its id"))
        }
        (None, _) => {
            let names: Vec<&str> = nodes.map(|node| node.name.as_str()).collect();
            let message = format!("the lab has no node {asked:?}");
            Err(
                Problem::new(codes::NO_NODE, message).help(match names.is_empty() {
                    true => "it has none at all yet".to_owned(),
                    false => format!("it has {}", names.join(", ")),
                }),
            )
        }
    }
}

fn scope(node: &NodeId) -> EventScope {
    EventScope {
        node: Some(node.clone()),
        ..EventScope::default()
    }
}
