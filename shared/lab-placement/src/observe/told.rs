//! The events that observations give. Each id is made of what happened, so that a second leader that
//! hears the same says the same.

use lab_types::{
    AssignedTask, AttemptEnd, Event, EventScope, EventWhat, Health, NodeId, NodeRecord, TaskState,
    TaskStatus, UnixMillis,
};

use super::Held;
use crate::event::{self, Fact};
use crate::lab::ObservedNode;

/// What the step from one status to the next tells.
pub(super) fn task(
    task: &AssignedTask,
    node: &NodeId,
    (old, new): (Option<&TaskStatus>, &TaskStatus),
    now: UnixMillis,
) -> Vec<Event> {
    let mut events = passed_by(task, node, (old, new), now);
    if old.map(|old| old.progress) != Some(new.progress)
        && let Some((what, verb)) = state_words(new.progress.state)
    {
        let key = format!("{}-{}", new.progress.attempt, new.progress.state);
        let message = match &new.message {
            Some(reason) => format!("{} {verb}: {reason}", name(task)),
            None => format!("{} {verb}", name(task)),
        };
        events.push(fact(task, node, what, (&key, message, new), now));
    }
    if old.map(|old| old.health) != Some(new.health)
        && let Some((what, verb)) = health_words(new.health)
    {
        // Health comes and goes within one attempt: the time it was seen tells the times apart.
        let key = format!("{}-{verb}-{}", new.progress.attempt, new.observed_at.0);
        let message = format!("{} is {verb}", name(task));
        events.push(fact(task, node, what, (&key, message, new), now));
    }
    events
}

/// Attempts that ended since the last status, and were followed by another before anybody looked.
fn passed_by(
    task: &AssignedTask,
    node: &NodeId,
    (old, new): (Option<&TaskStatus>, &TaskStatus),
    now: UnixMillis,
) -> Vec<Event> {
    let untold = |end: &&AttemptEnd| {
        old.is_none_or(|old| old.progress < end.progress) && end.progress < new.progress
    };
    let ends = new.ends.iter().filter(untold);
    let events = ends.filter_map(|end| {
        let (what, verb) = state_words(end.progress.state)?;
        let key = format!("{}-{}", end.progress.attempt, end.progress.state);
        let message = format!("{} {verb}: {}", name(task), end.message);
        let status = TaskStatus {
            progress: end.progress,
            exit_code: end.exit_code,
            ..new.clone()
        };
        Some(fact(task, node, what, (&key, message, &status), now))
    });
    events.collect()
}

/// A node reports (again).
pub(super) fn ready(record: &NodeRecord, node: &ObservedNode, now: UnixMillis) -> Event {
    let (boot, sequence) = (node.boot.0.to_string(), node.sequence.to_string());
    // A node that comes and goes by its beats alone reports nothing between.
    let lost_at = node.lost_at.unwrap_or_default().0.to_string();
    let id = record.id.as_str();
    let parts = ["node", id, "ready", &boot, &sequence, &lost_at];
    event::scheduler(Fact {
        id: event::id(&parts),
        at: now,
        what: EventWhat::NodeReady,
        scope: node_scope(&record.id),
        message: format!("node {} is ready", record.name),
    })
}

/// A node is silent, and is waited for.
pub(super) fn away(
    record: &NodeRecord,
    node: &ObservedNode,
    (now, until): (UnixMillis, UnixMillis),
) -> Event {
    let silent_since = node.last_seen.unwrap_or_default().0.to_string();
    let boot = node.boot.0.to_string();
    let parts = ["node", record.id.as_str(), "away", &boot, &silent_since];
    event::scheduler(Fact {
        id: event::id(&parts),
        at: now,
        what: EventWhat::NodeAway,
        scope: node_scope(&record.id),
        message: format!(
            "node {} is away: its tasks stay its own for another {}",
            record.name,
            until.since(now)
        ),
    })
}

/// Many nodes vanished together.
pub(super) fn held(held: Held, now: UnixMillis) -> Event {
    event::scheduler(Fact {
        id: event::id(&["held", &held.until.0.to_string()]),
        at: now,
        what: EventWhat::LabHeld,
        scope: EventScope::default(),
        message: held.to_string(),
    })
}

/// A node has been silent for too long.
pub(super) fn lost(record: &NodeRecord, node: &ObservedNode, now: UnixMillis) -> Event {
    let silent_since = node.last_seen.unwrap_or_default().0.to_string();
    let (boot, seen) = (node.boot.0.to_string(), node.last_seen);
    let parts = ["node", record.id.as_str(), "lost", &boot, &silent_since];
    let message = match seen {
        Some(seen) => format!(
            "node {} is lost: not heard for {}",
            record.name,
            now.since(seen)
        ),
        None => format!(
            "node {} is lost: this leader never heard of it",
            record.name
        ),
    };
    event::scheduler(Fact {
        id: event::id(&parts),
        at: now,
        what: EventWhat::NodeLost,
        scope: node_scope(&record.id),
        message,
    })
}

fn node_scope(node: &NodeId) -> EventScope {
    EventScope {
        node: Some(node.clone()),
        ..EventScope::default()
    }
}

fn name(task: &AssignedTask) -> String {
    format!("task {} of {}/{}", task.slot, task.project, task.service)
}

const fn state_words(state: TaskState) -> Option<(EventWhat, &'static str)> {
    match state {
        TaskState::Running => Some((EventWhat::TaskRunning, "runs")),
        TaskState::Complete => Some((EventWhat::TaskCompleted, "has completed")),
        TaskState::Failed => Some((EventWhat::TaskFailed, "failed")),
        TaskState::Rejected => Some((EventWhat::TaskRejected, "was rejected by its node")),
        TaskState::Stopped => Some((EventWhat::TaskStopped, "was stopped")),
        TaskState::Assigned
        | TaskState::Accepted
        | TaskState::Preparing
        | TaskState::Ready
        | TaskState::Starting
        | TaskState::Unknown => None,
    }
}

const fn health_words(health: Health) -> Option<(EventWhat, &'static str)> {
    match health {
        Health::Healthy => Some((EventWhat::TaskHealthy, "healthy")),
        Health::Unhealthy => Some((EventWhat::TaskUnhealthy, "unhealthy")),
        Health::None | Health::Starting | Health::Unknown => None,
    }
}

fn fact(
    task: &AssignedTask,
    node: &NodeId,
    what: EventWhat,
    (key, message, status): (&str, String, &TaskStatus),
    now: UnixMillis,
) -> Event {
    let mut event = event::scheduler(Fact {
        id: event::task_id(&task.id, key),
        at: now,
        what,
        scope: EventScope {
            project: Some(task.project.clone()),
            service: Some(task.service.clone()),
            slot: Some(task.slot),
            task: Some(task.id.clone()),
            node: Some(node.clone()),
            object: None,
        },
        message,
    });
    let attempt = status.progress.attempt.to_string();
    event.details.insert("attempt".to_owned(), attempt);
    if let Some(code) = status.exit_code {
        event
            .details
            .insert("exit_code".to_owned(), code.to_string());
    }
    event
}
