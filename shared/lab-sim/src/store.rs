//! NATS's streams: the state with its head, the lease, the events.

use std::collections::{BTreeMap, BTreeSet};

use lab_placement::key::Key;
use lab_placement::record::Record;
use lab_types::{EventId, WriteTag};
use lab_wire::commit::{Head, HeadEntry};

use crate::message::{Answer, Batch, Call};
use crate::queue::{Micros, SECOND};

/// How long a lease lives without being renewed.
pub(crate) const LEASE: Micros = 4 * SECOND;

/// What NATS keeps.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) records: BTreeMap<Key, (WriteTag, Record)>,
    pub(crate) head: Option<HeadEntry>,
    pub(crate) events: BTreeSet<EventId>,
    sequence: u64,
    lease: Option<Lease>,
    leases: u64,
    /// The planted bug: the head is written whatever its revision.
    swaps_blindly: bool,
}

#[derive(Debug)]
struct Lease {
    revision: u64,
    until: Micros,
}

impl Store {
    pub(crate) fn new(swaps_blindly: bool) -> Self {
        Self {
            swaps_blindly,
            ..Self::default()
        }
    }

    /// Answers a call.
    pub(crate) fn call(&mut self, call: &Call, now: Micros) -> Answer {
        match call {
            Call::TakeLease => {
                if self.lease.as_ref().is_some_and(|lease| lease.until > now) {
                    return Answer::NoLease;
                }
                self.grant(now)
            }
            Call::RenewLease { revision } => {
                let held = self.lease.as_ref();
                if held.is_some_and(|held| held.revision == *revision && held.until > now) {
                    self.grant(now)
                } else {
                    Answer::NoLease
                }
            }
            Call::ReadHead => Answer::Head(self.head.clone()),
            Call::Swap { head, expected } => {
                if !self.is_expected(*expected) {
                    return Answer::WrongRevision;
                }
                self.write_head(head.clone(), 1)
            }
            Call::ReadAll => {
                let records = self.records.iter();
                Answer::All(
                    records
                        .map(|(key, (tag, record))| (key.clone(), *tag, record.clone()))
                        .collect(),
                )
            }
            Call::Commit(batch) => self.commit(batch),
            Call::Publish { pass, events } => {
                self.events
                    .extend(events.iter().map(|event| event.id.clone()));
                Answer::Published(*pass)
            }
        }
    }

    fn grant(&mut self, now: Micros) -> Answer {
        self.leases += 1;
        self.lease = Some(Lease {
            revision: self.leases,
            until: now + LEASE,
        });
        Answer::Lease(self.leases)
    }

    fn is_expected(&self, expected: u64) -> bool {
        let revision = self.head.as_ref().map_or(0, |head| head.revision);
        self.swaps_blindly || revision == expected
    }

    fn commit(&mut self, batch: &Batch) -> Answer {
        if !self.is_expected(batch.expected) {
            return Answer::WrongRevision;
        }
        for (key, record) in &batch.puts {
            self.records
                .insert(key.clone(), (batch.tag, record.clone()));
        }
        for key in &batch.removes {
            self.records.remove(key);
        }
        let count = batch.puts.len() + batch.removes.len() + 1;
        self.write_head(batch.head.clone(), u64::try_from(count).unwrap_or(u64::MAX))
    }

    fn write_head(&mut self, head: Head, count: u64) -> Answer {
        self.sequence += count;
        self.head = Some(HeadEntry {
            head,
            revision: self.sequence,
        });
        Answer::Stored {
            sequence: self.sequence,
            count,
        }
    }
}
