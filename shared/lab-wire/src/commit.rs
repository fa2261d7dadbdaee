//! The commit protocol as a decision: what to do on each answer, without doing it.
//!
//! ```text
//! Send ─┬─ acknowledged ─────────────────▶ Committed
//!       └─ anything else ─ ReadHead ─┬─ own nonce ───────▶ Committed
//!                                    ├─ the base: not yet ─ Send again
//!                                    └─ another ─────────▶ Deposed | Replaced
//! ```
//! A pass is sent again with the *same* content, nonce and expected revision, under a new batch id:
//! the compare-and-swap of the head lets one of all attempts through. Nothing new may be planned
//! until that revision is consumed, so [`Commit`] ends only when the outcome is known.

mod take_over;
#[cfg(test)]
mod tests;

pub use take_over::{TakeOver, TakeOverAnswer, TakeOverStep};

use lab_types::{DurationMs, Epoch, Incarnation, Pass, WriteTag};
use serde::{Deserialize, Serialize};

/// The key of the head record, the last message of every commit.
pub const HEAD_KEY: &str = "head.scheduler";

/// The most records (puts and removals) of one pass. NATS takes 1,000 messages a batch, and the head
/// is one of them; passes are kept at 900, which leaves room for outbox and answers.
pub const RECORDS_MAX: usize = 999;

/// How often in a row the same obstacle is met before a person should know.
const ALARM_AFTER: u32 = 3;

/// The record that fences the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Which life of the lab's state.
    pub incarnation: Incarnation,
    /// Which leader.
    pub epoch: Epoch,
    /// Which pass was committed last.
    pub pass: Pass,
    /// Made fresh for each pass: tells one's own commit from another's.
    pub nonce: String,
}

impl Head {
    /// The tag that records of this pass bear.
    #[must_use]
    pub const fn tag(&self) -> WriteTag {
        WriteTag {
            incarnation: self.incarnation,
            epoch: self.epoch,
            pass: self.pass,
        }
    }
}

/// The head as it stands in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadEntry {
    /// What it says.
    pub head: Head,
    /// Its sequence in the stream: what the next commit expects.
    pub revision: u64,
}

impl HeadEntry {
    /// The tag that the records of the next pass must bear.
    #[must_use]
    pub const fn next_tag(&self) -> WriteTag {
        WriteTag {
            incarnation: self.head.incarnation,
            epoch: self.head.epoch,
            pass: self.head.pass.next(),
        }
    }

    /// What a head found later means for one who knew this one.
    #[must_use]
    pub fn judge(&self, found: Option<HeadEntry>) -> Verdict {
        let Some(found) = found else {
            return Verdict::Replaced { found: None };
        };
        if found == *self {
            return Verdict::Unchanged;
        }
        let known = (self.head.incarnation, self.head.epoch);
        let order = (found.head.incarnation, found.head.epoch).cmp(&known);
        // Revisions and epochs only grow: whatever went back is another server's data.
        if found.revision > self.revision && order.is_ge() {
            Verdict::Deposed { found }
        } else {
            Verdict::Replaced { found: Some(found) }
        }
    }
}

/// What a head found later means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one that was known.
    Unchanged,
    /// Another leader went on from it.
    Deposed {
        /// What was found.
        found: HeadEntry,
    },
    /// The server's data are not those that were known: only recovery may go on.
    Replaced {
        /// What was found.
        found: Option<HeadEntry>,
    },
}

/// Why the server did not take a message or a batch. Source: nats-server's `errors.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 10071, 10164: the head's revision is not the expected one, or is being written.
    WrongRevision,
    /// 10176: messages of the batch are missing. Nothing was stored.
    Incomplete,
    /// 10210: the stream has too many open batches.
    TooManyBatches,
    /// 503 and others that pass: an election, a restart.
    Unavailable,
    /// Anything else; sending it again does not help.
    Permanent {
        /// The server's error code.
        code: u64,
        /// The server's words.
        text: String,
    },
}

impl Refusal {
    /// Reads the server's error: its status (503), its code (10071) and its words.
    #[must_use]
    pub fn of(status: u64, code: u64, text: &str) -> Self {
        /// The stream's or the server's byte limit is reached; told with status 503 as well.
        const FULL: [u64; 2] = [10047, 10077];
        match code {
            10071 | 10164 => Self::WrongRevision,
            10176 => Self::Incomplete,
            10210 => Self::TooManyBatches,
            _ if status == 503 && !FULL.contains(&code) => Self::Unavailable,
            _ => Self::Permanent {
                code,
                text: text.to_owned(),
            },
        }
    }
}

