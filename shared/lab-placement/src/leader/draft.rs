//! Drafting passes, and what follows their commit.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{Assignment, Event, NodeId, NodeLiveness, NodeRecord, Pass, UnixMillis, WriteTag};

use super::effects::{Publish, Reply};
use super::refused::Unconfirmed;
use super::unit::{EVENTS_MAX, PassDraft, Unit, pack};
use super::{LeaderCore, Request, Standing, not_leader};
use crate::change::{self, ChangeContext};
use crate::key::Key;
use crate::plan::{self, Outcome, PlanningInput};
use crate::record::{Record, StoredAnswer};
use crate::rng::PlacementRng;

impl LeaderCore {
    /// The next pass to be committed; nothing while one is in flight or when there is nothing to do.
    pub fn draft_pass(&mut self, now: UnixMillis, rng: &mut PlacementRng) -> Option<PassDraft> {
        if self.in_flight || self.standing != Standing::Leading {
            return None;
        }
        if self.queue.is_empty() && self.has_work(now) {
            self.decide(now, rng);
        }
        let next = self.queue.front()?.draft.clone();
        self.in_flight = true;
        if self.policy.pushes_before_commit() {
            self.push_all(&next.puts, now);
        }
        Some(next)
    }

    /// The pass that was handed out and whose fate is not known: the same bytes may be sent again.
    #[must_use]
    pub fn in_flight(&self) -> Option<&PassDraft> {
        let front = self.queue.front().filter(|_| self.in_flight)?;
        Some(&front.draft)
    }

    /// A pass was committed: its pushes, replies and events may go out.
    pub fn on_committed(&mut self, pass: Pass, now: UnixMillis) {
        if self.in_flight().is_none_or(|draft| draft.pass != pass) {
            return;
        }
        let Some(done) = self.queue.pop_front() else {
            return;
        };
        self.in_flight = false;
        self.uncertain = false;
        self.doubt = None;
        if self.queue.is_empty() {
            self.unconfirmed = Unconfirmed::default();
        }
        self.unsettled = unsettled(self.queue.iter().map(|queued| &queued.draft));
        if !self.policy.pushes_before_commit() {
            self.push_all(&done.draft.puts, now);
        }
        for reply in done.replies {
            self.waiting.remove(&reply.request);
            self.effects.replies.push(reply);
        }
        if !done.events.is_empty() {
            self.effects.publish.push(Publish {
                pass,
                events: done.events,
            });
        }
    }

    /// A pass's fate is not known. Nothing new is planned until the shell has found out, or has sent
    /// the very same pass again, and tells [`on_committed`](Self::on_committed) or
    /// [`on_deposed`](Self::on_deposed).
    pub fn on_unknown(&mut self, pass: Pass) {
        self.uncertain = self.in_flight().is_some_and(|draft| draft.pass == pass);
    }

