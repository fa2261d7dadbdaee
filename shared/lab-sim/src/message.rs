//! Who there is, and what they say to one another.

use std::collections::BTreeMap;

use lab_placement::key::Key;
use lab_placement::leader::{Reply, Request};
use lab_placement::record::Record;
use lab_types::{
    Assignment, BeatAnswer, DurationMs, Epoch, Event, Fence, Heartbeat, Pass, Report, SpecDigest,
    TaskSpec, WriteTag,
};
use lab_wire::commit::{Head, HeadEntry};

use lab_converge::SyncAsk;

/// Somebody who sends and receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Actor {
    /// The users.
    Clients,
    /// A candidate for leadership.
    Scheduler(usize),
    /// A node's agent.
    Node(usize),
    /// NATS's streams.
    Store,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Clients => f.write_str("clients"),
            Self::Scheduler(number) => write!(f, "s{number}"),
            Self::Node(number) => write!(f, "n{number}"),
            Self::Store => f.write_str("store"),
        }
    }
}

/// What is said.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// A user asks for a change.
    Request(Box<Request>),
    /// The leader of an epoch answers.
    Reply(Box<Reply>, Epoch),
    /// The leader gives a node its assignment.
    Push(Box<Assignment>, BTreeMap<SpecDigest, TaskSpec>),
    /// The leader asks for a full report.
    Ask(Fence),
    /// An agent asks for its assignment.
    Sync(usize, SyncAsk),
    /// The leader's answer to that.
    SyncReply(Option<Box<Assignment>>, BTreeMap<SpecDigest, TaskSpec>),
    /// An agent reports.
    Report(usize, Box<Report>),
    /// An agent lives; it wants an answer when it says when it sent this, by its own clock.
    Beat(usize, Heartbeat, Option<DurationMs>),
    /// The leader's answer to a sign of life that was sent then.
    BeatAnswer(DurationMs, BeatAnswer),
    /// A scheduler calls the store.
    Call {
        from: usize,
        number: u64,
        call: Box<Call>,
    },
    /// The store answers.
    Answer { number: u64, answer: Box<Answer> },
}

impl std::fmt::Display for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request(request) => write!(f, "request {}", request.id),
            Self::Reply(reply, _) => {
                write!(f, "reply {} ok={}", reply.request, reply.result.is_ok())
            }
            Self::Push(assignment, _) => write!(f, "push {}", assignment.fence),
            Self::Ask(fence) => write!(f, "ask {fence}"),
            Self::Sync(_, ask) => write!(f, "sync {} lacking {}", ask.accepted, ask.lacking.len()),
            Self::SyncReply(Some(assignment), _) => write!(f, "synced {}", assignment.fence),
            Self::SyncReply(None, _) => f.write_str("synced none"),
            Self::Report(_, report) => {
                write!(
                    f,
                    "report {}/{} {}",
                    report.boot.0, report.sequence, report.accepted
                )
            }
            Self::Beat(_, beat, _) => write!(f, "beat {}/{}", beat.boot.0, beat.sequence),
            Self::BeatAnswer(sent_at, answer) => {
                write!(f, "beat of {sent_at} answered, {}", answer.assigned)
            }
            Self::Call { number, call, .. } => write!(f, "call {number} {call}"),
            Self::Answer { number, answer } => write!(f, "answer {number} {answer}"),
        }
    }
}

/// What a scheduler asks of the store.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// Take the lease, if nobody holds it.
    TakeLease,
    /// Keep the lease.
    RenewLease { revision: u64 },
    /// Read the head.
    ReadHead,
    /// Swap the head alone.
    Swap { head: Head, expected: u64 },
    /// Read all records.
    ReadAll,
    /// Commit a pass.
    Commit(Batch),
    /// Publish the events of a pass.
    Publish { pass: Pass, events: Vec<Event> },
}

/// One atomic batch.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) head: Head,
    pub(crate) expected: u64,
    pub(crate) tag: WriteTag,
    pub(crate) puts: Vec<(Key, Record)>,
    pub(crate) removes: Vec<Key>,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TakeLease => f.write_str("take lease"),
            Self::RenewLease { revision } => write!(f, "renew lease {revision}"),
            Self::ReadHead => f.write_str("read head"),
            Self::Swap { head, expected } => {
                write!(f, "swap to epoch {} at {expected}", head.epoch)
            }
            Self::ReadAll => f.write_str("read all"),
            Self::Commit(batch) => write!(
                f,
                "commit pass {} of epoch {} at {}",
                batch.head.pass, batch.head.epoch, batch.expected
            ),
            Self::Publish { pass, events } => write!(f, "publish {} of pass {pass}", events.len()),
        }
    }
}

/// What the store answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The lease is held, at this revision.
    Lease(u64),
    /// It is not.
    NoLease,
    /// The head.
    Head(Option<HeadEntry>),
    /// All records.
    All(Vec<(Key, WriteTag, Record)>),
    /// Stored: the head's revision and how many messages.
    Stored { sequence: u64, count: u64 },
    /// The head's revision is another.
    WrongRevision,
    /// The events are in the stream.
    Published(Pass),
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lease(revision) => write!(f, "lease {revision}"),
            Self::NoLease => f.write_str("no lease"),
            Self::Head(head) => write!(f, "head {:?}", head.as_ref().map(|head| head.revision)),
            Self::All(records) => write!(f, "{} records", records.len()),
            Self::Stored { sequence, .. } => write!(f, "stored at {sequence}"),
            Self::WrongRevision => f.write_str("wrong revision"),
            Self::Published(pass) => write!(f, "published pass {pass}"),
        }
    }
}
