//! Step `place`: a node for each slot that has no task, or the reasons why there is none.
//!
//! The nodes stand in one order, those with the fewest tasks first. A service walks along it: a node
//! without a task of the service always beats one with a task, so the walk meets the best node first,
//! and only after its end are nodes taken for a second time. What a service costs is therefore the
//! number of its new tasks and of the nodes that refuse them, not the number of nodes.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use lab_types::{AssignedTask, EventScope, EventWhat, Gate, Guard, NodeId, TaskSpec, TaskTarget};

use super::board::{Board, Seat, Wanted, named_volumes};
use super::choice::{Choice, RUNNERS_UP};
use super::rules::{Tally, refuses, takes_none};
use super::{Filter, Pending, Placement, Score, TIED_NODES_MAX, blocked, guards, outcomes};
use crate::event::{self, Fact};
use crate::rng::PlacementRng;

/// A slot to be filled.
struct Want {
    slot: u32,
    /// A task on a lost node that the new one replaces.
    replaces: Option<usize>,
    /// Nodes on which this plan withdraws a task of this slot.
    ties: BTreeSet<usize>,
}

pub(super) fn place(board: &mut Board<'_>, rng: &mut PlacementRng) {
    let mut order = BTreeSet::new();
    let mut closed = Tally::default();
    let gives_up_any = board.gives_up_any();
    for (node, site) in board.nodes.iter().enumerate() {
        match takes_none(site) {
            Some(filter) => closed.count(filter, node),
            None => drop(order.insert((site.n_tasks, node))),
        }
    }
    for service in 0..board.services.len() {
        let wanted = &board.services[service];
        if board.is_frozen(&wanted.key.0) || (is_filled(wanted) && !gives_up_any) {
            continue;
        }
        if gives_up_any && let Some(kept) = guards::explain(board, service) {
            tell_pending(board, service, kept);
        }
        blocked::explain(board, service);
        let wants = wants(board, service);
        if wants.is_empty() {
            continue;
        }
        for (refused, wants) in by_refusals(board, service, wants) {
            let mut walk = Walk {
                tally: closed.clone(),
                refused,
                chosen: BTreeMap::new(),
            };
            walk.service(board, &order, (service, wants), rng);
            for (node, before) in walk.chosen {
                order.remove(&(before, node));
                order.insert((board.nodes[node].n_tasks, node));
            }
        }
    }
}

fn is_filled(wanted: &Wanted<'_>) -> bool {
    u32::try_from(wanted.current.len()) == Ok(wanted.record.replicas)
}

/// The slots of a service that need a task: those without any, and those whose node is lost.
fn wants(board: &Board<'_>, service: usize) -> Vec<Want> {
    let wanted = &board.services[service];
    let replicas = wanted.record.replicas;
    let mut ties: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
    let mut blocked: BTreeSet<u32> = BTreeSet::new();
    let mut replaces: BTreeMap<u32, usize> = BTreeMap::new();
    for &number in &wanted.seats {
        let seat = &board.tasks[number];
        let slot = seat.task.slot;
        let current = wanted.current.get(&slot) == Some(&number);
        if current && !seat.ended && board.is_given_up(seat) {
            replaces.insert(slot, number);
            ties.entry(slot).or_default().insert(seat.node);
        } else if current {
            blocked.insert(slot);
        } else if seat.leaves || (seat.withdrawn && board.is_given_up(seat)) {
            ties.entry(slot).or_default().insert(seat.node);
        } else if !board.is_given_up(seat) {
            // It should stop and has not yet: a slot never has two tasks.
            blocked.insert(slot);
        }
    }
    if is_filled(wanted) && replaces.is_empty() {
        return Vec::new();
    }
    let free =
        (1..=replicas).filter(|slot| !blocked.contains(slot) && !wanted.ended.contains_key(slot));
    free.map(|slot| Want {
        slot,
        replaces: replaces.get(&slot).copied(),
        ties: ties.remove(&slot).unwrap_or_default(),
    })
    .collect()
}

