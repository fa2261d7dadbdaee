//! Step `gates`: a task may start when what its service waits for is there. An open gate is never
//! closed again; a task that is replaced gets a gate of its own.

use std::collections::BTreeMap;

use lab_types::{Condition, Dependency, Gate, ServiceName, TaskState};

use super::board::{Board, Ended, Seat, Wanted};

/// Opens the gates whose conditions hold, and reports of the others what they wait for.
pub(super) fn open(board: &mut Board<'_>) {
    let mut known: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for number in 0..board.tasks.len() {
        let seat = &board.tasks[number];
        let Some(service) = seat.service else {
            continue;
        };
        let frozen = board.is_frozen(&seat.task.project);
        if seat.task.gate == Gate::Open || !seat.should_run() || frozen {
            continue;
        }
        let waits_for = known
            .entry(service)
            .or_insert_with(|| waits_for(board, service));
        if waits_for.is_empty() {
            let seat = &mut board.tasks[number];
            seat.task.to_mut().gate = Gate::Open;
            board.nodes[seat.node].changed = true;
        }
    }
    known.retain(|_, waits_for| !waits_for.is_empty());
    for (service, waits_for) in known {
        let key = board.services[service].key.clone();
        board.report.gates.insert(key, waits_for);
    }
}

fn waits_for(board: &Board<'_>, service: usize) -> Vec<String> {
    let wanted = &board.services[service];
    let dependencies = wanted.record.depends_on.iter();
    dependencies
        .filter_map(|(other, dependency)| waits(board, wanted, other, *dependency))
        .collect()
}

/// What is missing about one dependency, in words; nothing when it holds.
fn waits(
    board: &Board<'_>,
    wanted: &Wanted<'_>,
    other: &ServiceName,
    dependency: Dependency,
) -> Option<String> {
    let condition = dependency.condition;
    let Some(number) = board.index.get(&(&wanted.key.0, other)) else {
        return dependency
            .required
            .then(|| format!("{other} ({condition}), which does not exist"));
    };
    let other_service = &board.services[*number];
    let slots = 1..=other_service.record.replicas;
    let missing: Vec<u32> = slots
        .filter(|slot| !holds(board, other_service, *slot, condition))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let hopeless = missing.iter().find_map(|slot| {
        let ended = other_service.ended.get(slot)?;
        Some(match ended {
            Ended::Exhausted { message } => format!("which failed for good: {message}"),
            Ended::Completed => "which has completed".to_owned(),
        })
    });
    match hopeless {
        Some(_) if !dependency.required => None,
        Some(reason) => Some(format!("{other} ({condition}), {reason}")),
        None => Some(format!("{other} ({condition})")),
    }
}

fn holds(board: &Board<'_>, other: &Wanted<'_>, slot: u32, condition: Condition) -> bool {
    let seat = other.current.get(&slot).map(|number| &board.tasks[*number]);
    // The last word of a node that is silent, or whose agent has begun a new life and not told yet what
    // is there, says nothing of now.
    let seat = seat.filter(|seat| board.nodes[seat.node].is_known_now());
    let ended = other.ended.get(&slot);
    match condition {
        Condition::ServiceStarted => ended.is_some() || seat.is_some_and(has_started),
        // A service without a health check counts as healthy when it runs.
        Condition::ServiceHealthy => {
            seat.is_some_and(|seat| seat.status.is_some_and(lab_types::TaskStatus::is_serving))
        }
        Condition::ServiceCompletedSuccessfully => matches!(ended, Some(Ended::Completed)),
    }
}

fn has_started(seat: &Seat<'_>) -> bool {
    seat.status.is_some_and(|status| {
        let running = matches!(
            status.progress.state,
            TaskState::Running | TaskState::Complete
        );
        running || status.started_at.is_some() || status.progress.attempt > 1
    })
}
