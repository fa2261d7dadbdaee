//! A node: the shell around `AgentCore`, its disk, and its engine.

use lab_converge::planted::PlantedBug;
use lab_converge::{AgentCore, Effect, Ledger, NodeSight};
use lab_types::{
    AgentBoot, DurationMs, EngineFacts, LabId, NodeFacts, NodeId, NodeRole, Resources,
};

use crate::context::{AgentEvent, Context, EngineEvent, Event, clock};
use crate::engine::SimEngine;
use crate::faults::Fault;
use crate::message::{Actor, Message};
use crate::queue::{MS, Micros, SECOND};

/// How often an agent gives a sign of life.
const BEAT: Micros = SECOND;

/// A node.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) number: usize,
    pub(crate) id: NodeId,
    pub(crate) life: u32,
    /// Its process, while it lives.
    pub(crate) core: Option<AgentCore>,
    pub(crate) disk: Ledger,
    pub(crate) disk_is_full: bool,
    /// Gone for good.
    pub(crate) is_dead: bool,
    pub(crate) engine: SimEngine,
    /// Standing still until this moment.
    pub(crate) hangs_until: Micros,
    /// When its process last started, or went on after it had stood still.
    pub(crate) able_since: Micros,
    /// What it has and advertises.
    pub(crate) capacity: Resources,
    /// Until when exclusive tasks may run, for the next life of the process.
    lease_file: Option<DurationMs>,
    clock: Clock,
    bug: Option<PlantedBug>,
    wake_at: Option<Micros>,
    /// How many schedulers may be listening.
    schedulers: usize,
}

/// How wrong a node's clocks are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// The wall clock.
    pub(crate) skew_ms: i64,
    /// How much faster than others its clocks go, in millionths; the worst that the leader allows for is
    /// some hundreds.
    pub(crate) rate_ppm: i64,
}

impl Clock {
    /// Time since the machine booted, by its own clock.
    fn uptime(self, now: Micros) -> DurationMs {
        let ms = now / MS;
        let error = i64::try_from(ms).unwrap_or(0) * self.rate_ppm / 1_000_000;
        DurationMs(ms.saturating_add_signed(error))
    }
}

/// The id of a node.
pub(crate) fn node_id(number: usize) -> NodeId {
    NodeId::new(format!("n{number}")).expect("invariant: a letter and a number make a node id")
}

/// The lab's id.
pub(crate) fn lab_id() -> LabId {
    LabId::new("sim").expect("invariant: letters make a lab id")
}

impl Agent {
    /// Whether it has tasks that may only run with a lease, and too little is left of it.
    pub(crate) fn lease_ends_within(&self, left: DurationMs, now: Micros) -> bool {
        let guarded = self.core.as_ref().filter(|core| core.wants_answer());
        let needed = DurationMs(self.clock.uptime(now).0.saturating_add(left.0));
        guarded.is_some_and(|core| core.lease_until().is_none_or(|until| until < needed))
    }

    pub(crate) fn new(
        number: usize,
        schedulers: usize,
        (clock, capacity): (Clock, Resources),
        bug: Option<PlantedBug>,
    ) -> Self {
        let id = node_id(number);
        Self {
            number,
            disk: Ledger::new(lab_id(), id.clone()),
            engine: SimEngine::new(number),
            id,
            life: 0,
            core: None,
            disk_is_full: false,
            is_dead: false,
            hangs_until: 0,
            able_since: 0,
            capacity,
            lease_file: None,
            clock,
            bug,
            wake_at: None,
            schedulers,
        }
    }

    pub(crate) const fn actor(&self) -> Actor {
        Actor::Node(self.number)
    }

    /// Its process starts.
    pub(crate) fn start(&mut self, cx: &mut Context<'_>) {
        self.life += 1;
        let now = clock(cx.now, self.clock.skew_ms);
        let core = AgentCore::new(self.disk.clone(), AgentBoot(now.0), now);
        let mut core = match self.bug {
            Some(bug) => core.with_planted_bug(bug),
            None => core,
        };
        core.on_clock(self.clock.uptime(cx.now), now);
        if let Some(until) = self.lease_file {
            core.resume_lease(until);
        }
        self.core = Some(core);
        self.able_since = cx.now;
        self.hangs_until = 0;
        self.wake_at = None;
        self.own(cx.rng.between(1, BEAT), AgentEvent::Beat, cx);
        self.work(cx);
    }

