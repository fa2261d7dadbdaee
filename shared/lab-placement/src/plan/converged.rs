//! Step `converged`: a service whose every slot is in its place has converged, which is told once.

use lab_types::{EventScope, EventWhat, NodeLiveness, TaskId, UnixMillis};

use super::board::{Board, Ended, Wanted};
use crate::event::{self, Fact};
use crate::lab::{Convergence, ServiceKey};

/// Tells which services have converged since the last plan.
pub(super) fn tell(board: &mut Board<'_>) -> Vec<(ServiceKey, Convergence)> {
    let mut converged = Vec::new();
    let mut events = Vec::new();
    let observed = &board.input.lab.observed;
    let window = board.input.policy.event_window;
    let told_since = UnixMillis(observed.since.0.saturating_sub(window.0));
    for wanted in &board.services {
        let Some((places, latest)) = places(board, wanted) else {
            continue;
        };
        let known = observed.converged.get(wanted.key);
        // Nearly always nothing is new, and a name for each task is not copied to find that out.
        if known.is_some_and(|known| is_same(known, wanted, &places)) {
            continue;
        }
        let places = places.into_iter();
        let convergence = Convergence {
            revision: wanted.record.revision,
            places: places.map(|(slot, task)| (slot, task.clone())).collect(),
        };
        // What converged long before this leader came was told by an earlier one.
        let is_news = known.is_none_or(|known| convergence.is_news_after(known));
        if is_news && (known.is_some() || latest >= told_since) {
            events.push(event::scheduler(fact(board, wanted, &convergence)));
        }
        converged.push((wanted.key.clone(), convergence));
    }
    board.events.extend(events);
    converged
}

fn is_same(known: &Convergence, wanted: &Wanted<'_>, places: &[(u32, &TaskId)]) -> bool {
    let known_places = known.places.iter().map(|(slot, task)| (*slot, task));
    known.revision == wanted.record.revision && known_places.eq(places.iter().copied())
}

/// Where a service has converged, the task in each place in the order of slots, and when the last thing
/// happened that it needed, by the clock of whoever saw that.
fn places<'b>(
    board: &'b Board<'_>,
    wanted: &Wanted<'_>,
) -> Option<(Vec<(u32, &'b TaskId)>, UnixMillis)> {
    let surplus = wanted.seats.iter().any(|number| {
        let seat = &board.tasks[*number];
        // Who cannot be told must not keep everybody waiting.
        let silent = matches!(
            board.nodes[seat.node].liveness,
            NodeLiveness::Away | NodeLiveness::Lost
        );
        !seat.should_run() && !seat.leaves && !silent
    });
    if surplus {
        return None;
    }
    let project = board.input.lab.desired.projects.get(&wanted.key.0);
    let mut latest = project.map_or(UnixMillis::default(), |record| record.applied_at);
    let mut places = Vec::new();
    for slot in 1..=wanted.record.replicas {
        let seat = wanted.current.get(&slot).map(|seat| &board.tasks[*seat]);
        match wanted.ended.get(&slot) {
            Some(Ended::Completed) => {
                places.extend(seat.map(|seat| (slot, &seat.task.id)));
                continue;
            }
            Some(Ended::Exhausted { .. }) => return None,
            None => {}
        }
        let seat = seat?;
        let status = seat.status?;
        if !status.is_serving() || board.nodes[seat.node].liveness != NodeLiveness::Ready {
            return None;
        }
        let site = &board.nodes[seat.node];
        // What changed under this leader is news, whatever the node's clock says.
        let introduced = site
            .observed
            .is_some_and(|node| node.introduced.contains(&seat.task.id));
        latest = latest.max(match introduced {
            true => status.observed_at,
            false => board.input.now,
        });
        places.push((slot, &seat.task.id));
    }
    Some((places, latest))
}

fn fact(board: &Board<'_>, wanted: &Wanted<'_>, convergence: &Convergence) -> Fact {
    let (project, name) = wanted.key;
    let places = convergence.places.iter();
    let places: Vec<String> = places
        .map(|(slot, task)| format!("{slot} {task}"))
        .collect();
    let (revision, places) = (convergence.revision.to_string(), places.join(","));
    let parts = [
        "converged",
        project.as_str(),
        name.as_str(),
        &revision,
        &places,
    ];
    let message = match wanted.record.replicas {
        0 => format!("service {project}/{name} has no task left, as it should"),
        1 => format!("service {project}/{name} has converged: its task is in its place"),
        n => format!("service {project}/{name} has converged: its {n} tasks are in their places"),
    };
    Fact {
        id: event::id(&parts),
        at: board.input.now,
        what: EventWhat::ServiceConverged,
        scope: EventScope {
            project: Some(project.clone()),
            service: Some(name.clone()),
            ..EventScope::default()
        },
        message,
    }
}
