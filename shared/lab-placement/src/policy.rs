//! The numbers a leader decides by, and who it is.

use lab_types::{DurationMs, Epoch, Fence, Generation, Incarnation};

/// Which leader decides: the first two parts of every fence it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leader {
    /// Which life of the lab's state.
    pub incarnation: Incarnation,
    /// Which leader of it.
    pub epoch: Epoch,
}

impl Leader {
    /// The fence of the next version of an assignment whose version now is `current`.
    #[must_use]
    pub const fn fence_after(self, current: Fence) -> Fence {
        Fence {
            incarnation: self.incarnation,
            epoch: self.epoch,
            generation: Generation(current.generation.0.saturating_add(1)),
        }
    }
}

/// The numbers a leader decides by. [`Policy::default`] is what a lab uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How often an agent gives a sign of life.
    pub beat: DurationMs,
    /// After how many missed signs of life a node is lost.
    pub beats_missed_max: u32,
    /// How long after the leader's own connection was made (again) a node that was not heard since may
    /// be silent.
    pub rejoin: DurationMs,
    /// How many nodes must vanish together, at least, before it counts as one common fault.
    pub vanish_together_min: u32,
    /// One in how many nodes must vanish together for it to count as one common fault.
    pub vanish_together_share: u32,
    /// How long replacement waits after such a fault.
    pub hold: DurationMs,
    /// The length of the leader's own lease: for so long an earlier leader may have gone on answering.
    pub lease: DurationMs,
    /// For how long an agent may run exclusive tasks after the leader has heard it.
    pub guard: DurationMs,
    /// How much longer the leader waits than an agent may take until its exclusive tasks have ended.
    pub guard_margin: DurationMs,
    /// How long the answer of a request that changed something is kept for its repetition.
    pub answers_kept: DurationMs,
    /// How many such answers are kept for one user; the oldest go first.
    pub answers_max: u32,
    /// For how long the event stream recognises a repeated event: a new leader tells again only what
    /// was observed within this time before it took over.
    pub event_window: DurationMs,
    /// How many tasks one node takes at most.
    pub tasks_per_node_max: u32,
    /// How long published events may stay in the outbox when no other pass comes along.
    pub outbox_sweep: DurationMs,
    /// How many agents are asked for their inventory at a time.
    pub asks_max: u32,
    /// How often the nodes are asked while slots wait for one.
    pub pending_ask: DurationMs,
    /// How long an agent may take to send its inventory before it is asked again.
    pub ask_timeout: DurationMs,
    /// Bugs that the simulation must find.
    #[cfg(feature = "planted-bugs")]
    pub planted: PlantedBugs,
}

/// Bugs that the simulation must find; each stands for a promise that would be broken.
#[cfg(feature = "planted-bugs")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlantedBugs {
    /// Assignments are pushed when a pass is drafted, not when it is committed.
    pub push_before_commit: bool,
    /// Reports are believed in any order.
    pub believe_any_order: bool,
    /// A lost node's exclusive tasks are replaced at once.
    pub no_guard: bool,
    /// What tasks reserve is not counted.
    pub overbook: bool,
    /// No node is ever good enough.
    pub place_nothing: bool,
    /// Whatever ends has ended for good.
    pub give_up_early: bool,
}

impl Policy {
    /// How long a node may be silent: three missed beats of a second each make 3 s, which leaves 2 s
    /// of the promised 5 s for placing and starting the replacement.
    #[must_use]
    pub const fn silence_max(&self) -> DurationMs {
        DurationMs(self.beat.0.saturating_mul(self.beats_missed_max as u64))
    }

    /// How long after a node was last heard an exclusive task on it has ended, if its container takes
    /// `stop_grace` to stop: the agent's lease, the stop, and the margin; with the usual 10 s each
    /// and a margin of 3 s, 23 s.
    #[must_use]
    pub const fn guard_wait(&self, stop_grace: DurationMs) -> DurationMs {
        let lease_and_stop = self.guard.0.saturating_add(stop_grace.0);
        DurationMs(lease_and_stop.saturating_add(self.guard_margin.0))
    }
}

