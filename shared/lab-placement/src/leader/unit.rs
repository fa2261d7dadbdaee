//! How decisions are cut into passes.

use std::collections::BTreeMap;

use lab_types::{Event, Pass, WriteTag};

use super::effects::Reply;
use crate::key::Key;
use crate::record::Record;

/// The most records of one pass. A batch of NATS has 1,000 messages; a hundred stay free.
pub const RECORDS_MAX: usize = 900;

/// The most events of one pass: what an hour of an ordinary lab gives, and what a person can still read.
pub const EVENTS_MAX: usize = 1000;

/// The most bytes of the events of one pass, as estimated by [`weight`]: half of NATS' largest message of
/// 1 MiB, because they are one record, the outbox.
pub(super) const EVENT_BYTES_MAX: usize = 512 * 1024;

/// About how many bytes an event takes: its texts, and as much again as the names of its fields, its
/// ids and numbers ever take.
pub(super) fn weight(event: &Event) -> usize {
    let scope = &event.scope;
    let names = [
        scope.project.as_ref().map(|name| name.as_str().len()),
        scope.service.as_ref().map(|name| name.as_str().len()),
        scope.task.as_ref().map(|name| name.as_str().len()),
        scope.node.as_ref().map(|name| name.as_str().len()),
        scope.object.as_ref().map(String::len),
    ];
    let names: usize = names.into_iter().flatten().sum();
    let details = event.details.iter();
    let details: usize = details.map(|(key, value)| key.len() + value.len()).sum();
    event.message.len() + names + details + 512
}

/// Records to be committed at once. The shell adds the head and writes all of them as one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassDraft {
    /// Which pass.
    pub pass: Pass,
    /// The tag of its records, and what the head shall say.
    pub head: WriteTag,
    /// Records to be written, in the order of their keys.
    pub puts: Vec<(Key, Record)>,
    /// Records to be removed, in the order of their keys.
    pub removes: Vec<Key>,
}

/// Records that belong together: they go into one pass.
#[derive(Debug, Default)]
pub(super) struct Unit {
    pub(super) puts: Vec<(Key, Record)>,
    pub(super) removes: Vec<Key>,
    pub(super) events: Vec<Event>,
    pub(super) replies: Vec<Reply>,
}

impl Unit {
    pub(super) fn put(key: Key, record: Record) -> Self {
        Self {
            puts: vec![(key, record)],
            ..Self::default()
        }
    }

    pub(super) fn remove(key: Key) -> Self {
        Self {
            removes: vec![key],
            ..Self::default()
        }
    }

    pub(super) fn events(events: Vec<Event>) -> Self {
        Self {
            events,
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.events.is_empty() && self.replies.is_empty()
    }

    fn len(&self) -> usize {
        self.puts.len() + self.removes.len()
    }
}

/// A pass that is drafted and not committed, with what follows its commit.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) draft: PassDraft,
    pub(super) events: Vec<Event>,
    pub(super) replies: Vec<Reply>,
}

/// Cuts units into passes, in their order; none of them is split, except that events too many for one
/// pass follow in the next.
pub(super) fn pack(units: Vec<Unit>, mut tag: WriteTag) -> Vec<Queued> {
    let mut passes = Vec::new();
    let mut open = Open::default();
    for mut unit in units {
        // One place is for the outbox.
        let full = open.records.len() + unit.len() + 1 > RECORDS_MAX;
        let bytes: usize = unit.events.iter().map(weight).sum();
        let loud = open.events.len() + unit.events.len() > EVENTS_MAX
            || open.event_bytes + bytes > EVENT_BYTES_MAX;
        if (full || loud) && !open.is_empty() {
            passes.push(std::mem::take(&mut open).close(&mut tag));
        }
        for (key, record) in unit.puts.drain(..) {
            open.records.insert(key, Some(record));
        }
        for key in unit.removes.drain(..) {
            open.records.insert(key, None);
        }
        open.replies.append(&mut unit.replies);
        for event in unit.events {
            let bytes = open.event_bytes + weight(&event);
            let room = open.events.len() < EVENTS_MAX && bytes <= EVENT_BYTES_MAX;
            if !room && !open.events.is_empty() {
                passes.push(std::mem::take(&mut open).close(&mut tag));
            }
            open.event_bytes += weight(&event);
            open.events.push(event);
        }
    }
    if !open.is_empty() {
        passes.push(open.close(&mut tag));
    }
    passes
}

#[derive(Default)]
struct Open {
    records: BTreeMap<Key, Option<Record>>,
    events: Vec<Event>,
    event_bytes: usize,
    replies: Vec<Reply>,
}

impl Open {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.events.is_empty()
    }

    fn close(mut self, tag: &mut WriteTag) -> Queued {
        tag.pass = tag.pass.next();
        for event in &mut self.events {
            event.cause.pass = Some(*tag);
        }
        if !self.events.is_empty() {
            let outbox = Record::Outbox(self.events.clone());
            self.records.insert(Key::Outbox(tag.pass), Some(outbox));
        }
        let (mut puts, mut removes) = (Vec::new(), Vec::new());
        for (key, record) in self.records {
            match record {
                Some(record) => puts.push((key, record)),
                None => removes.push(key),
            }
        }
        Queued {
            draft: PassDraft {
                pass: tag.pass,
                head: *tag,
                puts,
                removes,
            },
            events: self.events,
            replies: self.replies,
        }
    }
}
