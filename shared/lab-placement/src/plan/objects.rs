//! Step `objects`: the new assignments, with the networks and volumes that their tasks need.
//!
//! A network stays on a node while its project has a task there. A volume stays listed whatever
//! happens to its tasks, because it holds data; it leaves only when its removal was confirmed, no task
//! uses it and the agent has found it gone.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    Assignment, EngineName, Event, EventScope, EventWhat, MountSource, ProjectName, ProjectNetwork,
    ProjectRecord, ProjectVolume,
};

use super::board::{Board, Seat, Site, named_volumes};
use crate::event::{self, Fact};

/// The assignments that differ from what they were, each with its next fence. The last step: it takes
/// the tasks off the board.
pub(super) fn assignments(board: &mut Board<'_>) -> Vec<Assignment> {
    let mut events = Vec::new();
    let mut next: Vec<Option<Assignment>> = Vec::with_capacity(board.nodes.len());
    for site in &board.nodes {
        if site.frozen || (!site.changed && !is_stale(board, site)) {
            next.push(None);
            continue;
        }
        let mut assignment = match site.base {
            Some(base) => base.clone(),
            None => Assignment::empty(site.id.clone()),
        };
        assignment.networks = networks(board, site);
        assignment.volumes = volumes(board, site);
        for &volume in &site.removed {
            if let Some(consent) = assignment.remove_volumes.remove(volume) {
                events.push(volume_removed(board, site, volume, &consent));
            }
        }
        next.push(Some(assignment));
    }
    board.events.extend(events);
    for seat in std::mem::take(&mut board.tasks) {
        let Some(assignment) = &mut next[seat.node] else {
            continue;
        };
        match seat.task {
            task if seat.leaves => drop(assignment.tasks.remove(&task.id)),
            Cow::Owned(task) => drop(assignment.tasks.insert(task.id.clone(), task)),
            Cow::Borrowed(_) => {}
        }
    }
    let leader = board.input.leader;
    let changed = next
        .into_iter()
        .zip(&board.nodes)
        .filter_map(|(next, site)| {
            let next = next.filter(|next| site.base != Some(next))?;
            Some(Assignment {
                fence: leader.fence_after(next.fence),
                ..next
            })
        });
    changed.collect()
}

fn seats<'b, 'a>(board: &'b Board<'a>, site: &'b Site<'a>) -> impl Iterator<Item = &'b Seat<'a>> {
    let seats = site.seats.iter().map(|number| &board.tasks[*number]);
    seats.filter(|seat| !seat.leaves)
}

fn project<'a>(board: &Board<'a>, name: &ProjectName) -> Option<&'a ProjectRecord> {
    board.input.lab.desired.projects.get(name)
}

/// Whether a node's networks or volumes are out of date although none of its tasks changes.
fn is_stale(board: &Board<'_>, site: &Site<'_>) -> bool {
    let Some(base) = site.base else {
        return false;
    };
    let mut networks = base.networks.values();
    let networks = networks.any(|listed| {
        let declared = project(board, &listed.project);
        let declared = declared.and_then(|p| p.networks.get(&listed.spec.network));
        declared != Some(&listed.spec) && !board.is_frozen(&listed.project)
    });
    let volumes = base.volumes.values().any(|listed| {
        let declared = project(board, &listed.project);
        let declared = declared.and_then(|p| p.volumes.get(&listed.spec.volume));
        declared.is_some_and(|declared| *declared != listed.spec)
    });
    networks || volumes || !site.removed.is_empty()
}

