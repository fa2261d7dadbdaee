//! The one task that owns the agent's decisions.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lab_converge::{ActionId, AgentCore, Effect, EngineReach, Observed};
use lab_kit::clock::{self, BootInstant};
use lab_kit::lock::StateDirLock;
use lab_types::{NodeRole, Problem, Report, ReportBody, UnixMillis};
use lab_wire::subject::{self, NodeVerb};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::fitting::fitting;
use super::lease::LeaseFile;
use super::link::{FromBus, Linked, Outgoing};
use super::pace::Pace;
use super::work::{self, Done, Means};
use super::{IMAGES, command, offer, part_failed};
use crate::engine::Site;
use crate::engine::watch::{Connection, Passing};
use crate::image::fetch::Fetcher;
use crate::logs::Statuses;
use crate::logs::readers::Readers;

/// How often the agent gives a sign of life. Source: the lab's liveness rule, three missed beats.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// The longest sleep: a wall clock that was set forward wakes the agent late by no more than this.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// How many streams and checks may be under way: each holds at most 2 MiB on its way.
pub(super) const HELPERS_MAX: usize = 32;

/// What is seen of the engine.
pub(super) type Watched = (
    watch::Receiver<Connection>,
    watch::Receiver<()>,
    watch::Receiver<Passing>,
);

/// What decides, and what it is told at its start.
pub(super) struct Mind {
    pub(super) core: AgentCore,
    pub(super) lease: LeaseFile,
    pub(super) role: NodeRole,
}

/// Words of actions under way that wait for the owner: of those that do not fit, later ones follow.
const PROGRESS_MAX: usize = 16;

type Progress = mpsc::Sender<(ActionId, String)>;

pub(super) struct Owner {
    pub(super) core: AgentCore,
    pub(super) site: Site,
    pub(super) engine: watch::Receiver<Connection>,
    pub(super) link: Linked,
    /// The tasks as last reported, for the readers of their logs.
    pub(super) statuses: watch::Sender<Statuses>,
    /// Who reads logs now.
    pub(super) readers: Readers,
    /// Streams and checks; each answers by itself.
    pub(super) helpers: JoinSet<()>,
    lease: LeaseFile,
    role: NodeRole,
    activity: watch::Receiver<()>,
    passing: watch::Receiver<Passing>,
    pace: Pace,
    home: Arc<StateDirLock>,
    /// Whether the ledger is being written.
    is_writing: bool,
    work: JoinSet<Done>,
    /// What actions under way tell.
    progress: (Progress, mpsc::Receiver<(ActionId, String)>),
    /// Whether the engine was seen in this life.
    has_looked: bool,
    /// Whether the bus was joined in this life.
    has_joined: bool,
}

impl Owner {
    pub(super) fn new(
        mind: Mind,
        site: Site,
        home: StateDirLock,
        (engine, activity, passing): Watched,
        link: Linked,
    ) -> Self {
        Self {
            core: mind.core,
            lease: mind.lease,
            role: mind.role,
            site,
            engine,
            link,
            statuses: watch::Sender::new(Arc::default()),
            readers: Readers::default(),
            helpers: JoinSet::new(),
            activity,
            passing,
            pace: Pace::new(Instant::now()),
            home: Arc::new(home),
            is_writing: false,
            work: JoinSet::new(),
            progress: mpsc::channel(PROGRESS_MAX),
            has_looked: false,
            has_joined: false,
        }
    }

    /// Runs until `stop`.
    ///
    /// # Errors
    /// When a part of the work panicked.
    pub(super) async fn run(mut self, stop: &CancellationToken) -> Result<(), Problem> {
        let mut beat = tokio::time::interval(BEAT_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            if self.pace.take(Instant::now()) {
                self.core.on_engine_changed();
            }
            self.perform_effects();
            self.wait(stop, &mut beat).await?;
        }
        while self.is_writing
            && let Some(done) = self.work.join_next().await
        {
            self.on_done(done)?;
        }
        // Each call to the engine may be cut off anywhere: the next life looks at what it did.
        self.work.shutdown().await;
        self.helpers.shutdown().await;
        Ok(())
    }

