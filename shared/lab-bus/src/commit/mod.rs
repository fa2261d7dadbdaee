//! The desired state in its stream: the executor of [`lab_wire::commit`].
//!
//! Every decision is made there; this only sends, waits and reads.

mod batch;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use lab_types::Problem;
use lab_wire::commit::{
    Alarm, Answer, Commit, HEAD_KEY, Head, HeadEntry, Outcome, RECORDS_MAX, Step, TakeOver,
    TakeOverAnswer, TakeOverStep, Verdict,
};
use lab_wire::subject::{STATE_PREFIX, STATE_STREAM, state_key};
use serde_json::json;
use tokio::sync::watch;

use crate::bus::{Bus, ConnectionStatus, Headers};
use crate::jetstream::{self, ApiError};
use crate::reader::Reader;
use crate::server::{VERSION_MIN, Version};

/// The lowest API level with atomic batches. Source: NATS ADR-50.
const API_LEVEL_MIN: u64 = 2;
/// How long loading may wait for the next message: a consumer that lost its server is made anew in
/// some seconds.
const LOAD_IDLE_MAX: Duration = Duration::from_secs(20);
/// Random bytes of a nonce: as many as a UUID has.
const NONCE_BYTES: usize = 16;

/// How the state is kept in its stream. Raised by a version whose stream an older one would spoil.
const FORMAT: u32 = 1;
/// Under which name the stream tells it.
const FORMAT_KEY: &str = "tercio_format";

/// Limits of the state stream.
#[derive(Clone, Copy, Debug)]
pub struct StoreLimits {
    /// How many bytes the stream may take on disk.
    pub bytes_max: u64,
    /// How many nats-servers keep it: 1, 3 or 5.
    pub replicas: u8,
}

impl Default for StoreLimits {
    /// 1 GiB on one server: 50,000 tasks on 1,000 nodes are some 10 MB of records.
    fn default() -> Self {
        Self {
            bytes_max: 1 << 30,
            replicas: 1,
        }
    }
}

/// What one pass writes. The head is made by [`StateStore::commit`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassWrites {
    /// Keys with their new values.
    pub puts: Vec<(String, Vec<u8>)>,
    /// Keys that go.
    pub removes: Vec<String>,
}

/// Everything in the state.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The head.
    pub head: HeadEntry,
    /// Every key but the head's with its value, in the order of writing.
    pub records: Vec<(String, Vec<u8>)>,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The server lacks what the protocol needs.
    #[error("this nats-server cannot keep the state: {0}")]
    Unsuitable(String),
    /// The server did not answer, or refused.
    #[error("the state stream cannot be reached: {0}")]
    Unreachable(String),
    /// A later version keeps the state in a way that this one does not know: it is left alone.
    #[error("the state is kept in format {found}, and this version knows up to {FORMAT}")]
    Newer {
        /// The format that was found.
        found: u32,
    },
    /// What stands under the head's key is not a head.
    #[error("the head record cannot be read: {0}")]
    BadHead(String),
}

impl StoreError {
    fn of(error: &ApiError) -> Self {
        Self::Unreachable(error.to_string())
    }

    /// The same for a person, with a code and what to do next.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (code, help) = match self {
            Self::Unsuitable(_) => (
                "NAT0005",
                "let Tercio start its own nats-server, or set up the one in use as ops/nats says",
            ),
            Self::Unreachable(_) => ("BUS0020", "check that nats-server runs; it is tried again"),
            Self::Newer { .. } => (
                "BUS0019",
                "another scheduler is of a later version: update this one; it stands by until then",
            ),
            Self::BadHead(_) => (
                "BUS0021",
                "the state was written by another program or a newer version; restore a backup",
            ),
        };
        Problem::new(code, self.to_string()).help(help)
    }
}

