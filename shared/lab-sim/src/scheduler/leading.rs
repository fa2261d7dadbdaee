//! The leader at work.

use std::collections::BTreeMap;

use lab_placement::leader::PassDraft;
use lab_placement::observe::{HeartbeatVerdict, ReportVerdict};
use lab_placement::{Change, LeaderCore, PlacementRng};
use lab_types::{Event, Fence, Generation, NodeId, Pass, Report, RequestId, UnixMillis, UserName};
use lab_wire::commit::{Answer, Commit, HeadEntry, Outcome, Step};

use crate::agent::node_id;
use crate::context::Context;
use crate::message::{Actor, Batch, Call, Message};
use crate::queue::{MS, Micros};

/// A leader with the pass that is on its way.
#[derive(Debug)]
pub(super) struct Leading {
    number: usize,
    pub(super) core: LeaderCore,
    head: HeadEntry,
    rng: PlacementRng,
    commit: Option<(Commit, PassDraft)>,
    step: Option<Step>,
    /// Events to be published, by pass; kept until the store has them.
    outbox: BTreeMap<Pass, (Vec<Event>, bool)>,
    wake_at: Option<UnixMillis>,
    drafts: u64,
}

/// What a step asks for.
pub(super) enum Next {
    Call(Call),
    Deposed,
    Nothing,
}

