//! Step `outcomes`: a task that its agent will not start again has ended for good, and that is kept,
//! because a node that dies takes its reports with it.

use lab_types::{Outcome as Ending, OutcomeRecord, RestartPolicy, TaskSpec, TaskState, TaskStatus};

use super::board::{Board, Ended};

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
        if seat.ended || !current {
            continue;
        }
        let Some(ending) = ending(status, spec) else {
            continue;
        };
        let record = OutcomeRecord {
            project: seat.task.project.clone(),
            service: seat.task.service.clone(),
            slot: seat.task.slot,
            spec: seat.task.spec.clone(),
            task: seat.task.id.clone(),
            outcome: ending,
        };
        let ended = Ended::of(&record.outcome);
        board.services[service].ended.insert(record.slot, ended);
        board.end(number);
        board.outcomes.push(record);
    }
}

fn ending(status: &TaskStatus, spec: &TaskSpec) -> Option<Ending> {
    match status.progress.state {
        TaskState::Complete => {
            let starts_again = spec.restart == RestartPolicy::Always;
            (status.exhausted || !starts_again).then_some(Ending::Completed)
        }
        TaskState::Failed if status.exhausted => Some(exhausted(status)),
        TaskState::Rejected => Some(exhausted(status)),
        TaskState::Assigned
        | TaskState::Accepted
        | TaskState::Preparing
        | TaskState::Ready
        | TaskState::Starting
        | TaskState::Running
        | TaskState::Failed
        | TaskState::Stopped
        | TaskState::Unknown => None,
    }
}

fn exhausted(status: &TaskStatus) -> Ending {
    let message = match (&status.message, status.exit_code) {
        (Some(message), _) => message.clone(),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "its agent gave no reason".to_owned(),
    };
    Ending::Exhausted {
        exit_code: status.exit_code,
        message,
    }
}
