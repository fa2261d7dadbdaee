//! The right to lead: taken, renewed, lost, given back.
//!
//! It does not guard the state (the head's compare-and-swap does); it keeps two leaders from wasting
//! each other's work and tells the others when the leader is gone.

mod keeper;
mod machine;

pub use keeper::Leadership;
pub use machine::Loss;

use std::time::Duration;

use lab_kit::clock::BootInstant;
use lab_wire::Encoding;
use lab_wire::subject::{LEADER_PROBE, LEASE_PREFIX, LEASE_STREAM, lease_key};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::MissedTickBehavior;

use crate::bus::{Bus, ConnectionStatus, Headers, SubscribeError, Subscription};
use crate::call::CallError;
use crate::jetstream::{self, ApiError, expect};
use machine::{Campaign, Entry, campaign};

/// How often a follower asks whether the leader is there.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// How a lease behaves.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// The lease's key: `scheduler`.
    pub role: String,
    /// Who holds it, for people: `host (pid 12)`.
    pub holder: String,
    /// How long it lasts without renewal; whole seconds, at least one.
    pub ttl: Duration,
}

impl LeaseConfig {
    /// The scheduler's lease on a single nats-server: 4 s, renewed every second, which took 8 ms at
    /// the 99th percentile on a busy server. On three, 15 s: their own election takes 4 to 7 s.
    #[must_use]
    pub fn scheduler(holder: impl Into<String>) -> Self {
        Self {
            role: "scheduler".into(),
            holder: holder.into(),
            ttl: Duration::from_secs(4),
        }
    }
}

/// Why a candidate cannot campaign at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// NATS counts in whole seconds.
    #[error("a lease of {0:?} is not of whole seconds, at least one")]
    Ttl(Duration),
    /// The connection is closed.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
}

/// The value of a lease's key, and of the answer to a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRecord {
    /// Who holds it, for people.
    pub holder: String,
    /// Which holding it is.
    pub nonce: String,
}

/// One that wants to lead.
#[derive(Debug)]
pub struct Candidate {
    key: Key,
    record: LeaseRecord,
}

impl Candidate {
    /// Prepares to campaign.
    ///
    /// # Errors
    /// [`LeaseError::Ttl`].
    pub fn new(bus: &Bus, config: LeaseConfig) -> Result<Self, LeaseError> {
        let ttl = config.ttl;
        if ttl.as_secs() == 0 || ttl.subsec_nanos() != 0 {
            return Err(LeaseError::Ttl(ttl));
        }
        let key = Key {
            bus: bus.clone(),
            subject: lease_key(&config.role).into(),
            ttl,
        };
        let record = LeaseRecord {
            holder: config.holder,
            nonce: String::new(),
        };
        Ok(Self { key, record })
    }

    /// Follows the leader until there is none, then takes the lease. Keeps trying.
    ///
    /// # Errors
    /// [`LeaseError::Subscribe`] when the connection was closed for good.
    ///
    /// # Cancel safety
    /// Safe: a lease won just then expires.
    pub async fn acquire(&mut self) -> Result<Leadership, LeaseError> {
        let random: [u8; 16] = rand::random();
        self.record.nonce = lab_types::ids::id_text(&random);
        let mut first_sent = None;
        // A probe of a leader that hangs takes as long as the pause, and must not be waited for twice.
        let mut turn = tokio::time::interval(PROBE_EVERY);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turn.tick().await;
            let found = match self.key.read().await {
                Ok(found) => found,
                Err(error) => {
                    tracing::debug!(%error, "the lease cannot be read");
                    continue;
                }
            };
            let expected = match campaign(found.as_ref(), &self.record.nonce) {
                Campaign::Take { expected } => expected,
                Campaign::Own { revision } => {
                    let sent = first_sent.unwrap_or_else(BootInstant::now);
                    return Ok(self.lead(
                        self.key.bus.subscribe(LEADER_PROBE).await?,
                        revision,
                        sent,
                    ));
                }
                Campaign::Probe { revision } => {
                    if !self.leader_is_gone().await {
                        continue;
                    }
                    tracing::info!("nobody answers for the leader, taking the lease");
                    revision
                }
            };
            // Before the lease is won, so that no other follower finds nobody answering afterwards.
            let probes = self.key.bus.subscribe(LEADER_PROBE).await?;
            let sent = BootInstant::now();
            first_sent.get_or_insert(sent);
            match self.key.write(&self.record, expected).await {
                Ok(revision) => return Ok(self.lead(probes, revision, sent)),
                Err(error) => tracing::debug!(%error, "the lease was not taken"),
            }
        }
    }

    fn lead(&self, probes: Subscription, revision: u64, sent: BootInstant) -> Leadership {
        tracing::info!(nonce = self.record.nonce, revision, "the lease is held");
        Leadership::start(
            self.key.clone(),
            self.record.clone(),
            probes,
            revision,
            sent,
        )
    }

    /// Whether NATS itself says that no leader is connected. A leader that hangs is connected: for
    /// that one the lease has to expire.
    async fn leader_is_gone(&self) -> bool {
        let status = *self.key.bus.status().borrow();
        let ConnectionStatus::Connected { since } = status else {
            return false;
        };
        // After a restart of the server the leader needs a moment to come back as well.
        if since.elapsed() < PROBE_EVERY {
            return false;
        }
        let probe = self.key.bus.call_raw(
            LEADER_PROBE,
            Headers::new(),
            bytes::Bytes::new(),
            PROBE_EVERY,
        );
        matches!(probe.await, Err(CallError::NoResponders { .. }))
    }
}