impl Leading {
    pub(super) fn new(number: usize, core: LeaderCore, head: HeadEntry, seed: u64) -> Self {
        Self {
            number,
            core,
            head,
            rng: PlacementRng::from_number(seed),
            commit: None,
            step: None,
            outbox: BTreeMap::new(),
            wake_at: None,
            drafts: 0,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.commit.is_none() && self.outbox.is_empty() && self.core.is_settled()
    }

    pub(super) fn on_message(&mut self, message: Message, now: UnixMillis, cx: &mut Context<'_>) {
        match message {
            Message::Request(request) => self.core.on_request(*request),
            Message::Report(node, report) => {
                let verdict = self.core.on_report(&report, now);
                match self.core.lab().registration(&report) {
                    Some(change) => self.register(&report, change),
                    None if verdict == ReportVerdict::Unregistered => self.ask(node, cx),
                    None => {}
                }
            }
            Message::Beat(node, beat, asks) => match (self.core.on_heartbeat(&beat, now), asks) {
                (HeartbeatVerdict::Unregistered, _) => self.ask(node, cx),
                (HeartbeatVerdict::Heard { .. }, Some(sent_at)) => {
                    let answer = self.core.beat_answer(&beat.node);
                    let message = Message::BeatAnswer(sent_at, answer);
                    cx.send(Actor::Scheduler(self.number), Actor::Node(node), message);
                }
                (HeartbeatVerdict::Heard { .. } | HeartbeatVerdict::StaleBoot, _) => {}
            },
            Message::Sync(node, _) => self.on_sync(node, cx),
            Message::Reply(..)
            | Message::Push(..)
            | Message::BeatAnswer(..)
            | Message::Ask(_)
            | Message::SyncReply(..)
            | Message::Call { .. }
            | Message::Answer { .. } => {}
        }
    }

    fn register(&mut self, report: &Report, change: Change) {
        let Report {
            node,
            boot,
            sequence,
            ..
        } = report;
        let id = RequestId::new(format!("register-{node}-{}-{sequence}", boot.0));
        self.core.on_request(lab_placement::leader::Request {
            id: id.expect("invariant: a node id and numbers make a request id"),
            user: UserName::new("scheduler").expect("invariant: letters only"),
            change,
        });
    }

    fn fence(&self) -> Fence {
        let leader = self.core.leader();
        Fence {
            incarnation: leader.incarnation,
            epoch: leader.epoch,
            generation: Generation(0),
        }
    }

    fn ask(&self, node: usize, cx: &mut Context<'_>) {
        cx.send(
            Actor::Scheduler(self.number),
            Actor::Node(node),
            Message::Ask(self.fence()),
        );
    }

    fn on_sync(&self, node: usize, cx: &mut Context<'_>) {
        let id = node_id(node);
        let known = self.core.lab().desired.assignments.contains_key(&id);
        let reply = match self.core.sync(&id) {
            Some(push) => Message::SyncReply(Some(Box::new(push.assignment)), push.specs),
            // It is being changed; the push comes with the commit.
            None if known => return,
            None => Message::SyncReply(None, BTreeMap::new()),
        };
        cx.send(Actor::Scheduler(self.number), Actor::Node(node), reply);
    }

    /// Drafts the next pass, if there is something to do; says whether a commit begins.
    pub(super) fn draft(&mut self, now: UnixMillis, cx: &mut Context<'_>) -> bool {
        if self.commit.is_some() {
            return false;
        }
        let Some(draft) = self.core.draft_pass(now, &mut self.rng) else {
            return false;
        };
        self.drafts += 1;
        let nonce = format!("s{}-{}-{}", self.number, draft.head.epoch, cx.rng.number());
        let records = u64::try_from(draft.puts.len() + draft.removes.len()).unwrap_or(u64::MAX);
        let commit = Commit::new(self.head.clone(), nonce, records);
        assert_eq!(
            commit.head().tag(),
            draft.head,
            "the draft follows the head"
        );
        self.step = Some(commit.begin());
        self.commit = Some((commit, draft));
        true
    }

    pub(super) fn on_commit(&mut self, answer: Answer) {
        if let Some((commit, draft)) = &mut self.commit {
            if answer == Answer::Unknown {
                self.core.on_unknown(draft.pass);
            }
            self.step = Some(commit.on(answer));
        }
    }

    pub(super) fn step_wait(&self) -> Micros {
        match &self.step {
            Some(Step::ReadHead { wait }) => wait.0 * MS,
            Some(Step::Send | Step::Done(_)) | None => 0,
        }
    }

    pub(super) fn take_step(&mut self, now: UnixMillis) -> Next {
        let (Some(step), Some((commit, draft))) = (self.step.take(), &self.commit) else {
            return Next::Nothing;
        };
        match step {
            Step::Send => Next::Call(Call::Commit(Batch {
                head: commit.head().clone(),
                expected: commit.expected(),
                tag: draft.head,
                puts: draft.puts.clone(),
                removes: draft.removes.clone(),
            })),
            Step::ReadHead { .. } => Next::Call(Call::ReadHead),
            Step::Done(Outcome::Committed(head)) => {
                let pass = draft.pass;
                self.head = head;
                self.commit = None;
                self.core.on_committed(pass, now);
                Next::Nothing
            }
            Step::Done(
                Outcome::Deposed { .. }
                | Outcome::Replaced { .. }
                | Outcome::Refused { .. }
                | Outcome::Miscounted { .. },
            ) => {
                self.commit = None;
                self.core.on_deposed();
                Next::Deposed
            }
        }
    }

    pub(super) fn send_effects(&mut self, _now: UnixMillis, cx: &mut Context<'_>) {
        let effects = self.core.take_effects();
        let from = Actor::Scheduler(self.number);
        for push in effects.pushes {
            if let Some(node) = number_of(&push.assignment.node) {
                let message = Message::Push(Box::new(push.assignment), push.specs);
                cx.send(from, Actor::Node(node), message);
            }
        }
        for reply in effects.replies {
            let epoch = self.core.leader().epoch;
            cx.send(from, Actor::Clients, Message::Reply(Box::new(reply), epoch));
        }
        for publish in effects.publish {
            self.outbox.insert(publish.pass, (publish.events, true));
        }
        for node in effects.asks {
            if let Some(node) = number_of(&node) {
                self.ask(node, cx);
            }
        }
    }

    /// What is to be published now.
    pub(super) fn take_publish(&mut self) -> Vec<(Pass, Vec<Event>)> {
        let due = self.outbox.iter_mut().filter(|(_, (_, is_due))| *is_due);
        due.map(|(pass, (events, is_due))| {
            *is_due = false;
            (*pass, events.clone())
        })
        .collect()
    }

    pub(super) fn publish_again(&mut self) {
        for (_, is_due) in self.outbox.values_mut() {
            *is_due = true;
        }
    }

    pub(super) fn published(&mut self, pass: Pass, now: UnixMillis) {
        self.outbox.remove(&pass);
        self.core.on_published(pass, now);
    }

    /// In how long the core wants to be called, if that is sooner than was asked for before.
    pub(super) fn wake_in(&mut self, now: UnixMillis) -> Option<Micros> {
        let at = self.core.wake_at()?;
        if self.wake_at.is_some_and(|set| set > now && set <= at) {
            return None;
        }
        self.wake_at = Some(at);
        // While a pass is on its way a time may have passed already, and nothing can be done about it.
        Some((at.since(now).0 * MS).max(50 * MS))
    }
}

fn number_of(node: &NodeId) -> Option<usize> {
    node.as_str().strip_prefix('n')?.parse().ok()
}
