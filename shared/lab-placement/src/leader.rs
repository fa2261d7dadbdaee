//! The leader as a value: messages and time go in, passes and effects come out.
//!
//! ```text
//! take_over ─► [on_request │ on_report │ on_heartbeat │ tick] … ─► draft_pass ─► the shell commits
//!                    ▲                                                              │
//!                    └───────────── on_committed / on_unknown / on_deposed ◄────────┘
//! ```
//! After every call the shell takes the [`Effects`]: assignments to push, replies, events to publish,
//! agents to ask. Nothing of a pass leaves before that pass is committed.
//!
//! The lab in memory is *as drafted*: it holds what the passes in flight will write. That is sound,
//! because a drafted pass is committed in the end, or this leader is deposed and all of it forgotten.
//! Whoever shows the lab to others does so while it [is settled](LeaderCore::is_settled).

mod ahead;
mod asks;
mod draft;
mod effects;
mod hearing;
mod refused;
mod remembered;
mod unit;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lab_types::{
    Event, EventScope, EventWhat, NodeId, Pass, Problem, RequestId, UnixMillis, UserName, WriteTag,
};

pub use effects::{Effects, Publish, Push, Reply};
pub use refused::Refused;
pub use unit::{EVENTS_MAX, PassDraft, RECORDS_MAX};

use crate::aside::Unread;
use crate::change::Change;
use crate::codes;
use crate::event::{self, Fact};
use crate::key::Key;
use crate::lab::{Lab, ServiceKey};
use crate::observe::Held;
use crate::plan::PlanReport;
use crate::policy::{Leader, Policy};
use crate::record::{Answer, Record};
use asks::Asks;
use refused::Unconfirmed;
use remembered::Remembered;
use unit::Queued;

/// A request that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its idempotency id.
    pub id: RequestId,
    /// Who sent it.
    pub user: UserName,
    /// What it asks for.
    pub change: Change,
}

/// Everything a new leader starts from.
#[derive(Clone, Debug)]
pub struct TakeOver {
    /// The epoch it won, in the incarnation it found.
    pub leader: Leader,
    /// The head's tag as it was found before the take-over: the last pass of the leader before.
    pub head: WriteTag,
    /// Every record of the state stream, read after the take-over.
    pub records: Vec<(Key, WriteTag, Record)>,
    /// Those that this version cannot read.
    pub unread: Vec<Unread>,
    /// The leader's clock.
    pub now: UnixMillis,
    /// The numbers it decides by.
    pub policy: Policy,
}

/// The leader's whole mind.
#[derive(Debug)]
pub struct LeaderCore {
    leader: Leader,
    policy: Policy,
    lab: Lab,
    last_pass: Pass,
    inbox: Vec<Request>,
    /// Requests in the inbox or in a pass that is not committed, with who sent them.
    waiting: BTreeMap<RequestId, UserName>,
    remembered: Remembered,
    /// Events observed since the last draft.
    told: Vec<Event>,
    queue: VecDeque<Queued>,
    unconfirmed: Unconfirmed,
    doubt: Option<Problem>,
    rest_until: Option<UnixMillis>,
    in_flight: bool,
    uncertain: bool,
    /// Keys to be written again after the take-over.
    rewrite: Vec<Key>,
    /// Nodes whose assignment is in a pass that is not committed.
    unsettled: BTreeSet<NodeId>,
    pushed_at: BTreeMap<NodeId, UnixMillis>,
    asks: Asks,
    /// Nodes that obey an assignment that this state has never held.
    ahead: BTreeSet<NodeId>,
    /// When the nodes were last asked because slots wait for one.
    pending_asked_at: Option<UnixMillis>,
    /// Outbox entries that are published and may go.
    published: BTreeSet<Pass>,
    sweep_at: Option<UnixMillis>,
    connected_since: Option<UnixMillis>,
    dirty: bool,
    plan_at: Option<UnixMillis>,
    judge_at: Option<UnixMillis>,
    held: Option<Held>,
    report: PlanReport,
    misfiled: Vec<Key>,
    standing: Standing,
    effects: Effects,
}