    /// Its process stands still; what happens to it meanwhile happens when it goes on.
    pub(crate) fn hang(&mut self, until: Micros) {
        self.hangs_until = until;
        self.able_since = until;
    }

    /// The machine loses its power: what is not on its disk is gone.
    pub(crate) const fn lose_power(&mut self) {
        self.lease_file = None;
    }

    /// Whether its process could do what it must, for at least `within`.
    pub(crate) const fn was_able(&self, within: Micros, now: Micros) -> bool {
        self.core.is_some() && self.able_since + within <= now
    }

    /// Its process is killed; disk and engine stay.
    pub(crate) fn kill(&mut self) {
        self.life += 1;
        self.core = None;
    }

    /// The machine dies, with all that runs on it.
    pub(crate) fn die(&mut self, now: Micros) {
        self.kill();
        self.is_dead = true;
        self.engine.stops(clock(now, self.clock.skew_ms));
    }

    fn own(&self, delay: Micros, what: AgentEvent, cx: &mut Context<'_>) {
        let (number, life) = (self.number, self.life);
        cx.after(delay, Event::Agent { number, life, what });
    }

    fn to_leader(&self, message: &Message, cx: &mut Context<'_>) {
        for scheduler in 0..self.schedulers {
            cx.send(self.actor(), Actor::Scheduler(scheduler), message.clone());
        }
    }

    pub(crate) fn on_connected(&mut self, cx: &mut Context<'_>) {
        let now = clock(cx.now, self.clock.skew_ms);
        if let Some(core) = &mut self.core {
            core.on_connected(now);
            self.work(cx);
        }
    }

    pub(crate) fn on_message(&mut self, message: Message, cx: &mut Context<'_>) {
        let now = clock(cx.now, self.clock.skew_ms);
        let uptime = self.clock.uptime(cx.now);
        let Some(core) = &mut self.core else { return };
        core.on_clock(uptime, now);
        match message {
            Message::BeatAnswer(sent_at, answer) => {
                core.on_beat_answer(sent_at, &answer);
                self.lease_file = core.lease_until();
            }
            Message::Push(assignment, specs) => {
                core.on_push(*assignment, specs, now);
            }
            Message::SyncReply(assignment, specs) => {
                core.on_sync_reply(assignment.map(|assignment| *assignment), specs, now);
            }
            Message::Ask(fence) => {
                core.on_inventory_ask(fence);
            }
            Message::Request(_)
            | Message::Reply(..)
            | Message::Sync(..)
            | Message::Report(..)
            | Message::Beat(..)
            | Message::Call { .. }
            | Message::Answer { .. } => {}
        }
        self.work(cx);
    }

    pub(crate) fn on_event(&mut self, what: AgentEvent, cx: &mut Context<'_>) {
        let now = clock(cx.now, self.clock.skew_ms);
        let uptime = self.clock.uptime(cx.now);
        let Some(core) = &mut self.core else { return };
        core.on_clock(uptime, now);
        match what {
            AgentEvent::Beat => {
                let asks = core.wants_answer().then_some(uptime);
                let beat = Message::Beat(self.number, core.heartbeat(), asks);
                self.to_leader(&beat, cx);
                self.own(BEAT, AgentEvent::Beat, cx);
            }
            AgentEvent::Wake => self.wake_at = None,
            AgentEvent::Written(ledger) => {
                let result = if self.disk_is_full {
                    Err("no space left on device".to_owned())
                } else {
                    self.disk = *ledger;
                    Ok(())
                };
                core.on_persisted(result, now);
            }
            AgentEvent::Look(ask) => {
                let observed = self.engine.look(&self.id, &ask.images);
                let delay = cx.rng.between(MS, 40 * MS);
                self.own(delay, AgentEvent::Looked(ask, Box::new(observed)), cx);
            }
            AgentEvent::Looked(ask, observed) => core.on_observed(ask.mark, *observed, now),
            AgentEvent::Returned(id, result) => core.on_action_result(id, *result, now),
            AgentEvent::Hint => core.on_engine_changed(),
        }
        self.work(cx);
    }

