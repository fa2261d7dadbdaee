//! What nodes say in tests.

use lab_types::{
    EngineFacts, Health, NodeFacts, Resources, TaskId, TaskProgress, TaskState, TaskStatus,
    UnixMillis,
};

use super::{Fate, GIB};

pub(crate) fn facts() -> NodeFacts {
    NodeFacts {
        capacity: Resources {
            nano_cpus: 4_000_000_000,
            memory_bytes: 8 * GIB,
        },
        engine: Some(EngineFacts::default()),
        ..NodeFacts::default()
    }
}

pub(crate) fn status(task: &TaskId, state: TaskState) -> TaskStatus {
    let started = state >= TaskState::Running;
    TaskStatus {
        task: task.clone(),
        progress: TaskProgress {
            attempt: u32::from(started),
            state,
        },
        health: Health::None,
        observed_at: UnixMillis(1_000_000),
        started_at: started.then_some(UnixMillis(1_000_000)),
        exit_code: None,
        message: None,
        ends: Vec::new(),
        exhausted: false,
        container: None,
        ports: Vec::new(),
    }
}

pub(super) fn fated(task: &TaskId, fate: &Fate) -> TaskStatus {
    match fate {
        Fate::Runs => status(task, TaskState::Running),
        Fate::Unhealthy => TaskStatus {
            health: Health::Unhealthy,
            ..status(task, TaskState::Running)
        },
        Fate::Completes => TaskStatus {
            exit_code: Some(0),
            exhausted: true,
            ..status(task, TaskState::Complete)
        },
        Fate::Fails {
            exit_code,
            exhausted,
        } => TaskStatus {
            exit_code: Some(*exit_code),
            exhausted: *exhausted,
            ..status(task, TaskState::Failed)
        },
        Fate::Rejected => TaskStatus {
            message: Some("no such image".to_owned()),
            ..status(task, TaskState::Rejected)
        },
    }
}
