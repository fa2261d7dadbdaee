//! The lease as a decision: what to do on each answer, without doing it.
//!
//! No wall clock of anybody is compared: the server counts the lease's age, and the holder stops at
//! nine tenths of it on a clock that counts suspend, from when it *sent* the renewal.

use std::time::Duration;

use lab_kit::clock::BootInstant;

/// The lease's key as the stream has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its sequence; the next write expects it.
    pub(super) revision: u64,
    /// The holding's nonce; `None` when the key was given back or has expired.
    pub(super) nonce: Option<String>,
}

/// What a candidate does about the key it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Campaign {
    /// Write it, if its revision is still the expected one (0: there is none).
    Take { expected: u64 },
    /// Another holds it: ask whether it answers.
    Probe {
        /// What to expect when it does not.
        revision: u64,
    },
    /// It is one's own: an earlier attempt whose acknowledgement was lost.
    Own { revision: u64 },
}

/// Decides what a candidate with this nonce does.
pub(super) fn campaign(found: Option<&Entry>, nonce: &str) -> Campaign {
    match found {
        None => Campaign::Take { expected: 0 },
        Some(Entry {
            revision,
            nonce: None,
        }) => Campaign::Take {
            expected: *revision,
        },
        Some(Entry {
            revision,
            nonce: Some(other),
        }) => {
            let revision = *revision;
            if other == nonce {
                Campaign::Own { revision }
            } else {
                Campaign::Probe { revision }
            }
        }
    }
}

/// What came of a renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was stored.
    Renewed { revision: u64 },
    /// It was refused, or its outcome is not known, or the stream is not there.
    Unsettled,
    /// The key as it stands.
    Found(Option<Entry>),
    /// The key could not be read.
    Unread,
}

/// What the holder does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing until then.
    Wait(BootInstant),
    /// Write the key with a fresh age, if its revision is still the expected one.
    Renew { expected: u64 },
    /// Read the key.
    Read,
    /// Stop acting: it is lost.
    Stop(Loss),
}

/// Why a lease is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It was not renewed in time.
    Expired,
    /// Another holds it.
    Taken,
    /// It was given back.
    Released,
}

/// A lease that is held.
#[derive(Clone, Debug)]
pub(super) struct Held {
    ttl: Duration,
    nonce: String,
    revision: u64,
    deadline: BootInstant,
    /// When the next renewal is to be sent; `None` for at once.
    due: Option<BootInstant>,
    /// When the last renewal was sent.
    sent: BootInstant,
    /// When the first of those renewals was sent whose outcome is not known.
    unsettled_since: Option<BootInstant>,
    reading: bool,
}

impl Held {
    /// Held since a write that was sent at `sent` and stored as `revision`.
    pub(super) fn new(ttl: Duration, nonce: String, revision: u64, sent: BootInstant) -> Self {
        Self {
            deadline: safe_until(sent, ttl),
            due: Some(sent.plus(ttl / 4)),
            ttl,
            nonce,
            revision,
            sent,
            unsettled_since: None,
            reading: false,
        }
    }

    /// Until when the holder may act.
    pub(super) const fn deadline(&self) -> BootInstant {
        self.deadline
    }

    /// What a release expects.
    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    /// How long a renewal may take: a quarter, so that three fit before the deadline.
    pub(super) fn patience(&self) -> Duration {
        self.ttl / 4
    }

    /// What to do at `now`.
    pub(super) fn next(&mut self, now: BootInstant) -> Next {
        if now >= self.deadline {
            return Next::Stop(Loss::Expired);
        }
        if self.reading {
            return Next::Read;
        }
        match self.due {
            Some(due) if now < due => Next::Wait(due.min(self.deadline)),
            Some(_) | None => {
                self.sent = now;
                self.unsettled_since.get_or_insert(now);
                Next::Renew {
                    expected: self.revision,
                }
            }
        }
    }

    /// Takes what came of the last step; `Some` when it is lost.
    pub(super) fn on(&mut self, answer: Answer) -> Option<Loss> {
        match answer {
            Answer::Renewed { revision } => self.renewed(revision, self.sent),
            Answer::Unsettled | Answer::Unread => self.reading = true,
            Answer::Found(None) => self.again(0),
            Answer::Found(Some(Entry { revision, nonce })) => match nonce {
                // Expired, or wiped with the server's memory, and nobody has taken it since.
                None => self.again(revision),
                Some(nonce) if nonce == self.nonce => match self.unsettled_since {
                    // One of the unsettled renewals was stored; the first is the safe guess.
                    Some(first) if revision > self.revision => self.renewed(revision, first),
                    Some(_) | None => self.again(revision),
                },
                Some(_) => return Some(Loss::Taken),
            },
        }
        None
    }

