//! What becomes of a message on its way.

use std::collections::BTreeMap;

use crate::faults::{Fault, Faults};
use crate::message::{Actor, Answer, Message};
use crate::queue::{MS, Micros, SECOND};
use crate::rng::SimRng;

/// The bus: who can hear whom, and how long it takes.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    /// Who is cut off, and by how many faults at once.
    cut: BTreeMap<Actor, u32>,
    /// Whose messages are lost, and by how many faults at once.
    unheard: BTreeMap<Actor, u32>,
    /// How many faults keep NATS itself away.
    away: u32,
    lanes: BTreeMap<(Actor, Actor), Lane>,
}

/// What one says to another.
#[derive(Debug, Default)]
struct Lane {
    /// When the last message arrives that keeps its place: NATS keeps the order.
    last: Micros,
    sent: u64,
    /// The number of the newest message that has arrived.
    arrived: u64,
}

impl Bus {
    pub(crate) fn cut(&mut self, actor: Actor) {
        *self.cut.entry(actor).or_default() += 1;
    }

    pub(crate) fn heal(&mut self, actor: Actor) {
        if let Some(times) = self.cut.get_mut(&actor) {
            *times = times.saturating_sub(1);
        }
    }

    /// What an actor says is lost, and what is said to it arrives.
    pub(crate) fn mute(&mut self, actor: Actor) {
        *self.unheard.entry(actor).or_default() += 1;
    }

    pub(crate) fn unmute(&mut self, actor: Actor) {
        if let Some(times) = self.unheard.get_mut(&actor) {
            *times = times.saturating_sub(1);
        }
    }

    pub(crate) const fn goes_away(&mut self) {
        self.away += 1;
    }

    pub(crate) const fn comes_back(&mut self) {
        self.away = self.away.saturating_sub(1);
    }

    pub(crate) fn is_away(&self) -> bool {
        self.away > 0
    }

    pub(crate) fn reaches(&self, actor: Actor) -> bool {
        self.away == 0 && self.cut.get(&actor).is_none_or(|times| *times == 0)
    }

    /// The message's number on its lane, and when it arrives: not at all, once, or more than once.
    pub(crate) fn carry(
        &mut self,
        pair: (Actor, Actor),
        message: &Message,
        now: Micros,
        faults: &mut Faults,
        rng: &mut SimRng,
    ) -> (u64, Vec<Micros>) {
        let muted = self.unheard.get(&pair.0).is_some_and(|times| *times > 0);
        let reaches = self.reaches(pair.0) && self.reaches(pair.1) && !muted;
        let lane = self.lanes.entry(pair).or_default();
        lane.sent += 1;
        let lost = faults.strikes(Fault::Drop, now, rng) || is_lost_ack(message, now, faults, rng);
        if !reaches || lost {
            return (lane.sent, Vec::new());
        }
        let mut at = (now + rng.between(MS / 5, 4 * MS)).max(lane.last + 1);
        if faults.strikes(Fault::Delay, now, rng) {
            at += rng.between(SECOND / 2, 8 * SECOND);
        } else if faults.overtakes(now, rng) {
            at += rng.between(5 * MS, SECOND);
        } else {
            lane.last = at;
        }
        let mut arrivals = vec![at];
        if faults.strikes(Fault::Duplicate, now, rng) {
            arrivals.push(at + rng.between(1, 3 * SECOND));
        }
        (lane.sent, arrivals)
    }

    /// Notes that a message has arrived; says whether a later one was here before it.
    pub(crate) fn arrives(&mut self, pair: (Actor, Actor), number: u64) -> bool {
        let lane = self.lanes.entry(pair).or_default();
        let late = number < lane.arrived;
        lane.arrived = lane.arrived.max(number);
        late
    }
}

fn is_lost_ack(message: &Message, now: Micros, faults: &mut Faults, rng: &mut SimRng) -> bool {
    let is_ack = match message {
        Message::Answer { answer, .. } => matches!(**answer, Answer::Stored { .. }),
        _ => false,
    };
    is_ack && faults.strikes(Fault::AckLost, now, rng)
}