    /// Whether a pass was sent whose fate is not known.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        self.uncertain
    }

    /// Another leads. Whoever waits is told to ask again; nothing goes out any more.
    pub fn on_deposed(&mut self) {
        self.standing = Standing::Deposed;
        self.queue.clear();
        self.inbox.clear();
        self.told.clear();
        self.in_flight = false;
        self.uncertain = false;
        for (request, user) in std::mem::take(&mut self.waiting) {
            self.reply(&user, request, Err(not_leader()));
        }
    }

    /// Whether there is something to decide.
    #[must_use]
    pub fn has_work(&self, now: UnixMillis) -> bool {
        let due = |at: Option<UnixMillis>| at.is_some_and(|at| at <= now);
        self.standing == Standing::Leading
            && (self.dirty
                || !self.inbox.is_empty()
                || !self.told.is_empty()
                || !self.rewrite.is_empty()
                || due(self.plan_at)
                || (due(self.sweep_at) && !self.published.is_empty()))
    }

    /// Whether somebody waits for what is to be decided.
    #[must_use]
    pub fn has_requests(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Decides everything there is to decide, applies it to the lab, and cuts it into passes.
    fn decide(&mut self, now: UnixMillis, rng: &mut PlacementRng) {
        let mut units: Vec<Unit> = Vec::new();
        for key in std::mem::take(&mut self.rewrite) {
            let record = self.lab.record(&key);
            units.extend(record.map(|record| Unit::put(key, record)));
        }
        let mut idle = Vec::new();
        for request in std::mem::take(&mut self.inbox) {
            self.admit(request, now, (&mut units, &mut idle));
        }
        units.extend(self.keep_losses());
        let outcome = plan::plan(
            &PlanningInput {
                now,
                policy: &self.policy,
                lab: &self.lab,
                leader: self.leader,
            },
            rng,
        );
        self.lab.apply_outcome(&outcome);
        self.dirty = false;
        self.plan_at = outcome.wake_at;
        self.report.clone_from(&outcome.report);
        let converged = outcome.converged.iter().map(|(service, _)| service.clone());
        self.unconfirmed.converged.extend(converged);
        self.unconfirmed.told.extend(self.told.iter().cloned());
        // What was observed comes before what is concluded from it.
        let mut told = std::mem::take(&mut self.told).into_iter();
        while told.len() > 0 {
            units.push(Unit::events(told.by_ref().take(EVENTS_MAX).collect()));
        }
        units.extend(cut(outcome));
        // The outbox is swept on the way; it is no reason to write before its time.
        units.retain(|unit| !unit.is_empty());
        if !units.is_empty() || self.sweep_at.is_some_and(|at| at <= now) {
            for pass in std::mem::take(&mut self.published) {
                self.lab.remove(&Key::Outbox(pass));
                units.push(Unit::remove(Key::Outbox(pass)));
            }
            self.sweep_at = None;
        }
        self.enqueue(units, idle);
    }

    /// Which nodes are lost is kept with their records, so that the next leader does not take them for
    /// nodes that vanish just then.
    fn keep_losses(&mut self) -> Vec<Unit> {
        let mut changed = Vec::new();
        for (id, record) in &self.lab.desired.nodes {
            let Some(node) = self.lab.observed.nodes.get(id) else {
                continue;
            };
            let lost_since = match node.liveness {
                NodeLiveness::Lost => record.lost_since.or(node.lost_at),
                NodeLiveness::Ready => None,
                NodeLiveness::Unknown | NodeLiveness::Away => record.lost_since,
            };
            if lost_since != record.lost_since {
                changed.push(NodeRecord {
                    lost_since,
                    ..record.clone()
                });
            }
        }
        let units = changed.into_iter().map(|record| {
            let key = Key::Node(record.id.clone());
            self.lab
                .desired
                .nodes
                .insert(record.id.clone(), record.clone());
            Unit::put(key, Record::Node(record))
        });
        units.collect()
    }

    /// Queues what is to be committed, and the replies to requests that change nothing.
    fn enqueue(&mut self, units: Vec<Unit>, mut idle: Vec<Reply>) {
        let tag = WriteTag {
            incarnation: self.leader.incarnation,
            epoch: self.leader.epoch,
            pass: self.last_pass,
        };
        self.queue.extend(pack(units, tag));
        match self.queue.back_mut() {
            // Such an answer may rest on what the passes before it change, so it waits for them.
            Some(last) => {
                self.last_pass = last.draft.pass;
                last.replies.append(&mut idle);
            }
            None => {
                for reply in idle {
                    self.waiting.remove(&reply.request);
                    self.effects.replies.push(reply);
                }
            }
        }
        for queued in &self.queue {
            if !queued.events.is_empty() {
                let outbox = queued.events.clone();
                self.lab.desired.outbox.insert(queued.draft.pass, outbox);
            }
        }
        self.unsettled = unsettled(self.queue.iter().map(|queued| &queued.draft));
    }

    fn admit(
        &mut self,
        request: Request,
        now: UnixMillis,
        (units, idle): (&mut Vec<Unit>, &mut Vec<Reply>),
    ) {
        let context = ChangeContext {
            now,
            user: request.user.clone(),
            request: request.id.clone(),
            leader: self.leader,
        };
        let reply = |result| Reply {
            user: request.user.clone(),
            request: request.id.clone(),
            result,
        };
        let mut delta = match change::apply(&self.lab, &request.change, &context) {
            Ok(delta) if !delta.is_empty() => delta,
            unchanged => {
                let told = unchanged.map(|delta| delta.answer);
                self.remembered.keep(&request.id, &request.user, &told);
                return idle.push(reply(told));
            }
        };
        let stored = StoredAnswer {
            user: request.user.clone(),
            answer: delta.answer.clone(),
            at: now,
        };
        let answer = (Key::Answer(request.id.clone()), Record::Answer(stored));
        delta.puts.push(answer);
        self.lab.apply(&delta.puts, &delta.removes);
        // Specs are harmless alone, and first: whatever refers to them comes later.
        let (specs, rest): (Vec<_>, Vec<_>) = delta
            .puts
            .into_iter()
            .partition(|(key, _)| matches!(key, Key::Spec(_)));
        units.extend(specs.into_iter().map(|(key, spec)| Unit::put(key, spec)));
        units.push(Unit {
            puts: rest,
            removes: delta.removes,
            events: delta.events,
            replies: vec![reply(Ok(delta.answer))],
        });
    }

    fn push_all(&mut self, puts: &[(Key, Record)], now: UnixMillis) {
        for (_, record) in puts {
            if let Record::Assignment(assignment) = record {
                let push = self.push_of(assignment.clone());
                self.pushed_at.insert(assignment.node.clone(), now);
                self.effects.pushes.push(push);
            }
        }
    }
}

