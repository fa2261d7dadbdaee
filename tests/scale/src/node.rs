//! One agent: real decisions, a real connection, a simulated engine.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use lab_bus::{Bus, Message, Nats};
use lab_converge::model::ModelEngine;
use lab_converge::{
    Action, ActionId, ActionKind, AgentCore, Effect, Ledger, NodeSight, ObserveAsk, SyncAsk,
};
use lab_kit::clock;
use lab_kit::file::{Readers, write_atomic};
use lab_types::{AgentBoot, EngineFacts, LabId, NodeFacts, NodeId, NodeRole, Resources};
use lab_wire::Encoding;
use lab_wire::agent::{AssignPush, InventoryAsk, SyncReply, SyncRequest};
use lab_wire::subject::{self, CommandVerb, NodeVerb};
use node_agent::service::link::{self, FromBus, Linked, Outgoing};
use node_agent::service::pace::Pace;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::starts::Starts;

/// As often as a real agent.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// As a real agent.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// As a real agent.
const SYNC_MAX: Duration = Duration::from_secs(3);
/// What listing containers, networks and volumes takes on an engine with ten containers.
const LOOK: Duration = Duration::from_millis(15);
/// What making or removing a network or volume takes.
const SMALL_CALL: Duration = Duration::from_millis(20);

/// What all agents together have done and seen. Each number only grows.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections made, renewals counted.
    pub connected: AtomicU64,
    /// Containers created.
    pub created: AtomicU64,
    /// Containers started.
    pub started: AtomicU64,
    /// Containers stopped or removed.
    pub ended: AtomicU64,
    /// Calls that the engine refused.
    pub failed: AtomicU64,
    /// Messages given to the link: beats, reports.
    pub said: AtomicU64,
    /// Commands heard.
    pub heard: AtomicU64,
    /// Commands that were refused because a later leader had been accepted.
    pub refused: AtomicU64,
    /// The most starts side by side on any node.
    pub most_starts: AtomicU64,
    /// The first assignment that any of them accepted, as it came: subject and body.
    pub first_assignment: OnceLock<(String, Bytes)>,
}

