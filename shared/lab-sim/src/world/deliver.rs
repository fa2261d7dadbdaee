//! Messages that arrive, and what is checked after each event.

use lab_types::RequestId;

use super::World;
use crate::checker::{Broken, Seen};
use crate::context::Event;
use crate::faults::Fault;
use crate::message::{Actor, Answer, Message};

impl World {
    pub(super) fn check_agent(&mut self, number: usize) -> Result<(), Broken> {
        self.checker.on_agent(&self.agents[number], &self.goal)?;
        self.exclusive.check(&self.agents, self.now)
    }

    pub(super) fn check_scheduler(&mut self, number: usize) -> Result<(), Broken> {
        let holders = self
            .schedulers
            .iter()
            .filter(|scheduler| scheduler.holds_lease(self.now));
        if holders.count() > 1 {
            return Err("two schedulers believe to hold the lease".to_owned());
        }
        self.checker.on_leader(&self.schedulers[number], self.now)
    }

    /// Whether a leader gets a copy of a request of which an earlier leader has said that it changes
    /// nothing. Such an answer is remembered by its leader alone, so such a copy would be judged anew,
    /// and the user has been told that nothing is changed. Copies that outlive a leader do not exist on a real bus: whoever waits
    /// for a dead leader's answer gets none, and asks again.
    fn was_idle(&self, scheduler: usize, id: &RequestId) -> bool {
        let epoch = self.schedulers[scheduler]
            .core()
            .map(|core| core.leader().epoch);
        let idle = self.goal.idle.get(id);
        idle.is_some_and(|told| Some(*told) != epoch)
    }

    /// Whether a scheduler stands still; what should happen to it happens when it goes on.
    pub(super) fn is_asleep(&mut self, number: usize, event: impl FnOnce() -> Event) -> bool {
        let until = self.schedulers[number].hangs_until;
        let asleep = until > self.now;
        if asleep {
            self.queue.put(until, event());
        }
        asleep
    }

    /// The same for an agent.
    pub(super) fn is_agent_asleep(&mut self, number: usize, event: impl FnOnce() -> Event) -> bool {
        let until = self.agents[number].hangs_until;
        let asleep = until > self.now;
        if asleep {
            self.queue.put(until, event());
        }
        asleep
    }

    pub(super) fn deliver(
        &mut self,
        pair: (Actor, Actor),
        order: u64,
        message: Message,
    ) -> Result<(), Broken> {
        let (from, to) = pair;
        if !self.bus.reaches(to) || !self.bus.reaches(from) {
            return Ok(());
        }
        let again = || Event::Deliver {
            from,
            to,
            order,
            message: Box::new(message.clone()),
        };
        let asleep = match to {
            Actor::Scheduler(number) => self.is_asleep(number, again),
            Actor::Node(number) => self.is_agent_asleep(number, again),
            Actor::Clients | Actor::Store => false,
        };
        if asleep {
            return Ok(());
        }
        if self.bus.arrives(pair, order) {
            self.faults.count(Fault::Reorder);
        }
        self.trace
            .line(self.now, format_args!("{from}→{to} {message}"));
        match to {
            Actor::Store => self.call(message),
            Actor::Clients => self.answer(&message),
            Actor::Node(number) => {
                self.with(|parts, cx| parts.agents[number].on_message(message, cx));
                self.check_agent(number)
            }
            Actor::Scheduler(number) => {
                let heard = match &message {
                    Message::Report(node, _) => Some(crate::agent::node_id(*node)),
                    Message::Request(request) if self.was_idle(number, &request.id) => {
                        return Ok(());
                    }
                    _ => None,
                };
                self.with(|parts, cx| {
                    let scheduler = &mut parts.schedulers[number];
                    if scheduler.is_up {
                        scheduler.on_message(message, cx);
                    }
                });
                if let Some(node) = heard {
                    self.checker.on_heard(&self.schedulers[number], &node)?;
                }
                self.check_scheduler(number)
            }
        }
    }

    fn call(&mut self, message: Message) -> Result<(), Broken> {
        let Message::Call { from, number, call } = message else {
            return Ok(());
        };
        let answer = self.store.call(&call, self.now);
        if let (Answer::Stored { .. }, Some(head)) = (&answer, &self.store.head) {
            let seen = Seen {
                agents: &self.agents,
                goal: &self.goal,
                now: self.now,
            };
            self.checker.on_stored(&call, head, &seen)?;
        }
        self.with(|_, cx| {
            let answer = Message::Answer {
                number,
                answer: Box::new(answer),
            };
            cx.send(Actor::Store, Actor::Scheduler(from), answer);
        });
        Ok(())
    }

    fn answer(&mut self, message: &Message) -> Result<(), Broken> {
        let Message::Reply(reply, epoch) = message else {
            return Ok(());
        };
        let acknowledged = self.goal.acknowledged.len();
        self.with(|parts, cx| {
            let user = reply.user.as_str();
            let number: Option<usize> = user.strip_prefix('u').and_then(|n| n.parse().ok());
            match number.and_then(|number| parts.clients.get_mut(number)) {
                Some(client) => client.on_reply(reply, *epoch, parts.goal, cx),
                None => Ok(()),
            }
        })?;
        let is_new = self.goal.acknowledged.len() > acknowledged;
        let key = lab_placement::Key::Answer(reply.request.clone());
        if is_new && !self.store.records.contains_key(&key) {
            return Err(format!(
                "{} was acknowledged and is not in the state",
                reply.request
            ));
        }
        Ok(())
    }
}
