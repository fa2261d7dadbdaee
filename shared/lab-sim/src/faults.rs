//! What goes wrong in a world.

use std::collections::{BTreeMap, BTreeSet};

use crate::queue::{Micros, SECOND};
use crate::rng::SimRng;

/// One kind of thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A message takes seconds.
    Delay,
    /// A message is lost.
    Drop,
    /// A message arrives twice.
    Duplicate,
    /// A message overtakes another of the same sender and receiver.
    Reorder,
    /// A node is cut off from everything.
    NodeCutOff,
    /// The leader is cut off from everything.
    LeaderCutOff,
    /// NATS is away for some seconds.
    BusRestarts,
    /// A pass is stored, and its acknowledgement is lost.
    AckLost,
    /// The leader's process is killed.
    LeaderKilled,
    /// The leader's process stands still for longer than its lease.
    LeaderHangs,
    /// An agent's process is killed.
    AgentKilled,
    /// An agent's process stands still, also for longer than exclusive tasks may run without it.
    AgentHangs,
    /// A node is heard no more, and hears all that is said to it.
    NodeUnheard,
    /// A node dies with all that runs on it, and never comes back.
    NodeDies,
    /// Everything stops at once and comes back in any order: processes, engines, NATS.
    PowerCut,
    /// An agent's disk is full for a while.
    DiskFull,
    /// An engine is away for a while; its containers end.
    EngineRestarts,
    /// The engine does what it is asked, and its answer is lost.
    EngineAnswerLost,
    /// The engine's word that something changed is lost.
    EngineHintLost,
    /// A container ends with an error.
    ContainerCrashes,
    /// Somebody removes a container.
    ContainerVanishes,
    /// A container fails its health check for a while.
    Unhealthy,
    /// The engine refuses to start a container.
    StartFails,
    /// An image takes many seconds to pull.
    SlowPull,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Delay,
        Self::Drop,
        Self::Duplicate,
        Self::Reorder,
        Self::NodeCutOff,
        Self::LeaderCutOff,
        Self::BusRestarts,
        Self::AckLost,
        Self::LeaderKilled,
        Self::LeaderHangs,
        Self::AgentKilled,
        Self::AgentHangs,
        Self::NodeUnheard,
        Self::NodeDies,
        Self::PowerCut,
        Self::DiskFull,
        Self::EngineRestarts,
        Self::EngineAnswerLost,
        Self::EngineHintLost,
        Self::ContainerCrashes,
        Self::ContainerVanishes,
        Self::Unhealthy,
        Self::StartFails,
        Self::SlowPull,
    ];

    /// How often it comes, where it is a thing that befalls one message, call or pull: so many times
    /// in a thousand. `None` where it is scheduled.
    const fn permille(self) -> Option<u64> {
        match self {
            Self::Delay => Some(15),
            Self::Drop => Some(40),
            Self::Duplicate => Some(40),
            Self::Reorder => Some(40),
            Self::AckLost => Some(150),
            Self::EngineAnswerLost => Some(100),
            Self::EngineHintLost => Some(200),
            Self::StartFails => Some(120),
            Self::SlowPull => Some(500),
            Self::NodeCutOff
            | Self::LeaderCutOff
            | Self::BusRestarts
            | Self::LeaderKilled
            | Self::LeaderHangs
            | Self::AgentKilled
            | Self::AgentHangs
            | Self::NodeUnheard
            | Self::NodeDies
            | Self::PowerCut
            | Self::DiskFull
            | Self::EngineRestarts
            | Self::ContainerCrashes
            | Self::ContainerVanishes
            | Self::Unhealthy => None,
        }
    }
}

/// Which faults a world has, and how often each has really happened.
#[derive(Debug)]
pub(crate) struct Faults {
    enabled: BTreeSet<Fault>,
    pub(crate) happened: BTreeMap<Fault, u32>,
    /// From this moment on nothing goes wrong any more.
    end_at: Micros,
}

impl Faults {
    /// Each kind is in about half of all worlds, so that worlds with few faults, in which a bug is
    /// easiest to read, exist too.
    pub(crate) fn new(rng: &mut SimRng, end_at: Micros) -> Self {
        let enabled = Fault::ALL.into_iter().filter(|_| rng.chance(500));
        Self {
            enabled: enabled.collect(),
            happened: BTreeMap::new(),
            end_at,
        }
    }

    /// No faults at all.
    pub(crate) const fn none() -> Self {
        Self {
            enabled: BTreeSet::new(),
            happened: BTreeMap::new(),
            end_at: 0,
        }
    }

    /// When each scheduled fault strikes.
    pub(crate) fn schedule(&self, rng: &mut SimRng) -> Vec<(Micros, Fault)> {
        let mut scheduled = Vec::new();
        for fault in &self.enabled {
            if fault.permille().is_none() {
                for _ in 0..rng.between(1, 4) {
                    scheduled.push((rng.between(4 * SECOND, self.end_at), *fault));
                }
            }
        }
        scheduled
    }

    /// Whether this fault befalls the message, call or pull at hand.
    pub(crate) fn strikes(&mut self, fault: Fault, now: Micros, rng: &mut SimRng) -> bool {
        let permille = fault.permille().unwrap_or(0);
        let strikes = now < self.end_at && self.enabled.contains(&fault) && rng.chance(permille);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// Whether a message loses its place. It has overtaken nothing before it is overtaken, so this is
    /// not counted here.
    pub(crate) fn overtakes(&self, now: Micros, rng: &mut SimRng) -> bool {
        let permille = Fault::Reorder.permille().unwrap_or(0);
        now < self.end_at && self.enabled.contains(&Fault::Reorder) && rng.chance(permille)
    }

    /// In how long a fault is mended that should last for `lasts`: none outlives the last fault.
    pub(crate) fn mended_in(&self, lasts: Micros, now: Micros) -> Micros {
        lasts.min(self.end_at.saturating_sub(now))
    }

    /// Notes that a fault has really happened.
    pub(crate) fn count(&mut self, fault: Fault) {
        *self.happened.entry(fault).or_default() += 1;
    }
}
