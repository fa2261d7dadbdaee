//! For how long the agent may run exclusive tasks: until so long after the last sign of life that a
//! leader has answered.
//!
//! Counted from when the sign of life was *sent*, on a clock that goes on while the machine is
//! suspended: the leader has heard it later than that, so it waits for longer than the agent,
//! whatever the messages took on their way. A leader that only speaks, and does not hear, gives no
//! lease.

use lab_types::{BeatAnswer, DurationMs, Fence, UnixMillis};

use super::AgentCore;
use crate::diff::Lease as View;
use crate::fence::may_ask;

#[derive(Clone, Debug, Default)]
pub(super) struct Lease {
    /// What the clock reads that counts suspend, and the wall clock at the same moment.
    uptime: DurationMs,
    wall: UnixMillis,
    /// Until when the last answer lets exclusive tasks run.
    until: Option<DurationMs>,
    is_held: bool,
}

impl Lease {
    /// The clocks read this now; says whether the lease has just ended.
    fn tick(&mut self, uptime: DurationMs, now: UnixMillis) -> bool {
        self.uptime = self.uptime.max(uptime);
        self.wall = now;
        let ends = self.is_held && self.until.is_none_or(|until| until <= self.uptime);
        self.is_held &= !ends;
        ends
    }

    /// An earlier life of the agent was answered until then.
    fn resume(&mut self, until: DurationMs) {
        self.until = Some(until);
        self.is_held = until > self.uptime;
    }

    /// A sign of life was answered; says whether the lease has just begun.
    fn answered(&mut self, sent_at: DurationMs, answer: &BeatAnswer, accepted: Fence) -> bool {
        let until = DurationMs(sent_at.0.saturating_add(answer.lease.0));
        if until <= self.uptime || !may_ask(accepted, answer.leader) {
            return false;
        }
        if self.is_held {
            self.until = self.until.max(Some(until));
            return false;
        }
        // What was stopped may have been replaced: only the newest assignment says whether it goes on.
        self.is_held = answer.assigned <= accepted;
        if self.is_held {
            self.until = Some(until);
        }
        self.is_held
    }

    pub(super) fn view(&self) -> View {
        match (self.is_held, self.until) {
            (true, _) => View::Held,
            (false, Some(until)) => View::Lost {
                ago: DurationMs(self.uptime.0.saturating_sub(until.0)),
            },
            (false, None) => View::Lost {
                ago: DurationMs(u64::MAX),
            },
        }
    }

    /// When it ends, by the wall clock as it is now.
    pub(super) fn ends_at(&self) -> Option<UnixMillis> {
        let until = self.until.filter(|_| self.is_held)?;
        let left = until.0.saturating_sub(self.uptime.0);
        Some(self.wall.plus(DurationMs(left)))
    }
}

impl AgentCore {
    /// What the clocks read: the one that never goes back and counts suspend, and the wall clock. To
    /// be told before anything else that happens.
    pub fn on_clock(&mut self, uptime: DurationMs, now: UnixMillis) {
        #[cfg(feature = "planted-bugs")]
        if self.bug == Some(crate::planted::PlantedBug::IgnoresLease) && self.lease.is_held {
            return;
        }
        self.undecided |= self.lease.tick(uptime, now);
    }

    /// An earlier life of this agent, since the machine booted, was answered so that exclusive tasks
    /// may run until `until` by the clock that counts suspend.
    pub fn resume_lease(&mut self, until: DurationMs) {
        self.lease.resume(until);
    }

    /// Until when exclusive tasks may run; for the next life of this agent.
    #[must_use]
    pub const fn lease_until(&self) -> Option<DurationMs> {
        self.lease.until
    }

    /// Whether the next sign of life should ask for an answer: there are tasks that may only run with
    /// one.
    #[must_use]
    pub fn wants_answer(&self) -> bool {
        let mut tasks = self.ledger.assignment.tasks.values();
        tasks.any(|task| !task.guard.is_free())
    }

    /// Whether there are such tasks, and they may not run.
    #[must_use]
    pub fn lacks_lease(&self) -> bool {
        !self.lease.is_held && self.wants_answer()
    }

    /// The leader answered a sign of life that was sent at `sent_at` by the clock that counts suspend.
    pub fn on_beat_answer(&mut self, sent_at: DurationMs, answer: &BeatAnswer) {
        let accepted = self.ledger.accepted();
        self.undecided |= self.lease.answered(sent_at, answer, accepted);
    }
}
