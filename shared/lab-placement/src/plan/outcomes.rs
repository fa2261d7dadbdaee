//! Step `outcomes`: a task that its agent will not start again has ended for good, and that is kept,
//! because a node that dies takes its reports with it.
//!
//! A task that its node rejects has not: most rejections are the node's (a name that is taken there, an
//! image or an external volume that is not). Which node has refused is kept, and the slot goes to
//! another; it ends when no node is left that could take it.

use std::collections::BTreeMap;

use lab_types::{NodeId, Outcome as Ending, OutcomeRecord, TaskSpec, TaskState, TaskStatus};

use super::board::Board;
use super::rules::may_ever_take;

/// The longest reason of one refusal that is kept, in bytes: a sentence or two, so that the record of a
/// slot that a thousand nodes have refused stays below NATS' largest message.
const REASON_BYTES_MAX: usize = 256;

/// Of how many nodes a person is told why they have refused.
const REASONS_TOLD: usize = 3;

pub(super) fn record(board: &mut Board<'_>) {
    for number in 0..board.tasks.len() {
        let seat = &board.tasks[number];
        let (Some(service), Some(status), Some(spec)) = (seat.service, seat.status, seat.spec)
        else {
            continue;
        };
        let wanted = &board.services[service];
        let slots = 1..=wanted.record.replicas;
        let current = seat.task.spec == wanted.record.spec
            && slots.contains(&seat.task.slot)
            && seat.should_run();
        if seat.ended || !current || board.is_frozen(&seat.task.project) {
            continue;
        }
        let ending = match status.progress.state {
            TaskState::Rejected => refused(board, number, status, spec),
            TaskState::Failed if board.input.policy.gives_up_early() => Some(exhausted(status)),
            state => ending(state, status),
        };
        let Some(ending) = ending else {
            continue;
        };
        let seat = &board.tasks[number];
        let record = OutcomeRecord {
            project: seat.task.project.clone(),
            service: seat.task.service.clone(),
            slot: seat.task.slot,
            spec: seat.task.spec.clone(),
            tries: board.services[service].record.tries,
            task: seat.task.id.clone(),
            outcome: ending,
        };
        board.services[service].take(&record);
        board.end(number);
        board.outcomes.push(record);
    }
}

fn ending(state: TaskState, status: &TaskStatus) -> Option<Ending> {
    match state {
        TaskState::Complete if status.exhausted => Some(Ending::Completed),
        TaskState::Failed if status.exhausted => Some(exhausted(status)),
        TaskState::Complete
        | TaskState::Failed
        | TaskState::Assigned
        | TaskState::Accepted
        | TaskState::Preparing
        | TaskState::Ready
        | TaskState::Starting
        | TaskState::Running
        | TaskState::Rejected
        | TaskState::Stopped
        | TaskState::Unknown => None,
    }
}

fn exhausted(status: &TaskStatus) -> Ending {
    Ending::Exhausted {
        exit_code: status.exit_code,
        message: reason(status),
    }
}

fn reason(status: &TaskStatus) -> String {
    match (&status.message, status.exit_code) {
        (Some(message), _) => message.clone(),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "its agent gave no reason".to_owned(),
    }
}

/// A node has refused the task: another is tried, while there is one.
fn refused(
    board: &Board<'_>,
    number: usize,
    status: &TaskStatus,
    spec: &TaskSpec,
) -> Option<Ending> {
    let seat = &board.tasks[number];
    let earlier = board.services[seat.service?].refused.get(&seat.task.slot);
    let mut nodes = earlier.cloned().unwrap_or_default();
    let mut why = reason(status);
    why.truncate(why.floor_char_boundary(REASON_BYTES_MAX));
    nodes.insert(board.nodes[seat.node].id.clone(), why);
    if may_ever_take(board, spec, &nodes) {
        return Some(Ending::Refused { nodes });
    }
    Some(Ending::Exhausted {
        exit_code: None,
        message: match nodes.len() {
            1 => reason(status),
            _ => told(board, &nodes),
        },
    })
}

/// Which nodes have refused a task and why, in words.
pub(super) fn told(board: &Board<'_>, nodes: &BTreeMap<NodeId, String>) -> String {
    let name = |id: &NodeId| {
        let record = board.input.lab.desired.nodes.get(id);
        record.map_or_else(|| id.to_string(), |record| record.name.to_string())
    };
    let few = nodes.iter().take(REASONS_TOLD);
    let words: Vec<String> = few
        .map(|(id, why)| format!("node {} refused it: {why}", name(id)))
        .collect();
    let words = words.join("; ");
    match nodes.len().saturating_sub(REASONS_TOLD) {
        0 => words,
        more => format!("{words}; and {more} more did"),
    }
}
