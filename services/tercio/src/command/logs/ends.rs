//! Containers that end while their logs are followed: each end is told once, behind what the container
//! wrote. Rows tell the last end of a task, events those that another attempt has followed since.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lab_types::{Event, EventWhat, ServiceName, TaskId, TaskProgress, TaskState};
use lab_wire::row::TaskRow;
use tokio::time::Instant;

/// How long an end is held back while the task's log is open: the log ends with its container, and may
/// by then be that of the next attempt.
const HELD_MAX: Duration = Duration::from_secs(1);

/// Which attempt of which task.
type Attempt = (TaskId, u32);

struct End {
    name: String,
    code: i64,
    heard_at: Instant,
}

/// Ends that were told, and those that are to be told.
#[derive(Default)]
pub(super) struct Ends {
    told: BTreeSet<Attempt>,
    untold: BTreeMap<Attempt, End>,
}

const fn has_ended(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Complete | TaskState::Failed | TaskState::Stopped
    )
}

fn name(service: &ServiceName, slot: u32) -> String {
    format!("{service}-{slot}")
}

impl Ends {
    /// Takes as told what had ended before.
    pub(super) fn know<'a>(
        &mut self,
        tasks: impl IntoIterator<Item = (&'a TaskId, &'a TaskProgress)>,
    ) {
        let ended = tasks
            .into_iter()
            .filter(|(_, progress)| has_ended(progress.state));
        self.told
            .extend(ended.map(|(task, progress)| (task.clone(), progress.attempt)));
    }

    /// Takes in what happened.
    pub(super) fn hear(&mut self, event: &Event, now: Instant) {
        let is_end = matches!(
            event.what,
            EventWhat::TaskCompleted | EventWhat::TaskFailed | EventWhat::TaskStopped
        );
        let detail = |name: &str| event.details.get(name);
        let code = detail("exit_code").and_then(|code| code.parse().ok());
        let attempt = detail("attempt").and_then(|attempt| attempt.parse().ok());
        let scope = &event.scope;
        if let (true, Some(code), Some(attempt), Some(task), Some(service), Some(slot)) = (
            is_end,
            code,
            attempt,
            &scope.task,
            &scope.service,
            scope.slot,
        ) {
            self.add((task.clone(), attempt), (name(service, slot), code), now);
        }
    }

    /// Takes in what is there.
    pub(super) fn see(&mut self, rows: &[TaskRow], now: Instant) {
        for row in rows.iter().filter(|row| has_ended(row.progress.state)) {
            if let Some(code) = row.exit_code {
                let attempt = (row.task.clone(), row.progress.attempt);
                self.add(attempt, (name(&row.service, row.slot), code), now);
            }
        }
    }

    fn add(&mut self, attempt: Attempt, (name, code): (String, i64), heard_at: Instant) {
        if !self.told.contains(&attempt) {
            let end = End {
                name,
                code,
                heard_at,
            };
            self.untold.entry(attempt).or_insert(end);
        }
    }

    /// What is to be told now, as Docker says it: `web-1 exited with code 1`.
    pub(super) fn take(&mut self, now: Instant, is_open: impl Fn(&TaskId) -> bool) -> String {
        let (held, due) = std::mem::take(&mut self.untold)
            .into_iter()
            .partition(|((task, _), end)| is_open(task) && now - end.heard_at < HELD_MAX);
        self.untold = held;
        let due: BTreeMap<Attempt, End> = due;
        let mut lines = String::new();
        for (attempt, end) in due {
            lines.push_str(&format!("{} exited with code {}\n", end.name, end.code));
            self.told.insert(attempt);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use lab_types::{Event, EventWhat, TaskState};
    use lab_wire::row::TaskRow;
    use tokio::time::Instant;

    use super::{Ends, HELD_MAX};
    use crate::project::samples::task;

    fn ended(attempt: u32, code: i64) -> TaskRow {
        let mut row = task("web", 1, TaskState::Failed);
        row.progress.attempt = attempt;
        row.exit_code = Some(code);
        row
    }

    fn event(of: &TaskRow) -> Event {
        let fixture = include_str!("../../../../../shared/lab-wire/fixtures/event.json");
        let mut event: Event = serde_json::from_str(fixture).unwrap();
        event.what = EventWhat::TaskFailed;
        event.scope.task = Some(of.task.clone());
        event.scope.service = Some(of.service.clone());
        event.scope.slot = Some(of.slot);
        let code = of.exit_code.unwrap().to_string();
        let attempt = of.progress.attempt.to_string();
        event.details = [("exit_code".into(), code), ("attempt".into(), attempt)].into();
        event
    }

    #[test]
    fn each_end_is_told_once_whether_rows_or_events_tell_it() {
        let (mut ends, now) = (Ends::default(), Instant::now());
        let nothing_open = |_: &_| false;
        ends.hear(&event(&ended(1, 3)), now);
        ends.see(&[ended(1, 3)], now);
        assert_eq!(ends.take(now, nothing_open), "web-1 exited with code 3\n");
        ends.see(&[ended(1, 3)], now);
        assert_eq!(ends.take(now, nothing_open), "");
        // Two attempts ended between two looks.
        ends.hear(&event(&ended(2, 4)), now);
        ends.see(&[ended(3, 5)], now);
        assert_eq!(
            ends.take(now, nothing_open),
            "web-1 exited with code 4\nweb-1 exited with code 5\n"
        );
    }

    #[test]
    fn an_end_stands_behind_what_the_container_wrote() {
        let (mut ends, now) = (Ends::default(), Instant::now());
        ends.see(&[ended(1, 0)], now);
        assert_eq!(ends.take(now, |_| true), "", "its log is still open");
        assert_eq!(
            ends.take(now + HELD_MAX, |_| true),
            "web-1 exited with code 0\n",
            "the log is the next attempt's"
        );
    }

    #[test]
    fn what_had_ended_before_and_what_has_no_exit_code_is_not_told() {
        let (mut ends, now) = (Ends::default(), Instant::now());
        let before = ended(1, 1);
        ends.know([(&before.task, &before.progress)]);
        let mut refused = task("db", 1, TaskState::Failed);
        refused.exit_code = None;
        ends.see(&[before.clone(), refused], now);
        ends.hear(&event(&before), now);
        assert_eq!(ends.take(now, |_| false), "");
        ends.see(&[ended(2, 1)], now);
        assert_eq!(ends.take(now, |_| false), "web-1 exited with code 1\n");
    }
}