/// Whether this leader may act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It leads.
    Leading,
    /// It leads, but the store has just refused a pass: it answers reads and refuses changes.
    ReadOnly(Problem),
    /// Several nodes (or all) obey fences that the state does not know: it was restored from an older
    /// copy, or another leads. Nothing is written any more.
    Halted(Problem),
    /// Its last commit was refused: another leads.
    Deposed,
}

impl LeaderCore {
    /// Starts to lead.
    #[must_use]
    pub fn take_over(start: TakeOver) -> Self {
        let loaded = Lab::load(start.records, start.head);
        let mut lab = loaded.lab;
        lab.set_aside(start.unread);
        let standing = match lab.desired.aside.halts() {
            Some(problem) => Standing::Halted(problem),
            None => Standing::Leading,
        };
        lab.observed.since = start.now;
        let held = lab.resume_hold(start.now, &start.policy);
        let mut effects = Effects::default();
        for (pass, events) in &lab.desired.outbox {
            effects.publish.push(Publish {
                pass: *pass,
                events: events.clone(),
            });
        }
        Self {
            told: vec![elected(start.leader, start.now)],
            leader: start.leader,
            policy: start.policy,
            lab,
            last_pass: start.head.pass,
            inbox: Vec::new(),
            waiting: BTreeMap::new(),
            remembered: Remembered::default(),
            queue: VecDeque::new(),
            unconfirmed: Unconfirmed::default(),
            doubt: None,
            rest_until: None,
            in_flight: false,
            uncertain: false,
            rewrite: loaded.rewrite,
            unsettled: BTreeSet::new(),
            pushed_at: BTreeMap::new(),
            asks: Asks::default(),
            ahead: BTreeSet::new(),
            pending_asked_at: None,
            published: BTreeSet::new(),
            sweep_at: None,
            connected_since: Some(start.now),
            dirty: true,
            plan_at: None,
            judge_at: None,
            held,
            report: PlanReport::default(),
            misfiled: loaded.misfiled,
            standing,
            effects,
        }
    }

    /// The bus is connected (again): silence is judged from now on.
    pub fn on_connected(&mut self, now: UnixMillis) {
        self.connected_since = Some(now);
    }

    /// The bus is gone: silence says nothing about the nodes until it is back.
    pub fn on_disconnected(&mut self) {
        self.connected_since = None;
        self.judge_at = None;
    }

    /// Takes a request in. Its reply comes with the effects: at once for a repetition, after the commit
    /// for everything else. What changed nothing is remembered by this leader alone.
    pub fn on_request(&mut self, request: Request) {
        match self.waiting.get(&request.id) {
            Some(user) if *user == request.user => return,
            Some(_) => return self.reply(&request.user, request.id, Err(used_by_another())),
            None => {}
        }
        if let Some(problem) = self.refusal() {
            return self.reply(&request.user, request.id, Err(problem));
        }
        if let Some((user, first)) = self.first_answer(&request.id) {
            let same = user == request.user;
            let result = if same { first } else { Err(used_by_another()) };
            return self.reply(&request.user, request.id, result);
        }
        self.waiting
            .insert(request.id.clone(), request.user.clone());
        self.inbox.push(request);
    }

    /// Lets time pass: judges silence, asks again, and plans what is due.
    pub fn tick(&mut self, now: UnixMillis) {
        self.try_again(now);
        if let Some(connected_since) = self.connected_since {
            let silence = self.lab.liveness(now, connected_since, &self.policy);
            self.judge_at = silence.wake_at;
            self.held = silence.held.or(self.held);
            self.tell(silence.events);
            self.dirty |= silence.changed;
        }
        self.asks
            .collect((&self.lab, &self.unsettled), now, &self.policy);
        self.ask_for_the_pending(now);
        self.ask(now);
    }

