//! Slots that wait until what ran in them before has stopped: no node is looked for yet, and a person
//! should know why. Not told as events, because each ordinary update passes through here.

use std::collections::BTreeMap;

use lab_types::NodeLiveness;

use super::board::{Board, Seat};
use super::{Filter, Pending, Reason};

/// Reports the slots of a service whose task should stop and has not, and that have no other.
pub(super) fn explain(board: &mut Board<'_>, service: usize) {
    let wanted = &board.services[service];
    let mut waits: BTreeMap<u32, usize> = BTreeMap::new();
    for &number in &wanted.seats {
        let seat = &board.tasks[number];
        let slot = seat.task.slot;
        let needed = (1..=wanted.record.replicas).contains(&slot)
            && !wanted.current.contains_key(&slot)
            && !wanted.ended.contains_key(&slot)
            && !is_told(board, service, slot);
        if needed && !seat.leaves && !seat.should_run() && !board.is_given_up(seat) {
            waits.insert(slot, number);
        }
    }
    let (project, name) = wanted.key;
    let mut by_words: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (slot, number) in waits {
        let words = words(board, &board.tasks[number]);
        by_words.entry(words).or_default().push(slot);
    }
    let blocked: Vec<Pending> = by_words
        .into_iter()
        .map(|(words, slots)| Pending {
            project: project.clone(),
            service: name.clone(),
            slots,
            reasons: vec![Reason {
                filter: Filter::Stopped,
                nodes: 1,
                words,
            }],
        })
        .collect();
    board.report.pending.extend(blocked);
}

/// Whether the slot has its reason already: a lost node that may still run its exclusive task.
fn is_told(board: &Board<'_>, service: usize, slot: u32) -> bool {
    let (project, name) = board.services[service].key;
    let key = (project.clone(), name.clone(), slot);
    board.pending.contains(&key)
}

fn words(board: &Board<'_>, seat: &Seat<'_>) -> String {
    let site = &board.nodes[seat.node];
    let refused = seat.service.map(|service| &board.services[service].refused);
    let refused = refused.and_then(|refused| refused.get(&seat.task.slot)?.get(site.id));
    if let Some(why) = refused {
        return format!(
            "node {} refused it: {why}; another node is tried",
            site.name()
        );
    }
    let silent = match site.liveness {
        _ if site.frozen => {
            let why =
                ", which obeys a version of its assignment that the lab's state does not know";
            Some(why.to_owned())
        }
        NodeLiveness::Ready => None,
        NodeLiveness::Unknown => Some(", which has not reported yet".to_owned()),
        other => Some(format!(", which is {other}")),
    };
    let message = seat.status.and_then(|status| status.message.as_ref());
    let why = silent.or_else(|| message.map(|message| format!(": {message}")));
    format!(
        "it waits until the task before it has stopped on node {}{}",
        site.name(),
        why.unwrap_or_default()
    )
}