/// The slots that any node may take go together; each that nodes have refused goes its own way.
fn by_refusals(
    board: &Board<'_>,
    service: usize,
    wants: Vec<Want>,
) -> Vec<(BTreeMap<NodeId, String>, Vec<Want>)> {
    let refused = &board.services[service].refused;
    let (own, together): (Vec<Want>, Vec<Want>) = wants
        .into_iter()
        .partition(|want| refused.contains_key(&want.slot));
    let mut groups = Vec::new();
    if !together.is_empty() {
        groups.push((BTreeMap::new(), together));
    }
    groups.extend(own.into_iter().map(|want| {
        let nodes = refused.get(&want.slot).cloned().unwrap_or_default();
        (nodes, vec![want])
    }));
    groups
}

/// One service's walk along the nodes.
struct Walk {
    tally: Tally,
    /// Nodes that have refused these slots, with why.
    refused: BTreeMap<NodeId, String>,
    /// Nodes that got tasks, with how many they had before.
    chosen: BTreeMap<usize, u32>,
}

impl Walk {
    fn service(
        &mut self,
        board: &mut Board<'_>,
        order: &BTreeSet<(u32, usize)>,
        (service, wants): (usize, Vec<Want>),
        rng: &mut PlacementRng,
    ) {
        let Some(spec) = board.services[service].spec else {
            // The state has lost the spec: nothing can be placed, and every node would refuse.
            self.pending(board, service, &wants);
            return;
        };
        let own = own_counts(board, service);
        let has_own = |node: &usize| own.contains_key(node);
        let mut fresh = order.iter().filter(|(_, node)| !has_own(node));
        let again = own
            .iter()
            .filter(|(node, _)| order.contains(&(board.nodes[**node].n_tasks, **node)));
        let mut again: BinaryHeap<Reverse<Score>> = again
            .map(|(&node, &of_service)| {
                Reverse(Score {
                    of_service,
                    in_all: board.nodes[node].n_tasks,
                    rank: node,
                })
            })
            .collect();
        for (done, want) in wants.iter().enumerate() {
            let next = loop {
                let unused = fresh.next().map(|&(in_all, rank)| Score {
                    of_service: 0,
                    in_all,
                    rank,
                });
                let Some(score) = unused.or_else(|| again.pop().map(|Reverse(score)| score)) else {
                    break None;
                };
                match self.refuses(board, score.rank, spec) {
                    None => break Some(score),
                    Some(filter) => self.tally.count(filter, score.rank),
                }
            };
            let Some(score) = next else {
                // What no node could take, no node can take for the slots after it either.
                self.pending(board, service, &wants[done..]);
                return;
            };
            if !tie(board, want, score.rank) {
                let rest = u32::try_from(wants.len() - done).unwrap_or(u32::MAX);
                board.report.deferred = board.report.deferred.saturating_add(rest);
                board.wake(board.input.now);
                return;
            }
            let before = board.nodes[score.rank].n_tasks;
            self.chosen.entry(score.rank).or_insert(before);
            let unused = fresh.clone().map(|&(in_all, rank)| Score {
                of_service: 0,
                in_all,
                rank,
            });
            let used = again.peek().map(|Reverse(score)| *score);
            let choice = Choice {
                score,
                next: unused.chain(used).take(RUNNERS_UP).collect(),
                refused: self.tally.counts(),
            };
            fill(board, service, want, choice, rng);
            again.push(Reverse(Score {
                of_service: score.of_service + 1,
                in_all: score.in_all + 1,
                rank: score.rank,
            }));
        }
    }

    fn refuses(&self, board: &Board<'_>, node: usize, spec: &TaskSpec) -> Option<Filter> {
        if self.refused.contains_key(board.nodes[node].id) {
            return Some(Filter::Refused);
        }
        refuses(board, node, spec)
    }

    fn pending(&self, board: &mut Board<'_>, service: usize, wants: &[Want]) {
        let wanted = &board.services[service];
        let (project, name) = wanted.key.clone();
        let mut reasons = match wanted.spec {
            Some(spec) => self.tally.reasons(board, spec),
            None => Vec::new(),
        };
        for reason in &mut reasons {
            if reason.filter == Filter::Refused {
                reason.words = outcomes::told(board, &self.refused);
            }
        }
        let pending = Pending {
            project,
            service: name,
            slots: wants.iter().map(|want| want.slot).collect(),
            reasons,
        };
        tell_pending(board, service, pending);
    }
}