/// Why the state was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The head is no longer the one of the take-over.
    #[error("another leader has taken over")]
    Deposed {
        /// What was found.
        found: Option<HeadEntry>,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a pass cannot be sent at all; nothing was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// It has too many records.
    #[error("a pass of {count} records does not fit one batch of at most {max}")]
    TooManyRecords {
        /// How many.
        count: usize,
        /// How many may be.
        max: usize,
    },
    /// A record is larger than the server takes.
    #[error("the record {key} is too large: {bytes} bytes, and {max} fit")]
    TooLarge {
        /// Which.
        key: String,
        /// How large.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
}

/// The state stream. Only the scheduler's leader writes through it. Clones share it.
#[derive(Clone, Debug)]
pub struct StateStore {
    bus: Bus,
    alarm: Arc<watch::Sender<Option<Alarm>>>,
    /// The connection on which the head was last seen as it should be. After another one has taken
    /// its place the data behind it may be other data, with the same revision.
    seen_on: Arc<watch::Sender<ConnectionStatus>>,
}

impl StateStore {
    /// Checks the server, creates or updates the stream, and checks what the server made of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(bus: &Bus, limits: StoreLimits) -> Result<Self, StoreError> {
        let version = bus.server_version();
        match Version::parse(&version) {
            Some(found) if found >= VERSION_MIN => {}
            _ => {
                return Err(StoreError::Unsuitable(format!(
                    "it is version {version:?}, and {VERSION_MIN} or newer is needed"
                )));
            }
        }
        let level = jetstream::api_level(bus).await;
        let level = level.map_err(|error| StoreError::of(&error))?;
        if level < API_LEVEL_MIN {
            return Err(StoreError::Unsuitable(format!(
                "its JetStream API has level {level}, and {API_LEVEL_MIN} is needed"
            )));
        }
        let found = jetstream::stream_config(bus, STATE_STREAM).await;
        if let Some(found) = found.map_err(|error| StoreError::of(&error))? {
            let format = &found["metadata"][FORMAT_KEY];
            let format = format.as_str().and_then(|format| format.parse().ok());
            if let Some(found) = format.filter(|format| *format > FORMAT) {
                return Err(StoreError::Newer { found });
            }
        }
        let config = stream_config(limits);
        let ignored = jetstream::ensure_stream(bus, &config).await;
        let ignored = ignored.map_err(|error| StoreError::of(&error))?;
        if !ignored.is_empty() {
            return Err(StoreError::Unsuitable(format!(
                "it does not take over these settings of the stream {STATE_STREAM}: {}",
                ignored.join(", ")
            )));
        }
        Ok(Self {
            bus: bus.clone(),
            alarm: Arc::new(watch::Sender::new(None)),
            seen_on: Arc::new(watch::Sender::new(ConnectionStatus::Disconnected)),
        })
    }

    /// The head as the stream's leader has it; `None` in an empty state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_head(&self) -> Result<Option<HeadEntry>, StoreError> {
        let subject = state_key(HEAD_KEY);
        let stored = jetstream::last_message(&self.bus, STATE_STREAM, subject.as_str()).await;
        let Some(stored) = stored.map_err(|error| StoreError::of(&error))? else {
            return Ok(None);
        };
        Ok(Some(HeadEntry {
            head: read_head_body(&stored.body)?,
            revision: stored.sequence,
        }))
    }

    /// Compares the head with the last known one: after every reconnect, so that a leader that has
    /// nothing to commit notices as well. [`commit`](Self::commit) does so by itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn check(&self, known: &HeadEntry) -> Result<Verdict, StoreError> {
        let connection = self.connection();
        let verdict = known.judge(self.read_head().await?);
        if verdict == Verdict::Unchanged {
            self.seen_on.send_replace(connection);
        }
        Ok(verdict)
    }

    /// Takes over by one compare-and-swap of the head: next epoch, same pass. Repeats until it has
    /// won; drop it when the lease is lost, and check the lease again afterwards.
    ///
    /// # Errors
    /// [`StoreError::BadHead`] when what stands there is not a head.
    pub async fn take_over(&self) -> Result<HeadEntry, StoreError> {
        let mut taking = TakeOver::new(fresh_nonce());
        let mut step = taking.begin();
        let mut seen = ConnectionStatus::Disconnected;
        loop {
            let connection = self.connection();
            let answer = match step {
                TakeOverStep::Won(head) => {
                    self.seen_on.send_replace(seen);
                    return Ok(head);
                }
                TakeOverStep::ReadHead { wait } => {
                    tokio::time::sleep(wait.as_std()).await;
                    match self.read_head().await {
                        Ok(found) => TakeOverAnswer::Head(found),
                        Err(StoreError::BadHead(text)) => return Err(StoreError::BadHead(text)),
                        Err(_) => TakeOverAnswer::HeadUnread,
                    }
                }
                TakeOverStep::Swap { head, expected } => self.swap_head(&head, expected).await,
            };
            if taking.failures() > 0 {
                tracing::warn!(
                    failures = taking.failures(),
                    ?answer,
                    "take-over is tried again"
                );
            }
            step = taking.on(answer);
            seen = connection;
        }
    }

    async fn swap_head(&self, head: &Head, expected: u64) -> TakeOverAnswer {
        let headers = Headers::from([jetstream::expect(expected)]);
        let subject = state_key(HEAD_KEY).into();
        let body = lab_wire::encode(head, lab_wire::Encoding::MessagePack).into();
        let timeout = batch::COMMIT_TIMEOUT;
        match jetstream::publish(&self.bus, subject, headers, body, timeout).await {
            Ok(Some(ack)) => TakeOverAnswer::Acknowledged {
                sequence: ack.sequence,
            },
            Ok(None) => TakeOverAnswer::Unknown,
            Err(error) => match error.refusal() {
                Some(refusal) => TakeOverAnswer::Refused(refusal),
                None => TakeOverAnswer::Unknown,
            },
        }
    }

    /// Loads everything, as of `head` (the one the take-over returned). Records with a tag above the
    /// head's, which only a torn pass leaves, are among them: write them again with the first pass.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load_all(&self, head: &HeadEntry) -> Result<Loaded, LoadError> {
        let unreachable = |error: String| LoadError::Store(StoreError::Unreachable(error));
        let all = format!("{STATE_PREFIX}>");
        let reader = Reader::open(&self.bus, STATE_STREAM, &all, DeliverPolicy::All);
        let mut reader = reader.await.map_err(unreachable)?;
        let mut pending = reader.pending;
        let mut records = Vec::new();
        let mut found = None;
        while pending > 0 {
            let read = tokio::time::timeout(LOAD_IDLE_MAX, reader.next());
            let read = read.await.unwrap_or_else(|_| Err("it fell silent".into()));
            let read = read.map_err(unreachable)?;
            pending = read.pending;
            let key = read.subject.strip_prefix(STATE_PREFIX).unwrap_or_default();
            if key == HEAD_KEY {
                found = Some(HeadEntry {
                    head: read_head_body(&read.body)?,
                    revision: read.sequence,
                });
            } else if !batch::is_removal(&read.headers) {
                records.push((key.to_owned(), read.body.to_vec()));
            }
        }
        // The head is the last message of every commit, and the take-over was the last commit.
        match found {
            Some(found) if found == *head => Ok(Loaded {
                head: found,
                records,
            }),
            found => Err(LoadError::Deposed { found }),
        }
    }

    /// Commits one pass on top of `head`. Goes on until the outcome is known; drop it only when you
    /// stop leading, since what is under way may still be stored.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn commit(
        &self,
        head: &HeadEntry,
        writes: &PassWrites,
    ) -> Result<Outcome, CommitError> {
        let count = writes.puts.len() + writes.removes.len();
        if count > RECORDS_MAX {
            let max = RECORDS_MAX;
            return Err(CommitError::TooManyRecords { count, max });
        }
        let batch = batch::Batch::new(&self.bus, writes)?;
        let records = u64::try_from(count).unwrap_or(u64::MAX);
        let mut commit = Commit::new(head.clone(), fresh_nonce(), records);
        let mut step = commit.begin();
        loop {
            let connection = self.connection();
            let answer = match step {
                Step::Done(outcome) => return Ok(outcome),
                Step::Send if *self.seen_on.borrow() != connection => {
                    step = commit.begin_after_reconnect();
                    continue;
                }
                Step::Send => batch.send(commit.head(), commit.expected()).await,
                Step::ReadHead { wait } => {
                    tokio::time::sleep(wait.as_std()).await;
                    let read = self.read_head().await;
                    read.map_or(Answer::HeadUnread, Answer::Head)
                }
            };
            match &answer {
                Answer::Acknowledged { .. } | Answer::Head(_) => {
                    self.seen_on.send_replace(connection);
                }
                other => tracing::debug!(answer = ?other, pass = commit.head().pass.0, "commit"),
            }
            step = commit.on(answer);
            self.tell(commit.alarm());
        }
    }

    /// Which connection there is now: each has another beginning.
    fn connection(&self) -> ConnectionStatus {
        *self.bus.status().borrow()
    }

    fn tell(&self, alarm: Option<&Alarm>) {
        self.alarm.send_if_modified(|told| {
            let news = told.as_ref() != alarm;
            if news {
                match alarm {
                    Some(alarm) => tracing::error!(?alarm, "the state store needs attention"),
                    None => tracing::info!("the state store works again"),
                }
                *told = alarm.cloned();
            }
            news
        });
    }

    /// What is wrong with the store now, if anything: for notices and for a read-only mode.
    #[must_use]
    pub fn alarm(&self) -> watch::Receiver<Option<Alarm>> {
        self.alarm.subscribe()
    }
}

fn read_head_body(body: &[u8]) -> Result<Head, StoreError> {
    lab_wire::decode(body).map_err(|error| StoreError::BadHead(error.to_string()))
}

fn fresh_nonce() -> String {
    let random: [u8; NONCE_BYTES] = rand::random();
    lab_types::ids::id_text(&random)
}

/// The shape of a key-value bucket of history 1, with what the protocol needs.
fn stream_config(limits: StoreLimits) -> serde_json::Value {
    json!({
        "name": STATE_STREAM,
        "description": "the lab's desired state; written by the scheduler's leader alone",
        "subjects": [format!("{STATE_PREFIX}>")],
        "retention": "limits",
        "storage": "file",
        "num_replicas": limits.replicas,
        "max_msgs_per_subject": 1,
        "max_bytes": limits.bytes_max,
        // A full stream refuses a pass; the other policy would drop the oldest records.
        "discard": "new",
        "allow_atomic": true,
        "allow_msg_ttl": true,
        // Reads come from the stream's leader: another replica may be behind.
        "allow_direct": false,
        "deny_delete": true,
        "metadata": { FORMAT_KEY: FORMAT.to_string() },
    })
}
