//! Step `guards`: which exclusive tasks their agents must stop when they do not hear the leader, and
//! when a lost node's exclusive task must have ended.
//!
//! A task is guarded when it is exclusive and some other node could take its place. One that nobody
//! else could take (the lab has one node, or its volume is on this one) is never replaced while its
//! node is in the lab, so it need not stop. A guard that comes with a task holds at once: who runs the
//! task has read it. One that comes later is asked for, and holds when the node is known to obey it.

use lab_types::{Guard, TaskSpec, UnixMillis};

use super::board::{Board, Seat, named_volumes};
use super::{Filter, Pending, Reason, rules};

/// Guards the tasks that need it, and wakes the plan when a lost one must have ended.
pub(super) fn set(board: &mut Board<'_>) {
    for number in 0..board.tasks.len() {
        let seat = &board.tasks[number];
        if !seat.should_run() || board.is_frozen(&seat.task.project) {
            continue;
        }
        let guard = guard(board, seat);
        if guard != seat.task.guard {
            let seat = &mut board.tasks[number];
            seat.task.to_mut().guard = guard;
            board.nodes[seat.node].changed = true;
        }
    }
}

fn guard(board: &Board<'_>, seat: &Seat<'_>) -> Guard {
    let needs_guard = |spec: &TaskSpec| spec.is_exclusive() && could_move(board, seat.node, spec);
    if !seat.spec.is_some_and(needs_guard) {
        return Guard::Free;
    }
    let site = &board.nodes[seat.node];
    let base = site.base.filter(|b| b.tasks.contains_key(&seat.task.id));
    match (seat.task.guard, base) {
        (_, None) => Guard::Held,
        (Guard::Free, Some(_)) => Guard::Asked,
        (Guard::Asked, Some(base)) => {
            let accepted = site.observed.map(|node| node.accepted);
            match accepted == Some(base.fence) {
                true => Guard::Held,
                false => Guard::Asked,
            }
        }
        (Guard::Held, Some(_)) => Guard::Held,
        (Guard::Unknown, Some(_)) => Guard::Asked,
    }
}

/// Whether another node of the lab could ever take a task's place while its own is in the lab.
fn could_move(board: &Board<'_>, node: usize, spec: &TaskSpec) -> bool {
    let sites = board.nodes.iter().enumerate();
    let mut others = sites
        .filter(|(other, site)| *other != node && site.record.is_some() && rules::fits(site, spec));
    let is_here_alone = |volume| {
        let holders = board.holders.get(volume);
        holders.is_some_and(|holders| holders.iter().all(|holder| *holder == node))
    };
    others.next().is_some() && !named_volumes(spec).any(is_here_alone)
}

/// Whether a lost node's task may still run, and must not run twice.
pub(super) fn keeps_slot(board: &Board<'_>, seat: &Seat<'_>) -> bool {
    if board.input.policy.has_no_guard() || !is_exclusive(board, seat) {
        return false;
    }
    seat.task.guard != Guard::Held || board.input.now < ended_at(board, seat)
}

/// Whether the task or what would take its place is exclusive.
fn is_exclusive(board: &Board<'_>, seat: &Seat<'_>) -> bool {
    let wanted = seat
        .service
        .and_then(|service| board.services[service].spec);
    let mut specs = seat.spec.into_iter().chain(wanted);
    specs.any(TaskSpec::is_exclusive)
}

/// When a guarded task of a node that is not heard has ended.
fn ended_at(board: &Board<'_>, seat: &Seat<'_>) -> UnixMillis {
    let (lab, policy) = (board.input.lab, board.input.policy);
    // The leader before this one may have answered the node until its own lease was over.
    let taken_over = lab.observed.since.plus(policy.lease);
    let observed = board.nodes[seat.node].observed;
    let heard = observed.and_then(|node| node.last_seen);
    let heard = heard.map_or(taken_over, |heard| heard.max(taken_over));
    let stop_grace = seat.spec.map(|spec| spec.stop_grace).unwrap_or_default();
    heard.plus(policy.guard_wait(stop_grace))
}

/// Says of the slots of a service that lost nodes keep why they are not filled, and wakes the plan when
/// they may be.
pub(super) fn explain(board: &mut Board<'_>, service: usize) -> Option<Pending> {
    let wanted = &board.services[service];
    let mut kept: Vec<(u32, usize)> = Vec::new();
    for &number in &wanted.seats {
        let seat = &board.tasks[number];
        let slot = seat.task.slot;
        let fills =
            (1..=wanted.record.replicas).contains(&slot) && !wanted.ended.contains_key(&slot);
        let lost = board.gives_up(&board.nodes[seat.node]);
        if fills && lost && !seat.ended && !seat.leaves && keeps_slot(board, seat) {
            kept.push((slot, number));
        }
    }
    kept.sort_unstable();
    kept.dedup_by_key(|(slot, _)| *slot);
    let &(_, first) = kept.first()?;
    let words = words(board, &board.tasks[first]);
    let pending = Pending {
        project: wanted.key.0.clone(),
        service: wanted.key.1.clone(),
        slots: kept.iter().map(|(slot, _)| *slot).collect(),
        reasons: vec![Reason {
            filter: Filter::Exclusive,
            nodes: 1,
            words,
        }],
    };
    for (_, number) in kept {
        let seat = &board.tasks[number];
        if seat.task.guard == Guard::Held {
            let at = ended_at(board, seat);
            board.wake(at);
        }
    }
    Some(pending)
}

fn words(board: &Board<'_>, seat: &Seat<'_>) -> String {
    let name = board.nodes[seat.node].name();
    if seat.task.guard == Guard::Held {
        let stop_grace = seat.spec.map(|spec| spec.stop_grace).unwrap_or_default();
        let wait = board.input.policy.guard_wait(stop_grace);
        return format!(
            "node {name} is lost; the service is exclusive, so it is replaced when it must have stopped \
             there, {wait} after the node was last heard"
        );
    }
    let volume = seat.spec.and_then(|spec| named_volumes(spec).next());
    let why = match volume {
        Some(volume) => format!("its volume {volume} is there"),
        None => "nothing makes sure that it has stopped there".to_owned(),
    };
    format!(
        "node {name} is lost and {why}; the service is exclusive, so it is not replaced: bring the node \
         back, or take it out of the lab with `tercio node rm {name}` when it is off for good"
    )
}
