//! What the engine shows of a task's container, taken into the agent's memory of the task.
//!
//! Attempts are told apart by when the engine says the container started. So an agent that died
//! between writing "attempt 3 starts" and starting it, starts attempt 3 when it is back, and a
//! container that a person restarted counts as one attempt more.

use lab_types::{
    AttemptEnd, DurationMs, RestartPolicy, TaskProgress, TaskState, TaskStatus, UnixMillis,
};

use crate::backoff::{STEADY_AFTER, restart_delay};
use crate::ledger::TaskLedger;
use crate::observed::{ContainerState, ObservedContainer, Silence};

/// When engine and machine were last away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    /// The last time in which the engine was away.
    pub(super) silence: Option<Silence>,
    /// When the machine booted.
    pub(super) booted_at: Option<UnixMillis>,
}

/// Whether an end that is seen can be judged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// It can, or there is none.
    No,
    /// The engine has not told of it yet, or of the signal before it, and will any moment; at the latest
    /// it is judged then.
    Until(UnixMillis),
    /// The engine was away and has not told yet what happened meanwhile; the agent looks again when it has.
    ForTheEngine,
}

/// Whether it is too early to say how a container ended. A look and the engine's events come by
/// different ways: the look may show an end of which the events have not told yet who asked for it. Only
/// an end that could be taken for the work's own is worth waiting for.
pub(super) fn wait(
    entry: &TaskLedger,
    seen: Option<&ObservedContainer>,
    outage: Outage,
    now: UnixMillis,
) -> Wait {
    let Some(container) = seen.filter(|_| entry.progress.state == TaskState::Running) else {
        return Wait::No;
    };
    let is_clean = matches!(container.state, ContainerState::Exited { code: 0, .. });
    let at = container.finished_at.unwrap_or(now).min(now);
    if !is_clean || is_told(container, at) || cut_off(container, (at, true), outage).is_some() {
        return Wait::No;
    }
    let is_open =
        |silence: Silence| silence.until.is_none() && at.plus(CLOCK_SLACK) >= silence.after;
    if outage.silence.is_some_and(is_open) {
        return Wait::ForTheEngine;
    }
    let latest = at.plus(TOLD_MAX);
    match now < latest {
        true => Wait::Until(latest),
        false => Wait::No,
    }
}

/// Takes in what is seen of a task that should run.
pub(super) fn observe(
    entry: &mut TaskLedger,
    seen: Option<&ObservedContainer>,
    outage: Outage,
    now: UnixMillis,
) {
    if matches!(
        entry.progress.state,
        TaskState::Rejected | TaskState::Stopped
    ) {
        return;
    }
    let Some(container) = seen else {
        return vanished(entry, now);
    };
    match &container.state {
        ContainerState::Created => match entry.progress.state {
            // The engine makes nothing anew by itself: someone put another in its place.
            TaskState::Running => vanished(entry, now),
            _ if entry.attempt() == 0 => entry.advance(TaskState::Ready),
            _ => {}
        },
        ContainerState::Running | ContainerState::Paused | ContainerState::Restarting => {
            count_start(entry, container);
            entry.progress.state = entry.progress.state.max(TaskState::Running);
        }
        ContainerState::Exited {
            code,
            oom_killed,
            error,
        } => {
            if !is_known_end(entry, container) {
                let ran = entry.progress.state == TaskState::Running;
                count_start(entry, container);
                let at = container.finished_at.unwrap_or(now).min(now);
                let mut words = end_words(*code, *oom_killed, error.as_deref());
                let cut_off = cut_off(container, (at, ran), outage);
                words.push_str(cut_off.unwrap_or_default());
                let in_row = entry.ended_in_row;
                let state = match *code == 0 && cut_off.is_none() {
                    true => TaskState::Complete,
                    false => TaskState::Failed,
                };
                end(entry, state, (at, Some(*code)), words);
                // Whoever ends it from outside makes no crash loop of it.
                if cut_off.is_some() {
                    entry.ended_in_row = in_row;
                }
            }
        }
        ContainerState::Dead => {
            if !is_known_end(entry, container) {
                count_start(entry, container);
                let words = "the engine gave its container up".to_owned();
                end(entry, TaskState::Failed, (now, None), words);
            }
        }
        ContainerState::Removing => {}
    }
}

