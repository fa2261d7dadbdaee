//! Taking over: one compare-and-swap of the head alone.

use lab_types::{DurationMs, Epoch, Incarnation, Pass};

use super::{Head, HeadEntry, READ_WAIT_MAX, Refusal, backoff};

/// What came of a [`TakeOverStep`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeOverAnswer {
    /// The swap was acknowledged.
    Acknowledged {
        /// The head's new revision.
        sequence: u64,
    },
    /// The server refused it.
    Refused(Refusal),
    /// It may have been stored, or may still be.
    Unknown,
    /// The head, as the stream's leader has it.
    Head(Option<HeadEntry>),
    /// The head could not be read.
    HeadUnread,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeOverStep {
    /// Read the head.
    ReadHead {
        /// Not before this has passed.
        wait: DurationMs,
    },
    /// Write this head if its revision is still the expected one (0: there is none).
    Swap {
        /// The new head.
        head: Head,
        /// The expected revision.
        expected: u64,
    },
    /// This one leads now; *then* read the state.
    Won(HeadEntry),
}

/// One take-over: epoch + 1, same pass.
#[derive(Clone, Debug)]
pub struct TakeOver {
    nonce: String,
    swapping: Option<Head>,
    failures: u32,
}

impl TakeOver {
    /// `nonce` must never have been used before.
    #[must_use]
    pub const fn new(nonce: String) -> Self {
        Self {
            nonce,
            swapping: None,
            failures: 0,
        }
    }

    /// The first step.
    #[must_use]
    pub const fn begin(&self) -> TakeOverStep {
        TakeOverStep::ReadHead {
            wait: DurationMs(0),
        }
    }

    /// How often in a row it was refused or got no answer.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Takes what came of the last step and says the next.
    pub fn on(&mut self, answer: TakeOverAnswer) -> TakeOverStep {
        match answer {
            TakeOverAnswer::Acknowledged { sequence } => match self.swapping.take() {
                Some(head) => TakeOverStep::Won(HeadEntry {
                    head,
                    revision: sequence,
                }),
                None => self.begin(),
            },
            // Whoever wrote in between, or whether it was this one: the head tells.
            TakeOverAnswer::Refused(Refusal::WrongRevision) => self.begin(),
            TakeOverAnswer::Refused(_) | TakeOverAnswer::Unknown | TakeOverAnswer::HeadUnread => {
                self.failures = self.failures.saturating_add(1);
                TakeOverStep::ReadHead {
                    wait: backoff(self.failures, READ_WAIT_MAX),
                }
            }
            TakeOverAnswer::Head(Some(own)) if own.head.nonce == self.nonce => {
                TakeOverStep::Won(own)
            }
            TakeOverAnswer::Head(found) => self.swap(found),
        }
    }

    fn swap(&mut self, found: Option<HeadEntry>) -> TakeOverStep {
        let expected = found.as_ref().map_or(0, |found| found.revision);
        let (incarnation, epoch, pass) = match found {
            Some(found) => (
                found.head.incarnation,
                found.head.epoch.next(),
                found.head.pass,
            ),
            None => (Incarnation(1), Epoch(1), Pass(0)),
        };
        let head = Head {
            incarnation,
            epoch,
            pass,
            nonce: self.nonce.clone(),
        };
        self.swapping = Some(head.clone());
        TakeOverStep::Swap { head, expected }
    }
}
