//! A candidate for leadership: the shell around `LeaderCore`, the lease and the commit protocol.
//!
//! It takes the lease, takes the head over, reads the state, leads; and stops when its lease's safety
//! deadline has passed, when a renewal is refused, or when a commit says that another leads.

mod answers;
mod leading;

use std::collections::BTreeMap;

use lab_placement::LeaderCore;
use lab_placement::policy::Policy;
use lab_wire::commit::{HeadEntry, TakeOver, TakeOverStep};

use crate::context::{Context, Event, SchedulerTimer, clock};
use crate::message::{Actor, Call, Message};
use crate::queue::{MS, Micros, SECOND};
use crate::store::LEASE;
use leading::Leading;

/// How long a call may take.
const CALL_TIMEOUT: Micros = SECOND;

/// The candidate.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pub(crate) number: usize,
    pub(crate) is_up: bool,
    /// Standing still until this moment.
    pub(crate) hangs_until: Micros,
    /// Counts its processes.
    pub(crate) life: u32,
    /// Since when it believes to be connected.
    pub(crate) connected_since: Option<Micros>,
    skew_ms: i64,
    policy: Policy,
    seed: u64,
    lease: Option<Lease>,
    role: Role,
    calls: u64,
    open: BTreeMap<u64, Asked>,
    steps: u64,
}

#[derive(Debug)]
struct Lease {
    revision: u64,
    /// When it stops by itself: nine tenths of the lease after the last renewal was *sent*.
    deadline: Micros,
}

/// A call without an answer.
#[derive(Debug)]
struct Asked {
    sent_at: Micros,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Lease,
    TakeOver,
    Load,
    Commit,
    Publish,
}

#[derive(Debug)]
enum Role {
    /// Without the lease.
    Follower,
    /// Taking the head over; the step that waits to be taken.
    TakingOver(TakeOver, TakeOverStep),
    /// Reading the state on top of this head.
    Loading(HeadEntry),
    Leading(Box<Leading>),
}

impl Scheduler {
    pub(crate) fn new(number: usize, policy: Policy, seed: u64, skew_ms: i64) -> Self {
        Self {
            number,
            is_up: false,
            hangs_until: 0,
            life: 0,
            connected_since: None,
            skew_ms,
            policy,
            seed,
            lease: None,
            role: Role::Follower,
            calls: 0,
            open: BTreeMap::new(),
            steps: 0,
        }
    }

    pub(crate) const fn actor(&self) -> Actor {
        Actor::Scheduler(self.number)
    }

    /// Whether it believes to hold the lease at this moment.
    pub(crate) fn holds_lease(&self, now: Micros) -> bool {
        self.lease
            .as_ref()
            .is_some_and(|lease| lease.deadline > now)
    }

    /// Its core, while it leads.
    pub(crate) fn core(&self) -> Option<&LeaderCore> {
        match &self.role {
            Role::Leading(leading) => Some(&leading.core),
            Role::Follower | Role::TakingOver(..) | Role::Loading(_) => None,
        }
    }

    /// Whether nothing of its passes is on the way.
    pub(crate) fn is_idle(&self) -> bool {
        match &self.role {
            Role::Leading(leading) => leading.is_idle(),
            Role::Follower | Role::TakingOver(..) | Role::Loading(_) => false,
        }
    }

    /// Its process starts.
    pub(crate) fn start(&mut self, cx: &mut Context<'_>) {
        self.is_up = true;
        self.life += 1;
        self.connected_since = Some(cx.now);
        self.reset();
        let delay = cx.rng.between(10 * MS, 400 * MS);
        self.timer(delay, SchedulerTimer::Campaign, cx);
    }

    /// Its process is killed: whatever it had in memory is gone.
    pub(crate) fn kill(&mut self) {
        self.is_up = false;
        self.life += 1;
        self.reset();
    }

    fn reset(&mut self) {
        self.lease = None;
        self.role = Role::Follower;
        self.open.clear();
    }

    fn timer(&self, delay: Micros, timer: SchedulerTimer, cx: &mut Context<'_>) {
        let (number, life) = (self.number, self.life);
        cx.after(
            delay,
            Event::Scheduler {
                number,
                life,
                timer,
            },
        );
    }