/// Who ended a container that ended at `at` and was known to run until then or not, when it was not the
/// work itself: an engine that is stopped and a machine that is shut down ask their containers to end, and
/// many then say 0.
fn cut_off(
    container: &ObservedContainer,
    (at, ran): (UnixMillis, bool),
    outage: Outage,
) -> Option<&'static str> {
    let grace = container.identity.stop_grace.0;
    let patience = DurationMs(grace.saturating_add(SIGNAL_SLACK.0));
    let was_asked =
        |signalled: UnixMillis| at.plus(CLOCK_SLACK) >= signalled && at <= signalled.plus(patience);
    if container.signalled_at.is_some_and(was_asked) {
        return Some(", when someone asked it to end");
    }
    let in_silence = |silence: Silence| {
        at.plus(CLOCK_SLACK) >= silence.after && silence.until.is_some_and(|until| at <= until)
    };
    if ran && !is_told(container, at) && outage.silence.is_some_and(in_silence) {
        return Some(", while the engine was away");
    }
    let went_down = outage
        .booted_at
        .is_some_and(|booted| at.plus(CLOCK_SLACK) < booted);
    went_down.then_some(", before its machine was started again")
}

/// Whether the engine has told of the end that a container had then.
fn is_told(container: &ObservedContainer, at: UnixMillis) -> bool {
    let is_near = |told: UnixMillis| told.plus(CLOCK_SLACK) >= at && told <= at.plus(CLOCK_SLACK);
    container.told_end_at.is_some_and(is_near)
}

/// How long the engine may take to tell of an end: milliseconds, and more on a machine that is very busy.
const TOLD_MAX: DurationMs = DurationMs::from_secs(2);

/// How much longer than its own grace an engine that is stopped gives a container: 15 s in all, where
/// the grace is 10 s by default.
const SIGNAL_SLACK: DurationMs = DurationMs::from_secs(6);

/// How much the times of the engine's events and of its containers may differ, and a wall clock that is
/// set once at boot from what it was before.
const CLOCK_SLACK: DurationMs = DurationMs::from_secs(1);

/// Whether the start that the engine shows is one that the memory has already seen the end of, or
/// that came before the start now asked for.
fn is_known_end(entry: &TaskLedger, container: &ObservedContainer) -> bool {
    match entry.progress.state {
        TaskState::Starting => {
            entry.started_before.is_some() && container.started_at == entry.started_before
        }
        TaskState::Complete | TaskState::Failed => {
            container.started_at == entry.started_at || container.started_at == entry.started_before
        }
        _ => false,
    }
}

/// Sets the attempt that the container's last start belongs to.
fn count_start(entry: &mut TaskLedger, container: &ObservedContainer) {
    let is_same = match entry.progress.state {
        TaskState::Starting => true,
        TaskState::Running => {
            entry.started_at.is_none() || entry.started_at == container.started_at
        }
        _ => false,
    };
    if !is_same {
        if entry.progress.state == TaskState::Running {
            // The engine keeps the exit code of a container's last end only until its next start.
            let at = container.finished_at.or(container.started_at);
            let at = at.or(entry.started_at).unwrap_or_default();
            let words = "it ended and was started again by someone else".to_owned();
            remember_end(entry, TaskState::Failed, (at, None), words);
        }
        entry.progress.attempt += 1;
        entry.progress.state = TaskState::Starting;
        entry.started_before = entry.started_at.or(entry.started_before);
        entry.exhausted = false;
    }
    entry.started_at = container.started_at;
}

fn vanished(entry: &mut TaskLedger, now: UnixMillis) {
    if matches!(
        entry.progress.state,
        TaskState::Starting | TaskState::Running
    ) {
        let words = "its container was removed by someone else".to_owned();
        end(entry, TaskState::Failed, (now, None), words);
    }
}

