//! Scheduled faults: how they strike and how they are mended.

use super::World;
use crate::checker::Broken;
use crate::context::{Event, WorldEvent};
use crate::faults::Fault;
use crate::message::Actor;
use crate::queue::{MS, Micros, SECOND};

/// How long a node is silent at most: some come back before their exclusive tasks may be replaced,
/// 5 to 7 s after they were last heard in these worlds, and some after it.
const NODE_CUT_MAX: Micros = 28 * SECOND;

impl World {
    pub(super) fn befall(&mut self, what: WorldEvent) -> Result<(), Broken> {
        match what {
            WorldEvent::Strike(fault) => self.strike(fault),
            WorldEvent::Heal(actor) => {
                self.bus.heal(actor);
                self.connected(actor);
            }
            WorldEvent::Heard(actor) => self.bus.unmute(actor),
            WorldEvent::BusBack => {
                self.bus.comes_back();
                if !self.bus.is_away() {
                    self.everybody_connected();
                }
            }
            WorldEvent::SchedulerStarts(number) => {
                self.with(|parts, cx| {
                    if !parts.schedulers[number].is_up {
                        parts.schedulers[number].start(cx);
                    }
                });
            }
            WorldEvent::AgentStarts(number) => {
                self.with(|parts, cx| {
                    if parts.agents[number].core.is_none() && !parts.agents[number].is_dead {
                        parts.agents[number].start(cx);
                    }
                });
                return self.checker.on_agent(&self.agents[number], &self.goal);
            }
            WorldEvent::DiskFreed(number) => self.agents[number].disk_is_full = false,
            WorldEvent::FaultsEnd => self.in_world(SECOND, WorldEvent::Look),
            WorldEvent::Look => return self.look(),
        }
        Ok(())
    }

    pub(super) fn in_world(&mut self, delay: Micros, what: WorldEvent) {
        self.queue.put(self.now + delay, Event::World(what));
    }

    /// How long a fault lasts that strikes now.
    fn lasting(&mut self, least: Micros, most: Micros) -> Micros {
        let lasts = self.rng.between(least, most);
        self.faults.mended_in(lasts, self.now)
    }

    /// The scheduler that leads, or else any.
    fn leader(&mut self) -> usize {
        let leader = self
            .schedulers
            .iter()
            .position(|scheduler| scheduler.core().is_some());
        leader.unwrap_or_else(|| self.rng.index(self.schedulers.len()))
    }

    fn strike(&mut self, fault: Fault) {
        let node = self.rng.index(self.agents.len());
        let struck = match fault {
            Fault::NodeCutOff => self.cut(Actor::Node(node), NODE_CUT_MAX),
            Fault::NodeUnheard => self.mute(Actor::Node(node)),
            Fault::NodeDies => self.bury(node),
            Fault::AgentHangs => {
                let delay = self.lasting(2 * SECOND, NODE_CUT_MAX);
                self.agents[node].hang(self.now + delay);
                self.agents[node].core.is_some()
            }
            Fault::LeaderCutOff => {
                let leader = self.leader();
                self.cut(Actor::Scheduler(leader), 12 * SECOND)
            }
            Fault::BusRestarts => self.restart_bus(),
            Fault::LeaderKilled => {
                let leader = self.leader();
                self.kill_scheduler(leader)
            }
            Fault::PowerCut => {
                self.restart_bus();
                for number in 0..self.schedulers.len() {
                    self.kill_scheduler(number);
                }
                for number in 0..self.agents.len() {
                    self.kill_agent(number);
                    self.agents[number].lose_power();
                    self.with(|parts, cx| parts.agents[number].strike(Fault::EngineRestarts, cx));
                }
                true
            }
            Fault::LeaderHangs => {
                let leader = self.leader();
                let delay = self.lasting(2 * SECOND, 9 * SECOND);
                let until = self.now + delay;
                self.schedulers[leader].hangs_until = until;
                true
            }
            Fault::AgentKilled => self.kill_agent(node),
            Fault::DiskFull => {
                self.agents[node].disk_is_full = true;
                let delay = self.lasting(SECOND, 10 * SECOND);
                self.in_world(delay, WorldEvent::DiskFreed(node));
                true
            }
            Fault::EngineRestarts
            | Fault::ContainerCrashes
            | Fault::ContainerVanishes
            | Fault::Unhealthy => self.with(|parts, cx| {
                // Any node that has something to strike.
                let n = parts.agents.len();
                (0..n).any(|step| parts.agents[(node + step) % n].strike(fault, cx))
            }),
            Fault::Delay
            | Fault::Drop
            | Fault::Duplicate
            | Fault::Reorder
            | Fault::AckLost
            | Fault::EngineAnswerLost
            | Fault::EngineHintLost
            | Fault::StartFails
            | Fault::SlowPull => false,
        };
        self.trace
            .line(self.now, format_args!("FAULT {fault:?} {struck}"));
        if struck {
            self.faults.count(fault);
        }
    }

    /// A node of three or more dies for good; in a world of two nothing would be left to move to.
    fn bury(&mut self, node: usize) -> bool {
        let dies = self.agents.len() > 2 && !self.agents.iter().any(|agent| agent.is_dead);
        if dies {
            let now = self.now;
            self.agents[node].die(now);
        }
        dies
    }

    /// What an actor says is lost for a while.
    fn mute(&mut self, actor: Actor) -> bool {
        let delay = self.lasting(2 * SECOND, NODE_CUT_MAX);
        self.bus.mute(actor);
        self.in_world(delay, WorldEvent::Heard(actor));
        true
    }

    fn restart_bus(&mut self) -> bool {
        self.bus.goes_away();
        let delay = self.lasting(SECOND, 7 * SECOND);
        self.in_world(delay, WorldEvent::BusBack);
        for number in 0..self.schedulers.len() {
            self.notice(Actor::Scheduler(number), false);
        }
        true
    }

    fn kill_scheduler(&mut self, number: usize) -> bool {
        let alive = self.schedulers[number].is_up;
        self.schedulers[number].kill();
        let delay = self.lasting(500 * MS, 10 * SECOND);
        self.in_world(delay, WorldEvent::SchedulerStarts(number));
        alive
    }

    fn kill_agent(&mut self, number: usize) -> bool {
        let alive = self.agents[number].core.is_some();
        self.agents[number].kill();
        let delay = self.lasting(100 * MS, 15 * SECOND);
        self.in_world(delay, WorldEvent::AgentStarts(number));
        alive
    }

    fn cut(&mut self, actor: Actor, longest: Micros) -> bool {
        self.bus.cut(actor);
        let delay = self.lasting(SECOND, longest);
        self.in_world(delay, WorldEvent::Heal(actor));
        self.notice(actor, false);
        true
    }

    /// Half of those who are cut off notice; the other half only hear nothing.
    fn notice(&mut self, actor: Actor, is_connected: bool) {
        let notices = is_connected || self.rng.chance(500);
        if let (Actor::Scheduler(number), true) = (actor, notices) {
            self.with(|parts, cx| {
                if parts.schedulers[number].is_up {
                    parts.schedulers[number].on_connection(is_connected, cx);
                }
            });
        }
    }

    fn connected(&mut self, actor: Actor) {
        self.notice(actor, true);
        if let Actor::Node(number) = actor {
            self.with(|parts, cx| parts.agents[number].on_connected(cx));
        }
    }

    fn everybody_connected(&mut self) {
        for number in 0..self.schedulers.len() {
            self.connected(Actor::Scheduler(number));
        }
        for number in 0..self.agents.len() {
            self.connected(Actor::Node(number));
        }
    }
}