    fn call(&mut self, why: Why, call: Call, cx: &mut Context<'_>) {
        // Numbers differ between lives, so that an answer for a dead process is not taken.
        self.calls += 1;
        let number = u64::from(self.life) << 32 | self.calls;
        self.open.insert(
            number,
            Asked {
                sent_at: cx.now,
                why,
            },
        );
        let message = Message::Call {
            from: self.number,
            number,
            call: Box::new(call),
        };
        cx.send(self.actor(), Actor::Store, message);
        self.timer(CALL_TIMEOUT, SchedulerTimer::Unanswered(number), cx);
    }

    /// The bus was away from it and is back, or the reverse, and it has noticed.
    pub(crate) fn on_connection(&mut self, is_connected: bool, cx: &mut Context<'_>) {
        let now = clock(cx.now, self.skew_ms);
        self.connected_since = is_connected.then_some(cx.now);
        if let Role::Leading(leading) = &mut self.role {
            if is_connected {
                leading.core.on_connected(now);
            } else {
                leading.core.on_disconnected();
            }
        }
    }

    pub(crate) fn on_timer(&mut self, timer: &SchedulerTimer, cx: &mut Context<'_>) {
        self.check_deadline(cx);
        match timer {
            SchedulerTimer::Campaign => {
                if self.lease.is_none() && !self.open.values().any(|asked| asked.why == Why::Lease)
                {
                    self.call(Why::Lease, Call::TakeLease, cx);
                }
            }
            SchedulerTimer::Renew => {
                if let Some(lease) = &self.lease {
                    let revision = lease.revision;
                    self.call(Why::Lease, Call::RenewLease { revision }, cx);
                    self.timer(LEASE / 4, SchedulerTimer::Renew, cx);
                }
            }
            SchedulerTimer::Step(step) if *step == self.steps => self.take_step(cx),
            SchedulerTimer::Step(_) => {}
            SchedulerTimer::Unanswered(number) => {
                if let Some(asked) = self.open.remove(number) {
                    self.unanswered(asked.why, cx);
                }
            }
            SchedulerTimer::Wake => {}
        }
        self.work(cx);
    }

    fn check_deadline(&mut self, cx: &mut Context<'_>) {
        if self
            .lease
            .as_ref()
            .is_some_and(|lease| lease.deadline <= cx.now)
        {
            cx.note(format_args!(
                "s{} is past its lease's deadline",
                self.number
            ));
            self.step_down(cx);
        }
    }

    fn step_down(&mut self, cx: &mut Context<'_>) {
        cx.note(format_args!("s{} steps down", self.number));
        self.reset();
        self.steps += 1;
        self.timer(SECOND / 2, SchedulerTimer::Campaign, cx);
    }

    pub(crate) fn on_message(&mut self, message: Message, cx: &mut Context<'_>) {
        self.check_deadline(cx);
        match message {
            Message::Answer { number, answer } => {
                if let Some(asked) = self.open.remove(&number) {
                    self.answered(&asked, *answer, cx);
                }
            }
            other => {
                if let Role::Leading(leading) = &mut self.role {
                    let now = clock(cx.now, self.skew_ms);
                    leading.on_message(other, now, cx);
                }
            }
        }
        self.work(cx);
    }

    /// Lets the core decide, and sends what it wants sent.
    fn work(&mut self, cx: &mut Context<'_>) {
        let now = clock(cx.now, self.skew_ms);
        let Role::Leading(leading) = &mut self.role else {
            return;
        };
        leading.core.tick(now);
        let begins = leading.draft(now, cx);
        leading.send_effects(now, cx);
        let publish = leading.take_publish();
        let wake = leading.wake_in(now);
        for (pass, events) in publish {
            self.call(Why::Publish, Call::Publish { pass, events }, cx);
        }
        if begins {
            self.wait_for_step(cx);
        }
        if let Some(wake) = wake {
            self.timer(wake, SchedulerTimer::Wake, cx);
        }
    }
}