/// The lease's key in its stream.
#[derive(Clone, Debug)]
struct Key {
    bus: Bus,
    subject: String,
    ttl: Duration,
}

/// Below what JSON's numbers hold exactly, with room to count on.
const FIRST_SEQUENCE_MAX: u64 = 1 << 52;
/// The stream is not there.
const STREAM_NOT_FOUND: u64 = 10059;

impl Key {
    /// Reads it; makes the stream when it is not there (it goes with the server's memory).
    async fn read(&self) -> Result<Option<Entry>, ApiError> {
        let read = jetstream::last_message(&self.bus, LEASE_STREAM, &self.subject).await;
        let stored = match read {
            Err(ApiError::Server {
                code: STREAM_NOT_FOUND,
                ..
            }) => {
                self.create_stream().await?;
                None
            }
            other => other?,
        };
        Ok(stored.map(|stored| Entry {
            revision: stored.sequence,
            nonce: if stored.is_marker() {
                None
            } else {
                // A value that nobody can read is somebody's: it expires.
                let record = lab_wire::decode::<LeaseRecord>(&stored.body);
                Some(record.map_or_else(|_| String::new(), |record| record.nonce))
            },
        }))
    }

    async fn create_stream(&self) -> Result<(), ApiError> {
        // `None`: another candidate was faster.
        let created = jetstream::create_stream(&self.bus, &self.stream_config()).await?;
        let ignored = created.unwrap_or_default();
        if !ignored.is_empty() {
            tracing::error!(?ignored, "nats-server ignores settings of the lease");
        }
        Ok(())
    }

    /// Writes it with a fresh age.
    async fn write(&self, record: &LeaseRecord, expected: u64) -> Result<u64, ApiError> {
        let ttl = ("Nats-TTL".to_owned(), format!("{}s", self.ttl.as_secs()));
        let headers = Headers::from([expect(expected), ttl]);
        let body = lab_wire::encode(record, Encoding::MessagePack).into();
        self.publish(headers, body).await
    }

    /// Gives it back.
    async fn release(&self, expected: u64) -> Result<u64, ApiError> {
        let operation = ("KV-Operation".to_owned(), "DEL".to_owned());
        let headers = Headers::from([expect(expected), operation]);
        self.publish(headers, bytes::Bytes::new()).await
    }

    async fn publish(&self, headers: Headers, body: bytes::Bytes) -> Result<u64, ApiError> {
        let subject = self.subject.clone();
        let ack = jetstream::publish(&self.bus, subject, headers, body, self.ttl / 4).await?;
        let ack = ack.ok_or_else(|| ApiError::Unreadable("no acknowledgement".into()))?;
        Ok(ack.sequence)
    }

    /// A bucket of its own, in memory: a lease need not outlive the server, and renewing it writes
    /// nothing to the disk of an idle lab.
    fn stream_config(&self) -> serde_json::Value {
        let ttl_ns = u64::try_from(self.ttl.as_nanos()).unwrap_or(u64::MAX);
        json!({
            "name": LEASE_STREAM,
            "description": "who leads; entries expire",
            "subjects": [format!("{LEASE_PREFIX}>")],
            "retention": "limits",
            "storage": "memory",
            "max_msgs_per_subject": 1,
            "max_bytes": 1 << 20,
            "discard": "old",
            "allow_msg_ttl": true,
            "allow_rollup_hdrs": true,
            "subject_delete_marker_ttl": ttl_ns,
            "allow_direct": false,
            // A stream made anew must not count through the same revisions again: a leader from
            // before would take the new leader's lease for its own.
            "first_seq": rand::random_range(1..FIRST_SEQUENCE_MAX),
        })
    }
}
