//! Step `converged`: a service whose every slot is in its place has converged, which is told once.

use lab_types::{EventId, EventScope, EventWhat, NodeLiveness, UnixMillis};

use super::board::{Board, Ended, Wanted};
use crate::event::{self, Fact};
use crate::lab::ServiceKey;

/// Tells which services have converged since the last plan.
pub(super) fn tell(board: &mut Board<'_>) -> Vec<(ServiceKey, EventId)> {
    let mut converged = Vec::new();
    let mut events = Vec::new();
    let observed = &board.input.lab.observed;
    let told_since = observed.since.0;
    let told_since = UnixMillis(told_since.saturating_sub(board.input.policy.event_window.0));
    for wanted in &board.services {
        let Some(state) = state(board, wanted) else {
            continue;
        };
        let known = observed.converged.get(wanted.key);
        if known == Some(&state.id) {
            continue;
        }
        // What converged long before this leader came was told by an earlier one.
        if known.is_some() || state.latest >= told_since {
            events.push(event::scheduler(fact(board, wanted, state.id.clone())));
        }
        converged.push((wanted.key.clone(), state.id));
    }
    board.events.extend(events);
    converged
}

struct Converged {
    id: EventId,
    /// When the last thing happened that it needed, by the clock of whoever saw it.
    latest: UnixMillis,
}

fn state(board: &Board<'_>, wanted: &Wanted<'_>) -> Option<Converged> {
    let surplus = wanted.seats.iter().any(|number| {
        let seat = &board.tasks[*number];
        let lost = board.nodes[seat.node].liveness == NodeLiveness::Lost;
        !seat.should_run() && !seat.leaves && !lost
    });
    if surplus {
        return None;
    }
    let (project, name) = wanted.key;
    let projects = &board.input.lab.desired.projects;
    let mut latest = projects.get(project).map(|record| record.applied_at);
    let revision = wanted.record.revision.to_string();
    let mut parts = vec![
        "converged".to_owned(),
        project.to_string(),
        name.to_string(),
    ];
    parts.push(revision);
    for slot in 1..=wanted.record.replicas {
        let seat = wanted
            .current
            .get(&slot)
            .map(|number| &board.tasks[*number]);
        match (wanted.ended.get(&slot), seat) {
            (Some(Ended::Completed), _) => parts.push(format!("{slot}")),
            (Some(Ended::Exhausted { .. }), _) | (None, None) => return None,
            (None, Some(seat)) => {
                let status = seat.status?;
                let site = &board.nodes[seat.node];
                if !status.is_serving() || site.liveness != NodeLiveness::Ready {
                    return None;
                }
                latest = latest.max(Some(status.observed_at));
                parts.push(format!("{}-{}", seat.task.id, status.progress.attempt));
            }
        }
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Some(Converged {
        id: event::id(&parts),
        latest: latest.unwrap_or_default(),
    })
}

fn fact(board: &Board<'_>, wanted: &Wanted<'_>, id: EventId) -> Fact {
    let (project, name) = wanted.key;
    let message = match wanted.record.replicas {
        0 => format!("service {project}/{name} has no task left, as it should"),
        1 => format!("service {project}/{name} has converged: its task is in its place"),
        n => format!("service {project}/{name} has converged: its {n} tasks are in their places"),
    };
    Fact {
        id,
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
