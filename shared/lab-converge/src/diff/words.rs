//! What is said of a task beside its state.

use lab_types::{RestartPolicy, TaskState};

use crate::backoff::restart_delay;
use crate::ledger::TaskLedger;

/// Why it failed, was rejected or starts again; `None` when the state says it all.
pub(super) fn of_entry(entry: &TaskLedger, policy: Option<RestartPolicy>) -> Option<String> {
    let ended = entry.ended.as_deref().unwrap_or("no reason given");
    match entry.progress.state {
        TaskState::Rejected => Some(ended.to_owned()),
        TaskState::Failed if entry.fenced => Some(format!(
            "{ended}; the service is exclusive, and starts again when it is"
        )),
        TaskState::Failed if entry.exhausted => Some(exhausted(entry, ended, policy)),
        TaskState::Failed => Some(again("failed", entry, ended)),
        TaskState::Complete if !entry.exhausted => Some(again("ended", entry, ended)),
        TaskState::Complete
        | TaskState::Stopped
        | TaskState::Assigned
        | TaskState::Accepted
        | TaskState::Preparing
        | TaskState::Ready
        | TaskState::Starting
        | TaskState::Running
        | TaskState::Unknown => None,
    }
}

fn exhausted(entry: &TaskLedger, ended: &str, policy: Option<RestartPolicy>) -> String {
    match policy {
        Some(RestartPolicy::OnFailureAtMost { max_attempts }) => {
            let attempts = entry.attempt();
            format!(
                "{ended}; started {attempts} times, its restart policy allows {max_attempts} restarts"
            )
        }
        Some(RestartPolicy::Never | RestartPolicy::OnFailure | RestartPolicy::Always) | None => {
            format!("{ended}; its restart policy asks for no further start")
        }
    }
}

fn again(verb: &str, entry: &TaskLedger, ended: &str) -> String {
    match (entry.ended_in_row, restart_delay(entry.ended_in_row)) {
        (0 | 1, _) => format!("{ended}; starts again"),
        (times, delay) => format!("{verb} {times} times in a row, {ended}; next start in {delay}"),
    }
}
