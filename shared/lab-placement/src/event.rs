//! Events as the scheduler writes them.

use std::collections::BTreeMap;

use lab_types::ids::sha256_hex;
use lab_types::{Cause, Event, EventId, EventScope, EventWhat, TaskId, UnixMillis, WriterKind};

/// The writer's name in the scheduler's events.
pub(crate) const WRITER: &str = "scheduler";

/// What an event of the scheduler says.
pub(crate) struct Fact {
    pub(crate) id: EventId,
    pub(crate) at: UnixMillis,
    pub(crate) what: EventWhat,
    pub(crate) scope: EventScope,
    pub(crate) message: String,
}

/// An event of the scheduler without a cause and details.
pub(crate) fn scheduler(fact: Fact) -> Event {
    Event {
        id: fact.id,
        at: fact.at,
        writer_kind: WriterKind::Scheduler,
        writer: WRITER.to_owned(),
        what: fact.what,
        scope: fact.scope,
        message: fact.message,
        cause: Cause::default(),
        details: BTreeMap::new(),
    }
}

/// An id made of what the event says: the same fact always has the same id, so that telling it again
/// stores it once. 32 hexadecimal digits tell 2¹²⁸ facts apart.
pub(crate) fn id(parts: &[&str]) -> EventId {
    let mut text = String::new();
    for part in parts {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        text.push_str(&part.len().to_string());
        text.push(':');
        text.push_str(part);
    }
    let digest = sha256_hex(text.as_bytes());
    EventId::new(&digest[..32]).expect("invariant: hexadecimal digits make an event id")
}

/// The id of a fact about a task: readable, and never the same for two facts.
pub(crate) fn task_id(task: &TaskId, fact: &str) -> EventId {
    // A task's id is at most 128 bytes long, and so may an event's be: a long one is hashed.
    EventId::new(format!("{task}-{fact}")).unwrap_or_else(|_| id(&["task", task.as_str(), fact]))
}