/// What came of a [`Step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The batch was acknowledged.
    Acknowledged {
        /// The head's new revision.
        sequence: u64,
        /// How many messages the server counted.
        count: u64,
    },
    /// The server refused the batch or its first message.
    Refused(Refusal),
    /// Time-out, disconnect, no responders: it may have been stored, or may still be.
    Unknown,
    /// The head, as the stream's leader has it.
    Head(Option<HeadEntry>),
    /// The head could not be read.
    HeadUnread,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send the pass under a fresh batch id.
    Send,
    /// Read the head.
    ReadHead {
        /// Not before this has passed.
        wait: DurationMs,
    },
    /// The outcome is known.
    Done(Outcome),
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The pass is durable; this is the new head.
    Committed(HeadEntry),
    /// Another leader has taken over: stop. Whether the pass was stored before is not known here;
    /// the other has seen it if so, and it will not be stored any more if not.
    Deposed {
        /// What was found.
        found: HeadEntry,
    },
    /// The server's data are not those this leader loaded: stop; only recovery may go on.
    Replaced {
        /// What was found.
        found: Option<HeadEntry>,
    },
    /// Nothing of it was stored, and it never will be: the pass itself is at fault, or the store is
    /// full.
    Refused {
        /// The server's error code.
        code: u64,
        /// The server's words.
        text: String,
    },
    /// The server acknowledged another number of messages than were sent: stop, and load again.
    Miscounted {
        /// How many were sent.
        sent: u64,
        /// How many the server counted.
        counted: u64,
    },
}

/// Something about the store that a person must look at; the commit goes on trying.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alarm {
    /// Batches are reported incomplete again and again: the disk or a limit.
    Incomplete {
        /// How often in a row.
        times: u32,
    },
    /// Commits get no answer while reads do: a full disk wedges the stream. Free space, then
    /// restart nats-server.
    Wedged {
        /// How many attempts in a row.
        attempts: u32,
    },
    /// The stream has too many open batches.
    TooManyBatches {
        /// How often in a row.
        times: u32,
    },
    /// The server refuses, and whether an earlier attempt was stored is not known.
    Refused {
        /// The server's words.
        text: String,
    },
}

/// Obstacles that were met, by kind.
#[derive(Clone, Copy, Debug, Default)]
struct Obstacles {
    unknown: u32,
    incomplete: u32,
    too_many: u32,
    refused: u32,
    unread: u32,
}

/// One pass on its way into the state.
#[derive(Clone, Debug)]
pub struct Commit {
    base: HeadEntry,
    next: Head,
    messages: u64,
    met: Obstacles,
    /// Whether an attempt ended without an answer: it may still be stored.
    uncertain: bool,
    /// A refusal that counts once the head shows that no attempt was stored.
    refused: Option<(u64, String)>,
    alarm: Option<Alarm>,
}

impl Commit {
    /// A pass of `records` records on top of `base`. `nonce` must never have been used before.
    #[must_use]
    pub fn new(base: HeadEntry, nonce: String, records: u64) -> Self {
        let WriteTag {
            incarnation,
            epoch,
            pass,
        } = base.next_tag();
        Self {
            base,
            next: Head {
                incarnation,
                epoch,
                pass,
                nonce,
            },
            messages: records.saturating_add(1),
            met: Obstacles::default(),
            uncertain: false,
            refused: None,
            alarm: None,
        }
    }

