//! What a node is asked before it gets a task, and the answer in words.

use std::collections::BTreeMap;

use lab_types::{Availability, NodeId, NodeLiveness, TaskSpec};

use super::board::{Board, Site, named_volumes, plus};
use super::{Filter, Reason};
use crate::port;

/// Counts refusals by filter, with the first refused node of each.
#[derive(Clone, Default)]
pub(super) struct Tally(BTreeMap<Filter, (u32, usize)>);

impl Tally {
    pub(super) fn count(&mut self, filter: Filter, node: usize) {
        self.0.entry(filter).or_insert((0, node)).0 += 1;
    }

    pub(super) fn counts(&self) -> Vec<(Filter, u32)> {
        let counts = self.0.iter();
        counts
            .map(|(filter, (nodes, _))| (*filter, *nodes))
            .collect()
    }

    pub(super) fn reasons(&self, board: &Board<'_>, spec: &TaskSpec) -> Vec<Reason> {
        let counts = self.0.iter();
        counts
            .map(|(&filter, &(nodes, example))| {
                let words = words(board, spec, filter, example);
                Reason {
                    filter,
                    nodes,
                    words: match nodes {
                        1 => words,
                        more => format!("{words} (and {} more)", others(more - 1)),
                    },
                }
            })
            .collect()
    }
}

fn others(nodes: u32) -> String {
    match nodes {
        1 => "1 node".to_owned(),
        n => format!("{n} nodes"),
    }
}

/// Why a node takes no task at all; nothing when it may.
pub(super) fn takes_none(site: &Site<'_>) -> Option<Filter> {
    let Some(record) = site.record else {
        return Some(Filter::Registered);
    };
    match site.liveness {
        NodeLiveness::Unknown | NodeLiveness::Away | NodeLiveness::Lost => {
            return Some(Filter::Heard);
        }
        NodeLiveness::Ready => {}
    }
    if site.frozen {
        return Some(Filter::Obeys);
    }
    match record.availability {
        Availability::Pause | Availability::Drain => return Some(Filter::Available),
        Availability::Active => {}
    }
    let has_engine = site
        .observed
        .is_some_and(|node| node.facts.engine.is_some());
    (!has_engine).then_some(Filter::Engine)
}

/// Why a node cannot take a task of this spec now; nothing when it can. A refusal stays one while a
/// plan places tasks, because tasks only ever take room.
pub(super) fn refuses(board: &Board<'_>, node: usize, spec: &TaskSpec) -> Option<Filter> {
    let site = &board.nodes[node];
    if !fits(site, spec) {
        return Some(Filter::Platform);
    }
    if !engine_fits(site, spec) {
        return Some(Filter::EngineAge);
    }
    let policy = board.input.policy;
    if site.n_tasks >= policy.tasks_per_node_max || policy.places_nothing() {
        return Some(Filter::Room);
    }
    let capacity = site.observed.map(|observed| observed.facts.capacity);
    let capacity = capacity.unwrap_or_default();
    let after = plus(site.reserved, spec.reservation);
    // A task that reserves nothing is never refused for what others reserve.
    let lacks_cpu = spec.reservation.nano_cpus > 0 && after.nano_cpus > capacity.nano_cpus;
    let lacks_memory =
        spec.reservation.memory_bytes > 0 && after.memory_bytes > capacity.memory_bytes;
    if (lacks_cpu || lacks_memory) && !board.input.policy.overbooks() {
        return Some(Filter::Resources);
    }
    if port_holder(board, node, spec).is_some() {
        return Some(Filter::HostPorts);
    }
    volume_trouble(board, node, spec).map(|_| Filter::Volumes)
}

/// Whether the spec's image can run on the node's platform.
pub(super) fn fits(site: &Site<'_>, spec: &TaskSpec) -> bool {
    site.observed.is_none_or(|node| spec.runs_on(&node.facts))
}

/// Whether the node's engine can do all that the spec asks.
fn engine_fits(site: &Site<'_>, spec: &TaskSpec) -> bool {
    let observed = site.observed;
    observed.is_none_or(|node| spec.suits_engine_of(&node.facts))
}

/// Whether a node is left that has not refused the task and might take it, now or when it has room.
pub(super) fn may_ever_take(
    board: &Board<'_>,
    spec: &TaskSpec,
    refused: &BTreeMap<NodeId, String>,
) -> bool {
    let mut nodes = board.nodes.iter().enumerate();
    nodes.any(|(node, site)| {
        takes_none(site).is_none()
            && !refused.contains_key(site.id)
            && fits(site, spec)
            && engine_fits(site, spec)
            && volume_trouble(board, node, spec).is_none()
    })
}