/// Reports slots that wait, each told as an event once.
fn tell_pending(board: &mut Board<'_>, service: usize, pending: Pending) {
    let revision = board.services[service].record.revision.to_string();
    let (project, name) = (pending.project.clone(), pending.service.clone());
    let why = pending.why();
    for number in &pending.slots {
        let key = (project.clone(), name.clone(), *number);
        if !board.input.lab.observed.pending.contains(&key) {
            let slot = number.to_string();
            // A slot may wait again, after a task that ran meanwhile, or for another reason.
            let seats = board.services[service].seats.iter();
            let mut of_slot = seats.map(|seat| &board.tasks[*seat].task);
            let last = of_slot.rfind(|task| task.slot == *number);
            let last = last.map_or("", |task| task.id.as_str());
            let names = (project.as_str(), name.as_str());
            let parts = ["pending", names.0, names.1, &slot, &revision, last, &why];
            board.events.push(event::scheduler(Fact {
                id: event::id(&parts),
                at: board.input.now,
                what: EventWhat::TaskPending,
                scope: EventScope {
                    project: Some(project.clone()),
                    service: Some(name.clone()),
                    slot: Some(*number),
                    ..EventScope::default()
                },
                message: format!("task {slot} of {project}/{name} waits: {why}"),
            }));
        }
        board.pending.insert(key);
    }
    board.report.pending.push(pending);
}

/// How many tasks of a service each node has.
fn own_counts(board: &Board<'_>, service: usize) -> BTreeMap<usize, u32> {
    let mut counts = BTreeMap::new();
    for &number in &board.services[service].seats {
        let seat = &board.tasks[number];
        if !seat.leaves {
            *counts.entry(seat.node).or_default() += 1;
        }
    }
    counts
}

/// Ties the new task's node to the nodes of the withdrawals; refuses when one pass could not hold all.
fn tie(board: &mut Board<'_>, want: &Want, node: usize) -> bool {
    if want.ties.iter().all(|tied| *tied == node) {
        return true;
    }
    let more = want.ties.iter().chain([&node]);
    let more: Vec<usize> = more.filter(|n| !board.tied.contains(n)).copied().collect();
    if board.tied.len() + more.len() > TIED_NODES_MAX {
        return false;
    }
    board.tied.extend(more);
    true
}

fn fill(
    board: &mut Board<'_>,
    service: usize,
    want: &Want,
    choice: Choice,
    rng: &mut PlacementRng,
) {
    if let Some(replaced) = want.replaces {
        board.stop(replaced);
    }
    let node = choice.score.rank;
    let wanted = &board.services[service];
    let (project, name) = wanted.key.clone();
    let task = AssignedTask {
        id: rng.task_id(),
        project,
        service: name,
        slot: want.slot,
        spec: wanted.record.spec.clone(),
        target: TaskTarget::Run,
        gate: Gate::Closed,
        guard: Guard::Free,
    };
    let spec = wanted.spec;
    board.events.push(choice.told(board, &task));
    board.report.placed.push(Placement {
        task: task.id.clone(),
        slot: want.slot,
        node: board.nodes[node].id.clone(),
        score: choice.score,
        next: choice.next,
        refused: choice.refused,
    });
    let number = board.sit(Seat {
        node,
        service: Some(service),
        task: Cow::Owned(task),
        status: None,
        spec,
        ended: false,
        leaves: false,
        withdrawn: false,
    });
    board.nodes[node].changed = true;
    board.services[service].current.insert(want.slot, number);
    if let Some(spec) = spec {
        hold_volumes(board, spec, node);
    }
}

fn hold_volumes<'a>(board: &mut Board<'a>, spec: &'a TaskSpec, node: usize) {
    for volume in named_volumes(spec) {
        board.holders.entry(volume).or_default().insert(node);
    }
}