fn unsettled<'a>(drafts: impl Iterator<Item = &'a PassDraft>) -> BTreeSet<NodeId> {
    let puts = drafts.flat_map(|draft| &draft.puts);
    puts.filter_map(|(key, _)| match key {
        Key::Assignment(node) => Some(node.clone()),
        Key::Spec(_)
        | Key::Project(_)
        | Key::Service(..)
        | Key::Revision(..)
        | Key::Node(_)
        | Key::Outcome(..)
        | Key::Answer(_)
        | Key::Outbox(_)
        | Key::Head => None,
    })
    .collect()
}

/// A plan's outcome as units: what has ended first, because gates open by it; then the nodes that are
/// tied together; then each node by itself; last what nobody needs any more.
fn cut(outcome: Outcome) -> Vec<Unit> {
    let mut units: Vec<Unit> = outcome
        .outcomes
        .into_iter()
        .map(|record| Unit::put(plan::outcome_key(&record), Record::Outcome(record)))
        .collect();
    let mut by_node: BTreeMap<NodeId, Vec<Event>> = BTreeMap::new();
    let mut others = Vec::new();
    for event in outcome.events {
        match &event.scope.node {
            Some(node) => by_node.entry(node.clone()).or_default().push(event),
            None => others.push(event),
        }
    }
    let mut tied = Unit::default();
    let mut single = Vec::new();
    for assignment in outcome.assignments {
        let events = by_node.remove(&assignment.node).unwrap_or_default();
        if outcome.tied.contains(&assignment.node) {
            add(&mut tied, assignment, events);
        } else {
            let mut unit = Unit::default();
            add(&mut unit, assignment, events);
            single.push(unit);
        }
    }
    units.push(tied);
    units.extend(single);
    others.extend(by_node.into_values().flatten());
    units.push(Unit::events(others));
    units.extend(outcome.removals.into_iter().map(Unit::remove));
    units
}

fn add(unit: &mut Unit, assignment: Assignment, mut events: Vec<Event>) {
    let key = Key::Assignment(assignment.node.clone());
    unit.puts.push((key, Record::Assignment(assignment)));
    unit.events.append(&mut events);
}
