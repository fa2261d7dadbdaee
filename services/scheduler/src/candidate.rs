//! One scheduler's life: wait for the lease, take over, lead, give up, wait again.

use std::time::Duration;

use lab_bus::events::EventLimits;
use lab_bus::{
    Bus, Candidate, EventLog, Leadership, LeaseConfig, LeaseError, LoadError, Loaded, ServeError,
    StateStore, StoreError, StoreLimits, SubscribeError,
};
use lab_kit::clock::steady as clock;
use lab_placement::leader::TakeOver;
use lab_placement::{Leader, Policy};
use lab_types::{DurationMs, Problem};
use lab_wire::commit::HeadEntry;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::leading::{self, Ended, Seat};
use crate::record;

/// How long a candidate waits after it failed to take over, before it tries again. Long enough not
/// to press a server that is starting, short enough not to be noticed.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a candidate waits that is too old to lead: its turn comes when it is updated.
const PAUSE_OUTDATED: Duration = Duration::from_secs(30);

/// Why the scheduler cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot join the bus.
    #[error(transparent)]
    Bus(#[from] Box<Problem>),
    /// It cannot stand for the lease.
    #[error("the scheduler cannot stand for the lead")]
    Lease(#[from] LeaseError),
    /// The server lacks what the state needs.
    #[error("the state cannot be kept")]
    Store(#[source] StoreError),
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let said = lab_kit::telemetry::chain(error).to_string();
        match error {
            Error::Bus(problem) => Problem::clone(problem),
            Error::Lease(_) => Self::new("SCH0040", said)
                .help("check nats.urls, and that the credentials are the scheduler's"),
            Error::Store(_) => Self::new("SCH0042", said)
                .help("Tercio needs nats-server 2.15.1 or newer with JetStream"),
        }
    }
}

/// Leads whenever it can, until `shutdown`.
///
/// # Errors
/// [`Error`] when waiting would not help.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), Error> {
    let name = format!(
        "tercio-scheduler@{}",
        rustix::system::uname().nodename().to_string_lossy()
    );
    let bus = tokio::select! {
        biased;
        // Cancel-safe: a connection that is not there yet is simply not made.
        () = shutdown.cancelled() => return Ok(()),
        bus = config.nats.connect(&name) => bus.map_err(Box::new)?,
    };
    let mut lease = LeaseConfig::scheduler(name);
    lease.ttl = Duration::from_millis(config.lease.ttl_ms);
    let mut candidate = Candidate::new(&bus, lease)?;
    let limits = StoreLimits {
        bytes_max: config.store.bytes_max.0,
        ..StoreLimits::default()
    };
    let ended = loop {
        let leadership = tokio::select! {
            biased;
            // Cancel-safe: a lease that was just won and is dropped lapses by itself.
            () = shutdown.cancelled() => break Ok(()),
            leadership = candidate.acquire() => leadership?,
        };
        let ttl = DurationMs(config.lease.ttl_ms);
        match take_the_seat(&bus, limits, leadership, ttl, &shutdown).await {
            Ok(Ended::Shutdown) => break Ok(()),
            // Why has been said where it was found.
            Ok(Ended::Deposed) => tracing::info!("standing by"),
            Err(Obstacle::Fatal(error)) => break Err(error),
            Err(Obstacle::Passing(reason, pause)) => {
                tracing::warn!(%reason, "the lead could not be taken, trying again");
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => break Ok(()),
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    };
    bus.drain().await;
    ended
}

/// Why a take-over did not succeed.
enum Obstacle {
    /// Waiting does not help.
    Fatal(Error),
    /// It may succeed the next time, after so long.
    Passing(String, Duration),
}

impl Obstacle {
    fn passing(reason: impl ToString) -> Self {
        Self::Passing(reason.to_string(), PAUSE)
    }
}

impl From<StoreError> for Obstacle {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unreachable(reason) => Self::passing(reason),
            StoreError::Newer { .. } => Self::Passing(error.to_string(), PAUSE_OUTDATED),
            other => Self::Fatal(Error::Store(other)),
        }
    }
}

impl From<LoadError> for Obstacle {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => error.into(),
            other => Self::passing(other),
        }
    }
}

impl From<SubscribeError> for Obstacle {
    fn from(error: SubscribeError) -> Self {
        Self::passing(error)
    }
}

impl From<ServeError> for Obstacle {
    fn from(error: ServeError) -> Self {
        Self::passing(error)
    }
}

fn lapsed() -> Obstacle {
    Obstacle::passing("the lease lapsed during the take-over")
}

async fn take_over(
    bus: &Bus,
    limits: StoreLimits,
) -> Result<(StateStore, EventLog, HeadEntry, Loaded), Obstacle> {
    let store = StateStore::open(bus, limits).await?;
    let events = EventLog::ensure(bus, EventLimits::default()).await;
    let events = events.map_err(Obstacle::passing)?;
    let head = store.take_over().await?;
    let loaded = store.load_all(&head).await?;
    Ok((store, events, head, loaded))
}

async fn take_the_seat(
    bus: &Bus,
    limits: StoreLimits,
    leadership: Leadership,
    ttl: DurationMs,
    shutdown: &CancellationToken,
) -> Result<Ended, Obstacle> {
    let taken = tokio::select! {
        biased;
        // Whoever stops in here leads no more, and has told nobody that it does.
        () = shutdown.cancelled() => None,
        // It tries until it succeeds, and must not any more once another may lead.
        _ = leadership.lost() => return Err(lapsed()),
        // Boxed: it is large, and needed once in a leader's life.
        taken = Box::pin(take_over(bus, limits)) => Some(taken?),
    };
    let Some((store, events, head, loaded)) = taken else {
        // A server that does not answer is left to let the lease lapse.
        let _ = tokio::time::timeout(PAUSE, leadership.release()).await;
        return Ok(Ended::Shutdown);
    };
    // Between the lease and the head lies a commit: whoever was slow has lost the right meanwhile.
    if !leadership.may_act() {
        return Err(lapsed());
    }
    let (records, unread) = record::read_all(&loaded.records);
    let tag = head.head.tag();
    tracing::info!(
        epoch = tag.epoch.0,
        pass = tag.pass.0,
        records = records.len(),
        "leading"
    );
    let start = TakeOver {
        leader: Leader {
            incarnation: tag.incarnation,
            epoch: tag.epoch,
        },
        head: tag,
        records,
        unread,
        now: clock::now(),
        policy: Policy {
            lease: ttl,
            ..Policy::default()
        },
    };
    let seat = Seat {
        bus: bus.clone(),
        store,
        events,
        head,
        leadership,
    };
    Ok(leading::lead(seat, start, shutdown).await?)
}