fn networks(board: &Board<'_>, site: &Site<'_>) -> BTreeMap<EngineName, ProjectNetwork> {
    let empty = BTreeMap::new();
    let listed = site.base.map_or(&empty, |base| &base.networks);
    let frozen = listed.iter();
    let frozen = frozen.filter(|(_, listed)| board.is_frozen(&listed.project));
    let mut networks: BTreeMap<_, _> = frozen.map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut projects = BTreeSet::new();
    for seat in seats(board, site) {
        projects.insert(&seat.task.project);
        let declared = project(board, &seat.task.project);
        let attachments = seat.spec.into_iter().flat_map(|spec| &spec.networks);
        for attachment in attachments {
            let spec = declared.and_then(|project| project.networks.get(&attachment.network));
            let spec = spec.filter(|spec| spec.engine_name == attachment.engine_name);
            let network = match spec {
                Some(spec) => ProjectNetwork {
                    project: seat.task.project.clone(),
                    spec: spec.clone(),
                },
                // The project has it no longer, but a task that is being stopped is still on it.
                None => match listed.get(&attachment.engine_name) {
                    Some(listed) => listed.clone(),
                    None => continue,
                },
            };
            networks.insert(attachment.engine_name.clone(), network);
        }
    }
    for (engine_name, listed) in listed {
        let declared = project(board, &listed.project);
        let declared = declared.and_then(|p| p.networks.get(&listed.spec.network));
        if let Some(spec) = declared
            && spec.engine_name == *engine_name
            && projects.contains(&listed.project)
        {
            let network = ProjectNetwork {
                project: listed.project.clone(),
                spec: spec.clone(),
            };
            networks.entry(engine_name.clone()).or_insert(network);
        }
    }
    networks
}

fn volumes(board: &Board<'_>, site: &Site<'_>) -> BTreeMap<EngineName, ProjectVolume> {
    let mut volumes = site
        .base
        .map_or_else(BTreeMap::new, |base| base.volumes.clone());
    volumes.retain(|engine_name, _| !site.unmade.contains(engine_name));
    for (engine_name, listed) in &mut volumes {
        let declared = project(board, &listed.project);
        let declared = declared.and_then(|p| p.volumes.get(&listed.spec.volume));
        if let Some(spec) = declared
            && spec.engine_name == *engine_name
        {
            listed.spec = spec.clone();
        }
    }
    for seat in seats(board, site).filter(|seat| seat.should_run()) {
        let Some(declared) = project(board, &seat.task.project) else {
            continue;
        };
        let mounts = seat.spec.into_iter().flat_map(|spec| &spec.mounts);
        for mount in mounts {
            let MountSource::Volume {
                volume,
                engine_name,
                ..
            } = &mount.source
            else {
                continue;
            };
            if let Some(spec) = declared.volumes.get(volume)
                && spec.engine_name == *engine_name
            {
                let volume = ProjectVolume {
                    project: seat.task.project.clone(),
                    spec: spec.clone(),
                };
                volumes.entry(engine_name.clone()).or_insert(volume);
            }
        }
    }
    volumes
}

/// Finds the volumes whose removal is complete: the agent found them gone, and no task uses them. This
/// comes before tasks are placed, so that a volume that is used again is not among them.
pub(super) fn complete_removals(board: &mut Board<'_>) {
    for node in 0..board.nodes.len() {
        let site = &board.nodes[node];
        let (Some(base), Some(observed)) = (site.base, site.observed) else {
            continue;
        };
        let gone = base.remove_volumes.keys();
        let gone = gone.filter(|volume| observed.removed_volumes.contains(*volume));
        let complete = gone.filter(|volume| {
            !seats(board, site).any(|seat| {
                let mut used = seat.spec.into_iter().flat_map(named_volumes);
                used.any(|name| name == *volume)
            })
        });
        let complete: BTreeSet<&EngineName> = complete.collect();
        board.nodes[node].removed = complete;
    }
}

fn volume_removed(
    board: &Board<'_>,
    site: &Site<'_>,
    volume: &EngineName,
    consent: &lab_types::ConfirmationId,
) -> Event {
    let parts = [
        "volume removed",
        site.id.as_str(),
        volume.as_str(),
        consent.as_str(),
    ];
    event::scheduler(Fact {
        id: event::id(&parts),
        at: board.input.now,
        what: EventWhat::VolumeRemoved,
        scope: EventScope {
            node: Some(site.id.clone()),
            object: Some(volume.as_str().to_owned()),
            ..EventScope::default()
        },
        message: format!("volume {volume} is gone from node {}", site.name()),
    })
}
