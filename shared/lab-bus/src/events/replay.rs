//! Reading events back, with the permissions of any user.

use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use lab_types::{Event, Problem, ProjectName, ServiceName, UnixMillis};
use lab_wire::subject::{EVENT_STREAM, EVENTS_ALL};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::bus::{Bus, ConnectionStatus};
use crate::jetstream;
use crate::reader::Reader;

/// How long to wait before a reading that broke is begun anew.
const REOPEN_WAIT: Duration = Duration::from_millis(100);
/// How long a replay that does not follow may be without its stream before it fails; a server
/// restarts in a second.
const STUCK_MAX: Duration = Duration::from_secs(15);

/// From where to replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Everything that is kept.
    All,
    /// This sequence and what follows.
    Sequence(u64),
    /// What was stored at this time or later, by the server's clock.
    Time(UnixMillis),
    /// Only what comes.
    Now,
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only of this project.
    pub project: Option<ProjectName>,
    /// Only of services of this name.
    pub service: Option<ServiceName>,
}

impl EventFilter {
    /// Whether an event is one of these.
    #[must_use]
    pub fn accepts(&self, event: &Event) -> bool {
        let scope = &event.scope;
        (self.project.is_none() || self.project == scope.project)
            && (self.service.is_none() || self.service == scope.service)
    }
}

/// What to replay.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// From where.
    pub since: Since,
    /// Whether to go on with what comes, or to end with what is there.
    pub follow: bool,
    /// Which.
    pub filter: EventFilter,
}

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The stream cannot be read.
    #[error("the event stream cannot be read: {0}")]
    Stream(String),
}

impl ReplayError {
    /// The same for a person, with a code and what to do next.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new("BUS0023", self.to_string())
            .help("check that the lab runs (`tercio lab status`) and has had a leader once")
    }
}

/// A replay under way.
#[derive(Debug)]
pub struct Replay {
    bus: Bus,
    options: ReplayOptions,
    reader: Option<Reader>,
    from: DeliverPolicy,
    /// How many there were when last told; 0 means that all that was there has been read.
    pending: u64,
    stuck_since: Option<Instant>,
}

#[derive(Deserialize)]
struct StreamInfo {
    state: StreamState,
}

#[derive(Deserialize)]
struct StreamState {
    last_seq: u64,
}

impl Replay {
    /// Starts one, with the permissions of any user.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub async fn start(bus: &Bus, options: ReplayOptions) -> Result<Self, ReplayError> {
        let from = match options.since {
            Since::All => DeliverPolicy::All,
            Since::Sequence(start_sequence) => from_sequence(start_sequence),
            Since::Time(at) => {
                let nanos = i128::from(at.0) * 1_000_000;
                let start_time = OffsetDateTime::from_unix_timestamp_nanos(nanos);
                let start_time = start_time.unwrap_or(OffsetDateTime::UNIX_EPOCH);
                DeliverPolicy::ByStartTime { start_time }
            }
            // Told as a sequence, so that nothing is missed when the reading has to begin anew.
            Since::Now => {
                let info = jetstream::api(bus, &format!("STREAM.INFO.{EVENT_STREAM}"), None).await;
                let info: StreamInfo =
                    info.map_err(|error| ReplayError::Stream(error.to_string()))?;
                from_sequence(info.state.last_seq + 1)
            }
        };
        let reader = Reader::open(bus, EVENT_STREAM, EVENTS_ALL, from).await;
        let reader = reader.map_err(ReplayError::Stream)?;
        Ok(Self {
            bus: bus.clone(),
            options,
            from,
            pending: reader.pending,
            reader: Some(reader),
            stuck_since: None,
        })
    }

    /// The next event with its sequence; `None` at the end of a replay that does not follow.
    ///
    /// # Errors
    /// [`ReplayError`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn next(&mut self) -> Result<Option<(u64, Event)>, ReplayError> {
        loop {
            if !self.options.follow && self.pending == 0 {
                return Ok(None);
            }
            let read = match &mut self.reader {
                Some(reader) => reader.next().await,
                None => match self.reopen().await {
                    Ok(()) => continue,
                    Err(reason) => Err(reason),
                },
            };
            let read = match read {
                Ok(read) => read,
                Err(reason) => {
                    self.broke(reason)?;
                    continue;
                }
            };
            self.stuck_since = None;
            self.pending = read.pending;
            self.from = from_sequence(read.sequence + 1);
            match lab_wire::decode::<Event>(&read.body) {
                Ok(event) if self.options.filter.accepts(&event) => {
                    return Ok(Some((read.sequence, event)));
                }
                Ok(_) => {}
                Err(error) => {
                    let sequence = read.sequence;
                    tracing::warn!(sequence, %error, "an event cannot be read");
                }
            }
        }
    }

    async fn reopen(&mut self) -> Result<(), String> {
        tokio::time::sleep(REOPEN_WAIT).await;
        let mut status = self.bus.status();
        let back = status.wait_for(|status| *status != ConnectionStatus::Disconnected);
        if tokio::time::timeout(STUCK_MAX, back).await.is_err() {
            return Err("there is no connection to NATS".into());
        }
        let reader = Reader::open(&self.bus, EVENT_STREAM, EVENTS_ALL, self.from).await?;
        self.pending = reader.pending;
        self.reader = Some(reader);
        Ok(())
    }

    /// A reading that breaks goes on after the last event; only one that stays broken fails.
    fn broke(&mut self, reason: String) -> Result<(), ReplayError> {
        tracing::debug!(reason, "the reading of events broke");
        self.reader = None;
        let since = *self.stuck_since.get_or_insert_with(Instant::now);
        if !self.options.follow && since.elapsed() > STUCK_MAX {
            return Err(ReplayError::Stream(reason));
        }
        Ok(())
    }
}

const fn from_sequence(start_sequence: u64) -> DeliverPolicy {
    DeliverPolicy::ByStartSequence { start_sequence }
}
