//! A store that refuses: the leader goes on leading, reads only, and tries again.

use lab_types::{DurationMs, Event, Problem, UnixMillis, WriteTag};

use super::{LeaderCore, ServiceKey, Standing};
use crate::aside::Unread;
use crate::key::Key;
use crate::lab::Lab;
use crate::record::Record;

/// How long nothing is written after the store has refused a pass: a person who makes room need not
/// wait for it, and a full store is not pressed.
const REST: DurationMs = DurationMs::from_secs(5);

/// How many observed events are kept for the next try; older ones go first. A thousand nodes tell so
/// many in a minute of trouble.
const TOLD_MAX: usize = 20_000;

/// What was concluded with passes that are not committed, so that it can be taken back.
#[derive(Debug, Default)]
pub(super) struct Unconfirmed {
    pub(super) told: Vec<Event>,
    pub(super) converged: Vec<ServiceKey>,
}

/// A pass that the store refused: nothing of it was stored, and it never will be.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Why, for those who wait and for the notices.
    pub problem: Problem,
    /// The head as it stands.
    pub head: WriteTag,
    /// Every record of the state stream, read after the refusal.
    pub records: Vec<(Key, WriteTag, Record)>,
    /// Those that this version cannot read.
    pub unread: Vec<Unread>,
    /// The leader's clock.
    pub now: UnixMillis,
}

impl LeaderCore {
    /// The store refused the pass in flight. The lab is again as the store has it, everybody who waits
    /// is told why, and changes are refused for a while; then the next pass is the next try.
    pub fn on_refused(&mut self, refused: Refused) {
        let loaded = Lab::load(refused.records, refused.head);
        self.lab.desired = loaded.lab.desired;
        self.lab.set_aside(refused.unread);
        self.rewrite = loaded.rewrite;
        self.misfiled = loaded.misfiled;
        self.last_pass = refused.head.pass;
        self.queue.clear();
        self.in_flight = false;
        self.uncertain = false;
        self.unsettled.clear();
        self.inbox.clear();
        for (request, user) in std::mem::take(&mut self.waiting) {
            self.remembered.forget(&request);
            self.reply(&user, request, Err(refused.problem.clone()));
        }
        let Unconfirmed {
            mut told,
            converged,
        } = std::mem::take(&mut self.unconfirmed);
        told.append(&mut self.told);
        told.drain(..told.len().saturating_sub(TOLD_MAX));
        self.told = told;
        for service in &converged {
            self.lab.observed.converged.remove(service);
        }
        self.lab.observed.pending.clear();
        self.dirty = true;
        self.standing = Standing::ReadOnly(refused.problem.clone());
        self.doubt = Some(refused.problem);
        self.rest_until = Some(refused.now.plus(REST));
    }

    /// Why the store took no pass when it was last tried, until it takes one.
    #[must_use]
    pub fn doubt(&self) -> Option<&Problem> {
        self.doubt.as_ref()
    }

    /// The rest is over: whatever is to be written next is the next try.
    pub(super) fn try_again(&mut self, now: UnixMillis) {
        if self.rest_until.is_some_and(|until| until <= now) {
            self.rest_until = None;
            if let Standing::ReadOnly(_) = self.standing {
                self.standing = Standing::Leading;
            }
        }
    }
}