    async fn wait(&mut self, stop: &CancellationToken, beat: &mut Interval) -> Result<(), Problem> {
        let now = clock::now();
        let sleep = self.core.wake_at().since(now).as_std().min(SLEEP_MAX);
        let wake_at = Instant::now() + sleep;
        let wake_at = self.pace.due().map_or(wake_at, |due| due.min(wake_at));
        // Cancel-safe: queues, watches, join sets and timers keep what they have.
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            _ = beat.tick() => self.beat(),
            Some(done) = self.work.join_next() => self.on_done(done)?,
            Some(news) = self.link.incoming.recv() => self.on_news(news),
            Ok(()) = self.activity.changed() => self.pace.want(),
            Ok(()) = self.engine.changed() => self.on_engine(),
            Some(ended) = self.helpers.join_next() => on_helper(ended),
            Some((id, words)) = self.progress.1.recv() => self.core.on_progress(id, words),
            () = tokio::time::sleep_until(wake_at) => {}
        }
        Ok(())
    }

    fn perform_effects(&mut self) {
        loop {
            self.tell_time();
            let effects = self.core.next(clock::now());
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.perform(effect);
            }
        }
    }

    /// Tells the core the time that no clock setting moves.
    fn tell_time(&mut self) {
        self.core
            .on_clock(BootInstant::now().uptime(), clock::now());
    }

    fn perform(&mut self, effect: Effect) {
        let connection = || self.engine.borrow().clone();
        let site = || self.site.clone();
        match effect {
            Effect::Persist(ledger) => {
                self.is_writing = true;
                self.work
                    .spawn(work::persist(Arc::clone(&self.home), *ledger));
            }
            Effect::Observe(ask) => {
                self.pace.begin(Instant::now());
                let parts = (!self.has_looked).then(|| self.parts());
                self.work
                    .spawn(work::observe(connection(), site(), ask, parts));
            }
            Effect::Execute(id, action) => {
                let means = Means {
                    connection: connection(),
                    site: site(),
                    readers: self.readers.clone(),
                    fetcher: self.fetcher(),
                    progress: self.progress.0.clone(),
                };
                self.work.spawn(work::act(means, (id, action)));
            }
            Effect::Report(report) => self.report(&report),
            Effect::ReportFull => {
                self.work
                    .spawn(work::sight(connection(), site(), self.role));
            }
            Effect::AskSync(ask) => {
                // Without a bus the question is lost, as one without an answer is.
                if let Some(bus) = self.link.bus.borrow().clone() {
                    self.work
                        .spawn(work::sync(bus, self.site.node.clone(), ask));
                }
            }
            Effect::Warn(problem) => tracing::warn!(error = %problem, "the agent's decision"),
        }
    }

    /// Where parts of images are kept.
    fn parts(&self) -> PathBuf {
        self.home.directory().join(IMAGES)
    }

    fn fetcher(&self) -> Fetcher {
        Fetcher {
            node: self.site.node.clone(),
            bus: self.link.bus.clone(),
            directory: self.parts(),
            accepted: self.core.heartbeat().accepted,
        }
    }

    fn on_done(&mut self, done: Result<Done, JoinError>) -> Result<(), Problem> {
        let now = clock::now();
        match done.map_err(|error| part_failed(&error))? {
            Done::Persisted(result) => {
                self.is_writing = false;
                self.core.on_persisted(result, now);
            }
            Done::Observed(mark, mut observed) => {
                self.complete(&mut observed);
                self.pace.end(Instant::now());
                self.has_looked |= observed.engine == EngineReach::Reachable;
                self.core.on_observed(mark, *observed, now);
            }
            Done::Acted(id, result) => self.core.on_action_result(id, result, now),
            Done::Synced(None) => {}
            Done::Synced(Some(reply)) => {
                let heard = self.core.on_sync_reply(reply.assignment, reply.specs, now);
                command::tell(&heard);
                self.beat_for_lease();
            }
            Done::Beaten(_, None) => {}
            Done::Beaten(sent_at, Some(answer)) => {
                self.tell_time();
                self.core.on_beat_answer(sent_at, &answer);
                if let Some(until) = self.core.lease_until() {
                    self.lease.write(until);
                }
            }
            Done::Sighted(sight) => {
                let report = fitting(self.core.full_report(sight));
                self.report(&report);
            }
        }
        Ok(())
    }

    /// Adds what the engine tells in passing, and what the machine knows.
    fn complete(&self, observed: &mut Observed) {
        let passing = self.passing.borrow();
        for (id, container) in &mut observed.containers {
            container.signalled_at = passing.signals.get(id).copied();
            container.told_end_at = passing.ends.get(id).copied();
        }
        observed.silence = passing.silence;
        let uptime = BootInstant::now().uptime();
        observed.booted_at = Some(UnixMillis(clock::now().0.saturating_sub(uptime.0)));
    }

    fn on_news(&mut self, news: FromBus) {
        match news {
            FromBus::Connected => {
                self.core.on_connected(clock::now());
                // Of a node that comes back the leader needs what it missed, and the beat tells it whether
                // there was any: it asks some nodes at a time then. After a restart of nats-server all
                // come back at once.
                if std::mem::replace(&mut self.has_joined, true) {
                    self.beat();
                } else {
                    self.want_full_report();
                    self.beat_for_lease();
                }
            }
            FromBus::Command(message) => command::obey(self, message),
        }
    }

    /// The engine came or went: a full report says so.
    fn on_engine(&mut self) {
        self.core.on_engine_changed();
        self.want_full_report();
    }

    fn want_full_report(&mut self) {
        let accepted = self.core.heartbeat().accepted;
        self.core.on_inventory_ask(accepted);
    }

    /// Exclusive tasks wait for an answer: it is asked for at once.
    pub(super) fn beat_for_lease(&mut self) {
        if self.core.lacks_lease() {
            self.beat();
        }
    }

    fn beat(&mut self) {
        let bus = self.link.bus.borrow().clone();
        if let (true, Some(bus)) = (self.core.wants_answer(), bus) {
            // Read before it is sent: the lease counts from here.
            let sent_at = BootInstant::now().uptime();
            let beat = self.core.heartbeat();
            self.work.spawn(work::beat(bus, beat, sent_at));
            return;
        }
        let subject = subject::node(&self.site.node, NodeVerb::Beat);
        self.send(Outgoing::new(subject, &self.core.heartbeat()), "beat");
    }

    fn report(&self, report: &Report) {
        self.statuses
            .send_modify(|statuses| note(Arc::make_mut(statuses), &report.body));
        let subject = subject::node(&self.site.node, NodeVerb::Report);
        self.send(Outgoing::new(subject, report), "report");
    }

    pub(super) fn send(&self, message: Outgoing, what: &'static str) {
        offer(&self.link.outgoing, message, what);
    }
}

fn on_helper(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error = %error, "a stream ended in a mistake of the program");
    }
}

/// What a report says of tasks, taken over.
fn note(statuses: &mut BTreeMap<lab_types::TaskId, lab_types::TaskStatus>, body: &ReportBody) {
    match body {
        ReportBody::Full { inventory } => statuses.clone_from(&inventory.tasks),
        ReportBody::Delta {
            changed, forgotten, ..
        } => {
            for task in forgotten {
                statuses.remove(task);
            }
            for status in changed {
                statuses.insert(status.task.clone(), status.clone());
            }
        }
        ReportBody::Unknown => {}
    }
}