fn port_holder(board: &Board<'_>, node: usize, spec: &TaskSpec) -> Option<String> {
    let site = &board.nodes[node];
    let foreign = site.observed.map(|observed| &observed.foreign_ports);
    for fixed in port::fixed(&spec.ports) {
        if let Some((_, holder)) = site.ports.iter().find(|(held, _)| held.collides(&fixed)) {
            let task = &board.tasks[*holder].task;
            return Some(format!(
                "port {fixed} is held by task {} of {}/{}",
                task.slot, task.project, task.service
            ));
        }
        let mut foreign = foreign.into_iter().flatten();
        if let Some(held) = foreign.find(|held| fixed.is_held_by(held)) {
            return Some(format!(
                "port {fixed} is held by {}",
                port::holder_words(held)
            ));
        }
    }
    None
}

fn volume_trouble(board: &Board<'_>, node: usize, spec: &TaskSpec) -> Option<String> {
    for volume in named_volumes(spec) {
        let site = &board.nodes[node];
        let asked = site
            .base
            .is_some_and(|base| base.remove_volumes.contains_key(volume));
        if asked && !site.removed.contains(volume) {
            return Some(format!("its volume {volume} is being removed there"));
        }
        let Some(holders) = board.holders.get(volume) else {
            continue;
        };
        if let Some(holder) = holders.first()
            && !holders.contains(&node)
        {
            let holder = &board.nodes[*holder];
            let lost = match holder.liveness {
                NodeLiveness::Lost => ", which is lost",
                NodeLiveness::Away => ", which is away",
                NodeLiveness::Unknown => ", which has not reported yet",
                NodeLiveness::Ready => "",
            };
            return Some(format!(
                "its volume {volume} is on node {}{lost}",
                holder.name()
            ));
        }
    }
    None
}

fn words(board: &Board<'_>, spec: &TaskSpec, filter: Filter, node: usize) -> String {
    let site = &board.nodes[node];
    let name = site.name();
    match filter {
        Filter::Registered => format!("node {name} does not belong to the lab"),
        Filter::Heard => match site.liveness {
            NodeLiveness::Lost => format!("node {name} is lost"),
            NodeLiveness::Away => format!("node {name} is away"),
            NodeLiveness::Unknown | NodeLiveness::Ready => {
                format!("node {name} has not reported yet")
            }
        },
        Filter::Obeys => format!(
            "node {name} obeys a version of its assignment that the lab's state does not know"
        ),
        Filter::Available => {
            let availability = site.record.map(|record| record.availability);
            match availability {
                Some(Availability::Drain) => format!("node {name} is drained"),
                Some(Availability::Pause | Availability::Active) | None => {
                    format!("node {name} is paused")
                }
            }
        }
        Filter::Engine => format!("the Docker engine of node {name} cannot be reached"),
        Filter::Platform => {
            let facts = site.observed.map(|observed| &observed.facts);
            let is = facts.map(|facts| format!("{}/{}", facts.os, facts.architecture));
            let runs: Vec<String> = spec.platforms.iter().map(ToString::to_string).collect();
            format!(
                "node {name} is {}, and the image runs on {}",
                is.unwrap_or_default(),
                runs.join(" or ")
            )
        }
        Filter::EngineAge => {
            let engine = site.observed.and_then(|node| node.facts.engine.as_ref());
            let why = engine.and_then(|engine| spec.too_new_for(engine));
            format!("on node {name} {}", why.unwrap_or_default())
        }
        Filter::Room => format!("node {name} has {} tasks already", site.n_tasks),
        Filter::Resources => {
            let capacity = site.observed.map(|observed| observed.facts.capacity);
            let (has, holds) = (capacity.unwrap_or_default(), site.reserved);
            let needs = spec.reservation;
            format!(
                "node {name} has {} CPUs and {} MiB free, {} and {} are reserved for the task",
                cpus(has.nano_cpus.saturating_sub(holds.nano_cpus)),
                has.memory_bytes.saturating_sub(holds.memory_bytes) >> 20,
                cpus(needs.nano_cpus),
                needs.memory_bytes >> 20
            )
        }
        Filter::HostPorts => {
            let holder = port_holder(board, node, spec);
            let holder = holder.unwrap_or_else(|| "a port is taken".to_owned());
            format!("on node {name} {holder}")
        }
        Filter::Refused => format!("node {name} refused it"),
        Filter::Stopped => format!("node {name} has not stopped the task before it"),
        Filter::Volumes => match volume_trouble(board, node, spec) {
            Some(trouble) => format!("node {name} does not fit: {trouble}"),
            None => format!("node {name} does not hold its volume"),
        },
        Filter::Exclusive => format!("node {name} may still run it"),
    }
}

/// Billionths of a CPU as hundredths of one: `1.50`.
fn cpus(nano: u64) -> String {
    let hundredths = nano / 10_000_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
