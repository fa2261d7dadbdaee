//! The stream of events: written once each by the leader, replayed from anywhere.
//!
//! Only the scheduler speaks to the stream; users get [`page`]s of it from the leader ([`Replay`]),
//! and hear what happens on core NATS.
//!
//! The event's id is its message id, so the same event published again is stored once, as long as it
//! comes within the stream's window for duplicates. Attributes ride as CloudEvents headers (binary
//! mode), the body is MessagePack.

mod batch;
mod page;
mod publish;
mod replay;

pub use page::page;
pub use replay::{EventFilter, Replay, ReplayError, ReplayOptions, Since};

use std::time::Duration;

use lab_types::{Event, Problem, UnixMillis};
use lab_wire::subject::{self, EVENT_STREAM, EVENTS_KEPT};
use lab_wire::{Encoding, header};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::bus::{Bus, Headers};
use crate::jetstream;
use publish::{Failed, Outgoing};

/// How many events may be on their way at once: enough to fill a round trip, few enough that the
/// server's queue stays short.
const IN_FLIGHT: usize = 256;
/// How long an acknowledgement may take; with synced writes one takes half a millisecond.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);
/// For how long the server remembers message ids: longer than it takes a new leader to publish what
/// the last one left in its outbox.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(600);

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct EventLimits {
    /// The most bytes on disk; the oldest events go first.
    pub bytes_max: u64,
    /// For how long.
    pub age_max: Duration,
    /// How many nats-servers keep it: as for the state.
    pub replicas: u8,
}

impl Default for EventLimits {
    /// 1 GiB and seven days, on one server.
    fn default() -> Self {
        Self {
            bytes_max: 1 << 30,
            age_max: Duration::from_secs(7 * 24 * 3600),
            replicas: 1,
        }
    }
}

/// Why events were not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The stream cannot be made.
    #[error("the event stream cannot be made: {0}")]
    Stream(String),
    /// Events were not acknowledged; publishing them again stores each once.
    #[error("{unacknowledged} of {total} events were not acknowledged: {reason}")]
    Unacknowledged {
        /// How many.
        unacknowledged: usize,
        /// Of how many.
        total: usize,
        /// What happened to the first of them.
        reason: String,
    },
}

impl EventError {
    /// The same for a person, with a code and what to do next.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new("BUS0022", self.to_string())
            .help("check that nats-server runs and its disk is not full; events are sent again")
    }
}

/// The writer's side.
#[derive(Clone, Debug)]
pub struct EventLog {
    bus: Bus,
}

impl EventLog {
    /// Creates or updates the stream; the scheduler does this.
    ///
    /// # Errors
    /// [`EventError::Stream`].
    pub async fn ensure(bus: &Bus, limits: EventLimits) -> Result<Self, EventError> {
        let ensured = jetstream::ensure_stream(bus, &stream_config(limits)).await;
        let ignored = ensured.map_err(|error| EventError::Stream(error.to_string()))?;
        if !ignored.is_empty() {
            let settings = ignored.join(", ");
            return Err(EventError::Stream(format!(
                "nats-server does not take over these settings: {settings}"
            )));
        }
        Ok(Self { bus: bus.clone() })
    }

    /// Stores events in this order, many with one write where the server takes them so, and waits for
    /// the acknowledgements. Each is stored once, however often it is published. One that the server will
    /// never take (it is too large) is logged and left out: those behind it are not to wait for ever.
    ///
    /// # Errors
    /// [`EventError::Unacknowledged`].
    pub async fn publish_batch(&self, events: &[Event]) -> Result<(), EventError> {
        let (mut unacknowledged, mut first) = (0, None);
        for events in events.chunks(IN_FLIGHT) {
            let messages: Vec<Outgoing> = events.iter().map(outgoing).collect();
            if batch::at_once(&self.bus, &messages, ACK_TIMEOUT).await {
                continue;
            }
            let failed = publish::in_order(&self.bus, messages, ACK_TIMEOUT).await;
            let (lost, failed): (Vec<_>, Vec<_>) = failed.into_iter().partition(|f| f.for_good);
            for Failed { reason, .. } in lost {
                tracing::error!(reason, "an event cannot be stored and is left out");
            }
            unacknowledged += failed.len();
            first = first.or_else(|| failed.into_iter().next().map(|failed| failed.reason));
        }
        match first {
            None => Ok(()),
            Some(reason) => Err(EventError::Unacknowledged {
                unacknowledged,
                total: events.len(),
                reason,
            }),
        }
    }
}

fn outgoing(event: &Event) -> Outgoing {
    Outgoing {
        subject: subject::event(event).into(),
        headers: headers(event),
        body: lab_wire::encode(event, Encoding::MessagePack).into(),
    }
}

fn headers(event: &Event) -> Headers {
    use header::cloud_event as ce;
    let (noun, what) = event.what.tokens();
    let (kind, writer) = (event.writer_kind.token(), &event.writer);
    let pairs = [
        (header::MESSAGE_ID, event.id.to_string()),
        (ce::ID, event.id.to_string()),
        (ce::SOURCE, format!("/tercio/{kind}/{writer}")),
        (ce::TYPE, format!("io.tercio.{noun}.{what}")),
        (ce::SPEC_VERSION, "1.0".to_owned()),
        (ce::TIME, rfc3339(event.at)),
        (
            header::CONTENT_TYPE,
            Encoding::MessagePack.content_type().to_owned(),
        ),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The instant as text. A year past 9999, which no clock shows, reads as 1970.
fn rfc3339(at: UnixMillis) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000);
    let time = time.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&Rfc3339).unwrap_or_default()
}

fn stream_config(limits: EventLimits) -> serde_json::Value {
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    json!({
        "name": EVENT_STREAM,
        "description": "what happened in the lab, in order",
        "subjects": [EVENTS_KEPT],
        // For pages.
        "allow_direct": true,
        "retention": "limits",
        "storage": "file",
        "num_replicas": limits.replicas,
        "max_bytes": limits.bytes_max,
        "max_age": nanos(limits.age_max),
        "discard": "old",
        // Many events are one write to the disk.
        "allow_atomic": true,
        "duplicate_window": nanos(DUPLICATE_WINDOW),
        "deny_delete": true,
        "deny_purge": true,
    })
}