#[cfg(feature = "planted-bugs")]
impl Policy {
    pub(crate) const fn pushes_before_commit(&self) -> bool {
        self.planted.push_before_commit
    }

    pub(crate) const fn believes_any_order(&self) -> bool {
        self.planted.believe_any_order
    }

    pub(crate) const fn has_no_guard(&self) -> bool {
        self.planted.no_guard
    }

    pub(crate) const fn overbooks(&self) -> bool {
        self.planted.overbook
    }

    pub(crate) const fn places_nothing(&self) -> bool {
        self.planted.place_nothing
    }

    pub(crate) const fn gives_up_early(&self) -> bool {
        self.planted.give_up_early
    }
}

#[cfg(not(feature = "planted-bugs"))]
#[allow(
    clippy::unused_self,
    reason = "the same calls as with the simulation's planted bugs"
)]
impl Policy {
    pub(crate) const fn pushes_before_commit(&self) -> bool {
        false
    }

    pub(crate) const fn believes_any_order(&self) -> bool {
        false
    }

    pub(crate) const fn has_no_guard(&self) -> bool {
        false
    }

    pub(crate) const fn overbooks(&self) -> bool {
        false
    }

    pub(crate) const fn places_nothing(&self) -> bool {
        false
    }

    pub(crate) const fn gives_up_early(&self) -> bool {
        false
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            beat: DurationMs::from_secs(1),
            beats_missed_max: 3,
            // After a restart of nats-server a thousand agents are back within 2 s on an idle machine, and
            // within 8 s on one that has ten times too much to do (`ops/bench/scale.sh`).
            rejoin: DurationMs::from_secs(10),
            // One node of a lab of three is a third of it, and the most usual loss of all: a fault
            // common to several nodes shows at two.
            vanish_together_min: 2,
            vanish_together_share: 3,
            // A switch or a NATS server restarts within half a minute.
            hold: DurationMs::from_secs(30),
            // What a scheduler's configuration says by default.
            lease: DurationMs::from_secs(4),
            // Exclusive tasks should outlive what the lab mends by itself: a leader that hangs loses its
            // lease after 4 s and is followed within 1 s, and a client finds a restarted NATS within
            // 4 s: 9 s.
            guard: DurationMs::from_secs(10),
            // Clocks: the leader's may run a twentieth fast while it follows a wall clock that was set,
            // which is 1.2 s of 23 s; otherwise two differ by 60 ms in a minute at most. Messages:
            // nothing, because the agent counts from when it sent what was answered. The engine: ending a
            // container after its grace takes it 0.3 s, and some seconds when 32 end at once.
            guard_margin: DurationMs::from_secs(3),
            // A script that is run again the next morning still gets its first answer.
            answers_kept: DurationMs::from_secs(24 * 60 * 60),
            // A script that changes twenty things a second can repeat what it asked for four minutes ago,
            // and clients repeat within seconds; at some 300 bytes each they take 1.5 MB of the state.
            answers_max: 5_000,
            // NATS' own default for `duplicate_window`.
            event_window: DurationMs::from_secs(120),
            // A Linux bridge has 1,023 ports, and the record of a thousand tasks stays below NATS'
            // largest message of 1 MiB.
            tasks_per_node_max: 1000,
            outbox_sweep: DurationMs::from_secs(1),
            // 64 inventories of 50 tasks are about 2 MB: read in some milliseconds.
            asks_max: 64,
            // Freeing a port and seeing the service start should feel like one thing.
            pending_ask: DurationMs::from_secs(5),
            ask_timeout: DurationMs::from_secs(2),
            #[cfg(feature = "planted-bugs")]
            planted: PlantedBugs::default(),
        }
    }
}