    /// What the last message of the batch says.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.next
    }

    /// The head's revision that the last message expects.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.base.revision
    }

    /// The first step, on the connection on which the base was last seen.
    #[must_use]
    pub const fn begin(&self) -> Step {
        Step::Send
    }

    /// The first step after a reconnect: another server's data may have the same revision.
    #[must_use]
    pub const fn begin_after_reconnect(&self) -> Step {
        READ_NOW
    }

    /// What a person should know now.
    #[must_use]
    pub const fn alarm(&self) -> Option<&Alarm> {
        self.alarm.as_ref()
    }

    /// Takes what came of the last step and says the next.
    pub fn on(&mut self, answer: Answer) -> Step {
        match answer {
            Answer::Acknowledged { sequence, count } => self.acknowledged(sequence, count),
            Answer::Refused(refusal) => self.refusal(refusal),
            Answer::Unknown => {
                self.uncertain = true;
                again(&mut self.met.unknown, SEND_WAIT_MAX)
            }
            Answer::HeadUnread => {
                count(&mut self.met.unread);
                Step::ReadHead {
                    wait: backoff(self.met.unread, READ_WAIT_MAX),
                }
            }
            Answer::Head(found) => {
                self.met.unread = 0;
                self.found(found)
            }
        }
    }

    fn acknowledged(&mut self, sequence: u64, counted: u64) -> Step {
        self.alarm = None;
        Step::Done(if counted == self.messages {
            Outcome::Committed(HeadEntry {
                head: self.next.clone(),
                revision: sequence,
            })
        } else {
            Outcome::Miscounted {
                sent: self.messages,
                counted,
            }
        })
    }

    fn refusal(&mut self, refusal: Refusal) -> Step {
        // The server answers, so whatever it is, it is not wedged.
        self.met.unknown = 0;
        match refusal {
            Refusal::WrongRevision | Refusal::Unavailable => {
                again(&mut self.met.refused, SEND_WAIT_MAX)
            }
            Refusal::Permanent { code, text } => {
                self.refused = Some((code, text));
                again(&mut self.met.refused, SEND_WAIT_MAX)
            }
            Refusal::Incomplete => {
                let step = again(&mut self.met.incomplete, SEND_WAIT_MAX);
                let times = self.met.incomplete;
                self.raise(times, Alarm::Incomplete { times });
                step
            }
            Refusal::TooManyBatches => {
                count(&mut self.met.too_many);
                let times = self.met.too_many;
                self.raise(times, Alarm::TooManyBatches { times });
                Step::ReadHead {
                    wait: backoff(times, BATCHES_WAIT_MAX),
                }
            }
        }
    }

    fn found(&mut self, found: Option<HeadEntry>) -> Step {
        if let Some(own) = found.as_ref().filter(|f| f.head.nonce == self.next.nonce) {
            self.alarm = None;
            return Step::Done(Outcome::Committed(own.clone()));
        }
        match self.base.judge(found) {
            Verdict::Unchanged => self.not_yet(),
            Verdict::Deposed { found } => Step::Done(Outcome::Deposed { found }),
            Verdict::Replaced { found } => Step::Done(Outcome::Replaced { found }),
        }
    }

    /// The base is still the head: no attempt has been stored *so far*.
    fn not_yet(&mut self) -> Step {
        if let Some((code, text)) = self.refused.take() {
            if !self.uncertain {
                return Step::Done(Outcome::Refused { code, text });
            }
            // An earlier attempt may yet be stored; only a consumed revision settles it.
            self.alarm = Some(Alarm::Refused { text });
        }
        let attempts = self.met.unknown;
        self.raise(attempts, Alarm::Wedged { attempts });
        Step::Send
    }

    fn raise(&mut self, times: u32, alarm: Alarm) {
        if times >= ALARM_AFTER {
            self.alarm = Some(alarm);
        }
    }
}

/// The first wait; a commit takes some 100 ms, so an attempt that was late has landed by then.
const WAIT_MIN: DurationMs = DurationMs(100);
/// The longest wait before the head is read again: a server restarts in a second.
const READ_WAIT_MAX: DurationMs = DurationMs(1_000);
/// The longest wait before the pass is sent again.
const SEND_WAIT_MAX: DurationMs = DurationMs(2_000);
/// The longest wait while there are too many open batches: the server gives up on an open batch
/// after ten seconds.
const BATCHES_WAIT_MAX: DurationMs = DurationMs(10_000);

const READ_NOW: Step = Step::ReadHead {
    wait: DurationMs(0),
};

const fn count(times: &mut u32) {
    *times = times.saturating_add(1);
}

/// Counts an obstacle: the first time the head is read at once, and later each time after that.
fn again(times: &mut u32, max: DurationMs) -> Step {
    count(times);
    match *times {
        1 => READ_NOW,
        times => Step::ReadHead {
            wait: backoff(times - 1, max),
        },
    }
}

/// Doubles from time to time (`times` counts from 1), up to `max`.
fn backoff(times: u32, max: DurationMs) -> DurationMs {
    let doublings = times.saturating_sub(1).min(16);
    DurationMs(WAIT_MIN.0 << doublings).min(max)
}