    /// The events of a pass are published: a later pass removes them from the outbox.
    pub fn on_published(&mut self, pass: Pass, now: UnixMillis) {
        self.published.insert(pass);
        let at = now.plus(self.policy.outbox_sweep);
        self.sweep_at = Some(self.sweep_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// What is to be done outside, since the last time.
    pub fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    /// When [`tick`](Self::tick) and [`draft_pass`](Self::draft_pass) are due, if nothing happens
    /// until then.
    #[must_use]
    pub fn wake_at(&self) -> Option<UnixMillis> {
        let times = [
            self.plan_at,
            self.judge_at,
            self.sweep_at,
            self.rest_until,
            self.connected_since
                .and_then(|_| self.asks.due(&self.policy)),
        ];
        times.into_iter().flatten().min()
    }

    /// The assignment of a node with its specs, as committed; nothing while it is being changed (the
    /// push comes with the commit), when it has none, or when it obeys one that the state does not know.
    #[must_use]
    pub fn sync(&self, node: &NodeId) -> Option<Push> {
        if self.unsettled.contains(node) || self.lab.is_ahead(node) {
            return None;
        }
        let assignment = self.lab.desired.assignments.get(node)?;
        Some(self.push_of(assignment.clone()))
    }

    /// The lab, as drafted.
    #[must_use]
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Whether everything in [`lab`](Self::lab) is committed.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether it may act.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What the last plan said about itself.
    pub fn report(&self) -> &PlanReport {
        &self.report
    }

    /// Many nodes vanished together, and replacement waits because of it.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        let until = self.lab.observed.hold_until?;
        self.held.filter(|held| held.until == until)
    }

    /// Keys of the state whose value is of another kind: to be told to an operator.
    #[must_use]
    pub fn misfiled(&self) -> &[Key] {
        &self.misfiled
    }

    /// Who leads.
    #[must_use]
    pub fn leader(&self) -> Leader {
        self.leader
    }

    /// Who has sent this request before, and what was answered.
    fn first_answer(&self, id: &RequestId) -> Option<(UserName, Result<Answer, Problem>)> {
        match self.lab.desired.answers.get(id) {
            Some(stored) => Some((stored.user.clone(), Ok(stored.answer.clone()))),
            None => self.remembered.get(id).cloned(),
        }
    }

    fn refusal(&self) -> Option<Problem> {
        match &self.standing {
            Standing::Leading => None,
            Standing::Halted(problem) | Standing::ReadOnly(problem) => Some(problem.clone()),
            Standing::Deposed => Some(not_leader()),
        }
    }

    fn reply(&mut self, user: &UserName, request: RequestId, result: Result<Answer, Problem>) {
        self.effects.replies.push(Reply {
            user: user.clone(),
            request,
            result,
        });
    }

    /// Keeps events for the next pass; without a next pass there is nobody to tell them.
    fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
        if self.standing == Standing::Leading {
            self.told.extend(events);
        }
    }

    /// Writes nothing any more. Only the pass that is out already may still be committed, and answers
    /// for itself.
    fn halt(&mut self, problem: Problem) {
        self.inbox.clear();
        self.told.clear();
        let out = self.queue.front().filter(|_| self.in_flight);
        let out = out.into_iter().flat_map(|queued| &queued.replies);
        let out: BTreeSet<RequestId> = out.map(|reply| reply.request.clone()).collect();
        for (request, user) in std::mem::take(&mut self.waiting) {
            if out.contains(&request) {
                self.waiting.insert(request, user);
            } else {
                self.reply(&user, request, Err(problem.clone()));
            }
        }
        self.standing = Standing::Halted(problem);
    }
}

fn elected(leader: Leader, now: UnixMillis) -> Event {
    let (incarnation, epoch) = (leader.incarnation.to_string(), leader.epoch.to_string());
    event::scheduler(Fact {
        id: event::id(&["elected", &incarnation, &epoch]),
        at: now,
        what: EventWhat::LeaderElected,
        scope: EventScope::default(),
        message: format!("a scheduler took the lead, epoch {epoch}"),
    })
}

fn used_by_another() -> Problem {
    Problem::new(
        codes::REQUEST_ID_USED,
        "the request id was used by somebody else",
    )
    .help("make a new id for each request")
}

fn not_leader() -> Problem {
    Problem::new(codes::NOT_LEADER, "this scheduler does not lead any more")
        .help("send the request again with the same id: the new leader answers it")
}

#[cfg(test)]
mod tests;
