//! What a part of the world may use while it handles an event, and what it asks for.

use lab_converge::{
    Action, ActionError, ActionId, ContainerId, Ledger, ObserveAsk, Observed, ObservedContainer,
};
use lab_types::UnixMillis;

use crate::faults::Faults;
use crate::message::{Actor, Message};
use crate::queue::Micros;
use crate::rng::SimRng;
use crate::trace::Trace;

/// The Unix time at which every world begins.
const BEGIN: UnixMillis = UnixMillis(1_700_000_000_000);

/// What a clock shows that is wrong by `skew_ms`.
pub(crate) fn clock(now: Micros, skew_ms: i64) -> UnixMillis {
    UnixMillis((BEGIN.0 + now / 1_000).saturating_add_signed(skew_ms))
}

/// Something that will happen to an actor.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A message arrives.
    Deliver {
        from: Actor,
        to: Actor,
        order: u64,
        message: Box<Message>,
    },
    /// A scheduler's timer.
    Scheduler {
        number: usize,
        life: u32,
        timer: SchedulerTimer,
    },
    /// Something of an agent's process.
    Agent {
        number: usize,
        life: u32,
        what: AgentEvent,
    },
    /// Something of a node's engine, whether its agent lives or not.
    Engine { number: usize, what: EngineEvent },
    /// A user acts.
    Client { number: usize, step: u64 },
    /// Something goes wrong, or is mended.
    World(WorldEvent),
}

/// A scheduler's timers.
#[derive(Clone, Debug)]
pub(crate) enum SchedulerTimer {
    /// Try to take the lease.
    Campaign,
    /// Renew it.
    Renew,
    /// The next step of the take-over or the commit, unless another was taken since.
    Step(u64),
    /// A call has had no answer in time.
    Unanswered(u64),
    /// The core wants to be called.
    Wake,
}

/// What happens in an agent's process.
#[derive(Clone, Debug)]
pub(crate) enum AgentEvent {
    /// The sign of life is due.
    Beat,
    /// The core wants to be called.
    Wake,
    /// The ledger is being written.
    Written(Box<Ledger>),
    /// A look at the engine begins.
    Look(ObserveAsk),
    /// It is complete.
    Looked(ObserveAsk, Box<Observed>),
    /// A call returns.
    Returned(
        ActionId,
        Box<Result<Option<ObservedContainer>, ActionError>>,
    ),
    /// The engine tells of a change.
    Hint,
}

/// What happens in an engine.
#[derive(Clone, Debug)]
pub(crate) enum EngineEvent {
    /// It carries out a call of the agent's life that made it.
    Does {
        life: u32,
        id: ActionId,
        action: Box<Action>,
    },
    /// A container's health check judges.
    Judges {
        container: ContainerId,
        started_at: UnixMillis,
        healthy: bool,
    },
    /// It is back.
    Back,
}

/// What befalls the world.
#[derive(Clone, Debug)]
pub(crate) enum WorldEvent {
    /// A fault strikes.
    Strike(crate::faults::Fault),
    /// An actor is no longer cut off.
    Heal(Actor),
    /// NATS is back.
    BusBack,
    /// A scheduler's process starts again.
    SchedulerStarts(usize),
    /// A node is heard again.
    Heard(Actor),
    /// An agent's process starts again.
    AgentStarts(usize),
    /// An agent's disk has room again.
    DiskFreed(usize),
    /// The faults are over.
    FaultsEnd,
    /// Has the lab converged?
    Look,
}

/// What a handler asks for.
#[derive(Debug)]
pub(crate) enum Out {
    /// A message to be sent.
    Send(Actor, Actor, Message),
    /// Something to happen after so long.
    After(Micros, Event),
}

/// What a handler may use.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) now: Micros,
    pub(crate) rng: &'a mut SimRng,
    pub(crate) faults: &'a mut Faults,
    pub(crate) trace: &'a mut Trace,
    pub(crate) out: Vec<Out>,
}

impl Context<'_> {
    pub(crate) fn send(&mut self, from: Actor, to: Actor, message: Message) {
        self.out.push(Out::Send(from, to, message));
    }

    pub(crate) fn after(&mut self, delay: Micros, event: Event) {
        self.out.push(Out::After(delay, event));
    }

    pub(crate) fn strikes(&mut self, fault: crate::faults::Fault) -> bool {
        self.faults.strikes(fault, self.now, self.rng)
    }

    pub(crate) fn note(&mut self, what: std::fmt::Arguments<'_>) {
        self.trace.line(self.now, what);
    }
}