    /// Carries out what the core wants.
    fn work(&mut self, cx: &mut Context<'_>) {
        let now = clock(cx.now, self.clock.skew_ms);
        loop {
            let Some(core) = &mut self.core else { return };
            let effects = core.next(now);
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                self.carry_out(effect, cx);
            }
        }
        let Some(core) = &self.core else { return };
        let wake = cx.now + (core.wake_at().since(now).0.min(60_000) * MS).max(MS);
        if self.wake_at.is_none_or(|set| wake < set || set <= cx.now) {
            self.wake_at = Some(wake);
            self.own(wake - cx.now, AgentEvent::Wake, cx);
        }
    }

    fn carry_out(&mut self, effect: Effect, cx: &mut Context<'_>) {
        match effect {
            Effect::Persist(ledger) => {
                let delay = cx.rng.between(MS / 2, 5 * MS);
                self.own(delay, AgentEvent::Written(ledger), cx);
            }
            Effect::Observe(ask) => {
                let delay = cx.rng.between(MS / 2, 20 * MS);
                self.own(delay, AgentEvent::Look(ask), cx);
            }
            Effect::Execute(id, action) => {
                cx.note(format_args!("n{} {id} {action}", self.number));
                let duration = SimEngine::duration(&action.kind, cx);
                let (number, life) = (self.number, self.life);
                let what = EngineEvent::Does {
                    life,
                    id,
                    action: Box::new(action),
                };
                cx.after(duration, Event::Engine { number, what });
            }
            Effect::Report(report) => {
                self.to_leader(&Message::Report(self.number, Box::new(report)), cx);
            }
            Effect::ReportFull => {
                let sight = self.sight();
                if let Some(core) = &mut self.core {
                    let report = core.full_report(sight);
                    self.to_leader(&Message::Report(self.number, Box::new(report)), cx);
                }
            }
            Effect::AskSync(ask) => self.to_leader(&Message::Sync(self.number, ask), cx),
            Effect::Warn(problem) => cx.note(format_args!("n{} warns {problem}", self.number)),
        }
    }

    fn sight(&self) -> NodeSight {
        let engine = EngineFacts {
            version: "20.10.24".into(),
            api_version: "1.41".into(),
        };
        NodeSight {
            hostname: self.id.to_string(),
            role: NodeRole::Worker,
            facts: NodeFacts {
                architecture: "amd64".into(),
                os: "linux".into(),
                kernel: "6.1".into(),
                capacity: self.capacity,
                engine: self.engine.is_there().then_some(engine),
                agent_version: "sim".into(),
            },
            foreign_ports: Some(Vec::new()),
        }
    }

    /// Something happens in the engine, whether the process lives or not.
    pub(crate) fn on_engine(&mut self, what: EngineEvent, cx: &mut Context<'_>) {
        if self.is_dead {
            return;
        }
        match what {
            EngineEvent::Does { life, id, action } => {
                let now = clock(cx.now, self.clock.skew_ms);
                let result = self.engine.does(&self.id, &action, now, cx);
                let lost = cx.strikes(Fault::EngineAnswerLost);
                let result = if lost {
                    Err(SimEngine::no_answer())
                } else {
                    result
                };
                cx.note(format_args!(
                    "n{} {id} returns ok={}",
                    self.number,
                    result.is_ok()
                ));
                let what = AgentEvent::Returned(id, Box::new(result));
                let delay = cx.rng.between(MS / 5, 3 * MS);
                cx.after(
                    delay,
                    Event::Agent {
                        number: self.number,
                        life,
                        what,
                    },
                );
            }
            EngineEvent::Judges {
                container,
                started_at,
                healthy,
            } => {
                self.engine.judges(&container, started_at, healthy);
                self.hint(cx);
            }
            EngineEvent::Back => {
                self.engine.comes_back();
                self.hint(cx);
            }
        }
    }

    /// The engine tells its agent that something has changed, if it can.
    pub(crate) fn hint(&self, cx: &mut Context<'_>) {
        if !cx.strikes(Fault::EngineHintLost) {
            let delay = cx.rng.between(MS / 2, 15 * MS);
            self.own(delay, AgentEvent::Hint, cx);
        }
    }

    /// A scheduled fault strikes this node's engine; false when there is nothing to strike.
    pub(crate) fn strike(&mut self, fault: Fault, cx: &mut Context<'_>) -> bool {
        let now = clock(cx.now, self.clock.skew_ms);
        let struck = match fault {
            Fault::EngineRestarts => self.engine.goes_away(self.number, now, cx),
            Fault::ContainerCrashes => self.engine.crash_one(now, cx),
            Fault::ContainerVanishes => self.engine.remove_one(cx),
            Fault::Unhealthy => self.engine.sicken_one(self.number, cx),
            _ => false,
        };
        if struck {
            self.hint(cx);
        }
        struck
    }
}
