//! Step `withdraw`: what is surplus should stop, and what has stopped leaves its assignment.
//!
//! A task is surplus when its service is gone or has fewer slots, when its spec is not the service's
//! any more (its successor comes after it has stopped), when its node is drained, when its agent has
//! stopped it for good, or when its slot is already filled.

use lab_types::{Availability, NodeLiveness, TaskState, TaskTarget};

use super::board::Board;

/// Asks surplus tasks to stop, and finds the task that should run in each slot.
pub(super) fn mark(board: &mut Board<'_>) {
    for number in 0..board.tasks.len() {
        if board.tasks[number].should_run() && is_surplus(board, number) {
            board.stop(number);
        }
    }
    for service in 0..board.services.len() {
        if board.is_frozen(&board.services[service].key.0) {
            continue;
        }
        let seats = std::mem::take(&mut board.services[service].seats);
        for &number in &seats {
            if board.tasks[number].should_run() {
                fill(board, service, number);
            }
        }
        board.services[service].seats = seats;
    }
}

/// Makes a task its slot's current one, unless a better one is; the other one should stop.
fn fill(board: &mut Board<'_>, service: usize, number: usize) {
    let slot = board.tasks[number].task.slot;
    let Some(&other) = board.services[service].current.get(&slot) else {
        board.services[service].current.insert(slot, number);
        return;
    };
    let rank = |number: usize| {
        let seat = &board.tasks[number];
        let lost = board.nodes[seat.node].liveness == NodeLiveness::Lost;
        (lost, &seat.task.id)
    };
    let (better, worse) = if rank(number) < rank(other) {
        (number, other)
    } else {
        (other, number)
    };
    board.services[service].current.insert(slot, better);
    board.stop(worse);
}

fn is_surplus(board: &Board<'_>, number: usize) -> bool {
    let seat = &board.tasks[number];
    if board.is_frozen(&seat.task.project) {
        return false;
    }
    let Some(service) = seat.service else {
        return true;
    };
    let wanted = board.services[service].record;
    let slot = seat.task.slot;
    let node = board.nodes[seat.node].record;
    let drained = node.is_some_and(|node| node.availability == Availability::Drain);
    let was_stopped = seat
        .status
        .is_some_and(|status| status.progress.state == TaskState::Stopped);
    // Its node refused it and another is tried, or somebody asked to try again.
    let forgiven = seat.ended && !board.services[service].ended.contains_key(&slot);
    forgiven
        || slot == 0
        || slot > wanted.replicas
        || seat.task.spec != wanted.spec
        || drained
        || was_stopped
}

/// Takes the tasks away that should stop and have.
pub(super) fn retire(board: &mut Board<'_>) {
    for number in 0..board.tasks.len() {
        let seat = &board.tasks[number];
        if seat.task.target != TaskTarget::Stop || board.is_frozen(&seat.task.project) {
            continue;
        }
        let stopped = seat
            .status
            .is_some_and(|status| status.progress.state == TaskState::Stopped);
        let observed = board.nodes[seat.node].observed;
        let gone = observed.is_some_and(|node| node.gone.contains(&seat.task.id));
        if stopped || gone {
            board.leave(number);
        }
    }
}