/// The attempt is over: when, with which exit code (none where there was no process, or nobody saw it
/// end), and how in words.
fn end(
    entry: &mut TaskLedger,
    state: TaskState,
    (at, exit_code): (UnixMillis, Option<i64>),
    words: String,
) {
    if entry.fenced {
        let (state, words) = (TaskState::Failed, STOPPED_UNHEARD.to_owned());
        entry.progress.state = state;
        entry.ended_at = Some(at);
        entry.exit_code = exit_code;
        entry.ended = Some(words.clone());
        return remember_end(entry, state, (at, exit_code), words);
    }
    let ran = entry.started_at.map(|start| at.since(start));
    if ran.is_some_and(|ran| ran >= STEADY_AFTER) {
        entry.ended_in_row = 0;
    }
    entry.ended_in_row = entry.ended_in_row.saturating_add(1);
    entry.progress.state = state;
    entry.ended_at = Some(at);
    entry.exit_code = exit_code;
    let message = words.clone();
    entry.ended = Some(words);
    remember_end(entry, state, (at, exit_code), message);
}

fn remember_end(
    entry: &mut TaskLedger,
    state: TaskState,
    (at, exit_code): (UnixMillis, Option<i64>),
    message: String,
) {
    let attempt = entry.progress.attempt;
    entry.ends.push(AttemptEnd {
        progress: TaskProgress { attempt, state },
        at,
        exit_code,
        message,
    });
    let surplus = entry.ends.len().saturating_sub(TaskStatus::ENDS_MAX);
    entry.ends.drain(..surplus);
}

fn end_words(code: i64, oom_killed: bool, error: Option<&str>) -> String {
    let mut words = format!("exit code {code}");
    if oom_killed {
        words.push_str(", killed for want of memory");
    }
    if let Some(error) = error.filter(|error| !error.is_empty()) {
        words.push_str(": ");
        words.push_str(error);
    }
    words
}

/// The engine refused to start it: the attempt has failed.
pub(crate) fn start_failed(entry: &mut TaskLedger, message: &str, now: UnixMillis) {
    if entry.progress.state == TaskState::Starting {
        let words = format!("start failed: {message}");
        end(entry, TaskState::Failed, (now, None), words);
    }
}

/// The node cannot run it at all.
pub(crate) fn reject(entry: &mut TaskLedger, words: String) {
    entry.advance(TaskState::Rejected);
    entry.exhausted = true;
    entry.ended = Some(words);
}

/// It should not run, and nothing of it is left.
pub(super) fn stopped(entry: &mut TaskLedger) {
    entry.advance(TaskState::Stopped);
    entry.exhausted = true;
}

/// How an attempt ended that the agent itself stopped: no fault of the task's, so its restart policy
/// does not count it.
const STOPPED_UNHEARD: &str = "stopped because the leader was not heard";

/// Whether the restart policy asks for no further attempt.
pub(super) fn settle(entry: &mut TaskLedger, policy: Option<RestartPolicy>) {
    if entry.fenced && entry.progress.state == TaskState::Failed {
        entry.exhausted = false;
        return;
    }
    let Some(policy) = policy else { return };
    let over = match (entry.progress.state, policy) {
        (TaskState::Stopped | TaskState::Rejected, _) => true,
        (TaskState::Complete, RestartPolicy::Always) => false,
        (TaskState::Complete, _) | (TaskState::Failed, RestartPolicy::Never) => true,
        (TaskState::Failed, RestartPolicy::OnFailureAtMost { max_attempts }) => {
            entry.attempt() > max_attempts
        }
        (TaskState::Failed, RestartPolicy::Always | RestartPolicy::OnFailure) => false,
        _ => false,
    };
    entry.exhausted = over;
}

/// When the next attempt may start. A clock that went back does not make it wait longer.
pub(super) fn next_start_at(entry: &TaskLedger, now: UnixMillis) -> UnixMillis {
    let ended_at = entry.ended_at.unwrap_or(now).min(now);
    ended_at.plus(restart_delay(entry.ended_in_row))
}