    fn renewed(&mut self, revision: u64, sent: BootInstant) {
        self.revision = revision;
        self.deadline = self.deadline.max(safe_until(sent, self.ttl));
        self.due = Some(sent.plus(self.patience()));
        self.unsettled_since = None;
        self.reading = false;
    }

    /// Renews at once on top of `revision`.
    fn again(&mut self, revision: u64) {
        self.revision = revision;
        self.due = None;
        self.reading = false;
    }
}

/// Nine tenths of its length after the write was sent: the server counts from when it arrived.
fn safe_until(sent: BootInstant, ttl: Duration) -> BootInstant {
    sent.plus(ttl * 9 / 10)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lab_kit::clock::BootInstant;

    use super::{Answer, Campaign, Entry, Held, Loss, Next, campaign};

    const TTL: Duration = Duration::from_secs(4);

    fn entry(revision: u64, nonce: Option<&str>) -> Entry {
        Entry {
            revision,
            nonce: nonce.map(str::to_owned),
        }
    }

    /// A lease just taken, and the instant `ms` milliseconds after that.
    fn held() -> (Held, impl Fn(u64) -> BootInstant) {
        let start = BootInstant::now();
        let held = Held::new(TTL, "mine".into(), 5, start);
        (held, move |ms| start.plus(Duration::from_millis(ms)))
    }

    #[test]
    fn a_candidate_takes_what_is_free_and_asks_after_what_is_not() {
        assert_eq!(campaign(None, "mine"), Campaign::Take { expected: 0 });
        let free = entry(7, None);
        assert_eq!(
            campaign(Some(&free), "mine"),
            Campaign::Take { expected: 7 }
        );
        let other = entry(7, Some("other"));
        let probe = Campaign::Probe { revision: 7 };
        assert_eq!(campaign(Some(&other), "mine"), probe);
        let own = entry(7, Some("mine"));
        assert_eq!(campaign(Some(&own), "mine"), Campaign::Own { revision: 7 });
    }

    #[test]
    fn it_is_renewed_at_a_quarter_and_the_deadline_counts_from_the_sending() {
        let (mut held, at) = held();
        assert_eq!(held.next(at(10)), Next::Wait(at(1000)));
        assert_eq!(held.next(at(1100)), Next::Renew { expected: 5 });
        assert_eq!(held.on(Answer::Renewed { revision: 6 }), None);
        assert_eq!(held.deadline(), at(1100 + 3600));
        assert_eq!(held.next(at(1200)), Next::Wait(at(2100)));
    }

    #[test]
    fn without_a_renewal_it_stops_at_nine_tenths() {
        let (mut held, at) = held();
        assert_eq!(held.next(at(1000)), Next::Renew { expected: 5 });
        held.on(Answer::Unsettled);
        assert_eq!(held.next(at(3599)), Next::Read);
        held.on(Answer::Unread);
        assert_eq!(held.next(at(3600)), Next::Stop(Loss::Expired));
    }

    #[test]
    fn a_lost_acknowledgement_is_found_by_reading_and_counts_from_the_first_attempt() {
        let (mut held, at) = held();
        held.next(at(1000));
        held.on(Answer::Unsettled);
        held.on(Answer::Found(Some(entry(5, Some("mine")))));
        assert_eq!(held.next(at(2000)), Next::Renew { expected: 5 });
        held.on(Answer::Unsettled);
        held.on(Answer::Found(Some(entry(9, Some("mine")))));
        assert_eq!(held.deadline(), at(1000 + 3600));
        assert_eq!(held.revision(), 9);
    }

    #[test]
    fn another_holder_ends_it_at_once() {
        let (mut held, at) = held();
        held.next(at(1000));
        held.on(Answer::Unsettled);
        let found = Answer::Found(Some(entry(6, Some("other"))));
        assert_eq!(held.on(found), Some(Loss::Taken));
    }

    #[test]
    fn a_key_that_vanished_with_the_servers_memory_is_written_again_at_once() {
        for (found, expected) in [(None, 0), (Some(entry(8, None)), 8)] {
            let (mut held, at) = held();
            held.next(at(1000));
            held.on(Answer::Unsettled);
            assert_eq!(held.on(Answer::Found(found)), None);
            assert_eq!(held.next(at(1001)), Next::Renew { expected });
        }
    }
}