impl Tally {
    fn add(number: &AtomicU64) {
        number.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a simulated node is made from.
#[derive(Clone, Debug)]
pub struct NodeSetup {
    /// Its lab.
    pub lab: LabId,
    /// Its id, and its host name.
    pub id: NodeId,
    /// How it reaches the bus, with credentials of its own.
    pub nats: Nats,
    /// Where it keeps its ledger.
    pub ledger: PathBuf,
    /// Images that its engine has.
    pub image: String,
    /// Measured times.
    pub starts: Arc<Starts>,
    /// Where it counts.
    pub tally: Arc<Tally>,
    /// What its times are drawn by.
    pub seed: u64,
}

struct Node {
    setup: NodeSetup,
    core: AgentCore,
    engine: ModelEngine,
    rng: StdRng,
    linked: Linked,
    pace: Pace,
    work: JoinSet<Done>,
    /// Creations and starts under way.
    starting: usize,
}

/// What was waited for and is over.
enum Done {
    Persisted(Result<(), String>),
    Looked(ObserveAsk),
    Called(ActionId, Action),
    Synced(Option<SyncReply>),
}

/// Runs one agent until `stop`.
pub async fn run(setup: NodeSetup, stop: CancellationToken) {
    let (link, linked) = link::pair();
    let joined = tokio::spawn(link.run(setup.nats.clone(), setup.id.clone(), stop.clone()));
    let now = clock::now();
    let ledger = Ledger::new(setup.lab.clone(), setup.id.clone());
    let engine = ModelEngine {
        images: [setup.image.clone()].into(),
        ..ModelEngine::default()
    };
    let node = Node {
        core: AgentCore::new(ledger, AgentBoot(now.0), now),
        rng: StdRng::seed_from_u64(setup.seed),
        engine,
        linked,
        pace: Pace::new(Instant::now()),
        work: JoinSet::new(),
        starting: 0,
        setup,
    };
    node.run(&stop).await;
    // It only flushes.
    let _ = joined.await;
}

impl Node {
    async fn run(mut self, stop: &CancellationToken) {
        let mut beat = tokio::time::interval(BEAT_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            if self.pace.take(Instant::now()) {
                self.core.on_engine_changed();
            }
            self.perform_effects();
            self.wait(stop, &mut beat).await;
        }
    }

    async fn wait(&mut self, stop: &CancellationToken, beat: &mut Interval) {
        let sleep = self.core.wake_at().since(clock::now()).as_std();
        let wake_at = Instant::now() + sleep.min(SLEEP_MAX);
        let wake_at = self.pace.due().map_or(wake_at, |due| due.min(wake_at));
        // Cancel-safe: queues, join sets and timers keep what they have.
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            _ = beat.tick() => {
                let beat = self.core.heartbeat();
                self.say(NodeVerb::Beat, &beat);
            }
            Some(done) = self.work.join_next() => {
                self.on_done(done.expect("invariant: what a node waits for does not panic"));
            }
            Some(news) = self.linked.incoming.recv() => self.on_news(news),
            () = tokio::time::sleep_until(wake_at) => {}
        }
    }

    fn perform_effects(&mut self) {
        loop {
            let effects = self.core.next(clock::now());
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.perform(effect);
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Persist(ledger) => {
                let path = self.setup.ledger.clone();
                self.work.spawn(persist(path, *ledger));
            }
            Effect::Observe(ask) => {
                self.pace.begin(Instant::now());
                self.work.spawn(async move {
                    // The engine takes its time.
                    tokio::time::sleep(LOOK).await;
                    Done::Looked(ask)
                });
            }
            Effect::Execute(id, action) => self.call(id, action),
            Effect::Report(report) => self.say(NodeVerb::Report, &report),
            Effect::ReportFull => {
                let sight = self.sight();
                let report = self.core.full_report(sight);
                self.say(NodeVerb::Report, &report);
            }
            Effect::AskSync(ask) => {
                if let Some(bus) = self.linked.bus.borrow().clone() {
                    self.work.spawn(sync(bus, self.setup.id.clone(), ask));
                }
            }
            Effect::Warn(problem) => tracing::warn!(error = %problem, "the agent's decision"),
        }
    }

    /// The engine is called: it answers when its time is over.
    fn call(&mut self, id: ActionId, action: Action) {
        let takes = match &action.kind {
            ActionKind::CreateContainer(_) => {
                let others = self.begin_start();
                self.setup.starts.create(others, &mut self.rng)
            }
            ActionKind::StartContainer { .. } => {
                let others = self.begin_start();
                self.setup.starts.start(others, &mut self.rng)
            }
            _ => SMALL_CALL,
        };
        self.work.spawn(async move {
            // The engine takes its time.
            tokio::time::sleep(takes).await;
            Done::Called(id, action)
        });
    }

    /// How many others are under way beside the one that begins.
    fn begin_start(&mut self) -> usize {
        self.starting += 1;
        let most = u64::try_from(self.starting).unwrap_or(u64::MAX);
        self.setup
            .tally
            .most_starts
            .fetch_max(most, Ordering::Relaxed);
        self.starting - 1
    }

    fn on_done(&mut self, done: Done) {
        let now = clock::now();
        match done {
            Done::Persisted(result) => self.core.on_persisted(result, now),
            Done::Looked(ask) => {
                self.pace.end(Instant::now());
                let NodeSetup { lab, id, .. } = &self.setup;
                let observed = self.engine.observe(lab, id, &ask.images);
                self.core.on_observed(ask.mark, observed, now);
            }
            Done::Called(id, action) => self.on_called(id, &action),
            Done::Synced(None) => {}
            Done::Synced(Some(reply)) => {
                self.core.on_sync_reply(reply.assignment, reply.specs, now);
            }
        }
    }

    fn on_called(&mut self, id: ActionId, action: &Action) {
        let now = clock::now();
        let result = self.engine.apply(&action.kind, now);
        let tally = &self.setup.tally;
        match (&action.kind, &result) {
            (_, Err(error)) => {
                tracing::warn!(op = %action.kind, %error, "refused by the engine");
                Tally::add(&tally.failed);
            }
            (ActionKind::CreateContainer(_), Ok(_)) => Tally::add(&tally.created),
            (ActionKind::StartContainer { .. }, Ok(_)) => Tally::add(&tally.started),
            (ActionKind::StopContainer { .. } | ActionKind::RemoveContainer { .. }, Ok(_)) => {
                Tally::add(&tally.ended)
            }
            _ => {}
        }
        if matches!(
            action.kind,
            ActionKind::CreateContainer(_) | ActionKind::StartContainer { .. }
        ) {
            self.starting -= 1;
        }
        let NodeSetup { lab, id: node, .. } = &self.setup;
        let view = |container| self.engine.view(lab, node, &container);
        let result = result.map(|container| container.and_then(view));
        self.core.on_action_result(id, result, now);
        // As the engine's events make a real agent look.
        self.pace.want();
    }

    fn on_news(&mut self, news: FromBus) {
        match news {
            FromBus::Connected => {
                Tally::add(&self.setup.tally.connected);
                self.core.on_connected(clock::now());
                let accepted = self.core.heartbeat().accepted;
                self.core.on_inventory_ask(accepted);
            }
            FromBus::Command(message) => {
                Tally::add(&self.setup.tally.heard);
                if !self.obey(&message) {
                    Tally::add(&self.setup.tally.refused);
                }
            }
        }
    }

    /// Whether the command was obeyed.
    fn obey(&mut self, message: &Message) -> bool {
        let payload = &message.payload;
        match CommandVerb::parse(&message.subject) {
            Some(CommandVerb::Assign) => match lab_wire::decode::<AssignPush>(payload) {
                Ok(push) => {
                    let heard = self.core.on_push(push.assignment, push.specs, clock::now());
                    let refused =
                        matches!(heard.verdict, lab_converge::fence::Verdict::Refuse { .. });
                    if !refused {
                        let first = (message.subject.clone(), payload.clone());
                        // Another may have been faster.
                        let _ = self.setup.tally.first_assignment.set(first);
                    }
                    !refused
                }
                Err(_) => false,
            },
            Some(CommandVerb::Inventory) => lab_wire::decode::<InventoryAsk>(payload)
                .is_ok_and(|ask| self.core.on_inventory_ask(ask.fence)),
            Some(CommandVerb::Check | CommandVerb::Open) | None => false,
        }
    }

    fn say<T: serde::Serialize>(&self, verb: NodeVerb, message: &T) {
        let outgoing = Outgoing::new(subject::node(&self.setup.id, verb), message);
        if self.linked.outgoing.try_send(outgoing).is_ok() {
            Tally::add(&self.setup.tally.said);
        }
    }

    /// A machine of the size of a small server; what its facts cost on the wire is what counts.
    fn sight(&self) -> NodeSight {
        NodeSight {
            hostname: self.setup.id.to_string(),
            role: NodeRole::Worker,
            facts: NodeFacts {
                architecture: "amd64".to_owned(),
                os: "linux".to_owned(),
                kernel: "6.1.0-simulated".to_owned(),
                capacity: Resources {
                    nano_cpus: 8_000_000_000,
                    memory_bytes: 32 << 30,
                },
                engine: Some(EngineFacts {
                    version: "20.10.24+dfsg1".to_owned(),
                    api_version: "1.41".to_owned(),
                }),
                agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            foreign_ports: Some(Vec::new()),
        }
    }
}

/// As the real agent writes it.
async fn persist(path: PathBuf, ledger: Ledger) -> Done {
    let written = tokio::task::spawn_blocking(move || {
        let content = lab_wire::encode(&ledger, Encoding::MessagePack);
        write_atomic(&path, &content, Readers::Owner).map_err(|error| error.to_string())
    });
    Done::Persisted(written.await.unwrap_or_else(|error| Err(error.to_string())))
}

/// As the real agent asks.
async fn sync(bus: Bus, node: NodeId, ask: SyncAsk) -> Done {
    let request = SyncRequest {
        boot: ask.boot,
        accepted: ask.accepted,
        lacking: ask.lacking,
    };
    let subject = subject::node(&node, NodeVerb::Sync);
    let reply = bus.request_message(subject, &request, SYNC_MAX).await;
    Done::Synced(reply.ok())
}
