//! The world: one queue of events, everybody who lives in it, and the end it must come to.

mod deliver;
mod end;
mod excuse;
mod strike;

use lab_types::Resources;

use crate::agent::{Agent, Clock};
use crate::bus::Bus;
use crate::checker::{Broken, Checker};
use crate::client::Client;
use crate::context::{Context, Event, Out, WorldEvent};
use crate::exclusive::Exclusive;
use crate::faults::Faults;
use crate::goal::Goal;
use crate::message::Message;
use crate::options::{Bug, Options, Outcome};
use crate::queue::{Micros, Queue, SECOND};
use crate::rng::SimRng;
use crate::scheduler::Scheduler;
use crate::store::Store;
use crate::trace::Trace;

/// Until when things go wrong.
pub const FAULTS_END: Micros = 45 * SECOND;

/// Until when users think of new requests: some of them come after the last fault.
const REQUESTS_END: Micros = 40 * SECOND;

/// How long after the last fault the lab has to converge: what was lost last is replaced after the
/// 30 s for which replacement waits when many nodes vanish together, its image takes up to 20 s, and
/// a container that crashed again and again waits up to 60 s for its next start.
pub const CONVERGES_WITHIN: Micros = 130 * SECOND;

/// How long the lab must then stay as it is.
const STAYS: Micros = 12 * SECOND;

/// Lets the world of a seed run to its end.
#[must_use]
pub fn run(seed: u64, options: Options) -> Outcome {
    let mut world = World::new(seed, options);
    world.begin();
    let broken = world.live().err();
    Outcome {
        seed,
        broken,
        faults: world.faults.happened,
        converged_after: world.converged_at.map(|at| at.saturating_sub(FAULTS_END)),
        events: world.events,
        excused: world.exclusive.excused(),
        replaced: world.checker.replaced,
        commits: world.checker.commits,
        slots: world.slots,
        acknowledged: world.goal.acknowledged.len(),
        trace_hash: world.trace.hash(),
        trace: world.trace.into_lines(),
    }
}

/// Everything there is.
#[derive(Debug)]
struct World {
    seed: u64,
    now: Micros,
    queue: Queue<Event>,
    rng: SimRng,
    bus: Bus,
    faults: Faults,
    store: Store,
    schedulers: Vec<Scheduler>,
    agents: Vec<Agent>,
    clients: Vec<Client>,
    goal: Goal,
    checker: Checker,
    exclusive: Exclusive,
    trace: Trace,
    events: u64,
    /// A report that breaks a promise was sent.
    said_wrong: Option<Broken>,
    converged_at: Option<Micros>,
    /// The generations given and the containers started by the time it converged.
    quiet_since: Option<(u64, u64)>,
    /// The slots there were when it converged, and how many of them served.
    slots: (u32, u32),
}

impl World {
    fn new(seed: u64, options: Options) -> Self {
        let mut rng = SimRng::new(seed, 0);
        let faults = if options.calm {
            Faults::none()
        } else {
            Faults::new(&mut rng, FAULTS_END)
        };
        let n_nodes = rng.index(4) + 2;
        let skew = |rng: &mut SimRng| i64::try_from(rng.between(0, 4_000)).unwrap_or(0) - 2_000;
        let policy = options.policy();
        let store = Store::new(options.bug == Some(Bug::NoCompareAndSwap));
        let schedulers = (0..2)
            .map(|n| Scheduler::new(n, policy, seed, skew(&mut rng)))
            .collect();
        let agents = (0..n_nodes)
            .map(|n| {
                let clock = Clock {
                    skew_ms: skew(&mut rng),
                    rate_ppm: i64::try_from(rng.between(0, 1_000)).unwrap_or(0) - 500,
                };
                let capacity = Resources {
                    nano_cpus: rng.between(1, 5) * 1_000_000_000,
                    memory_bytes: rng.between(1, 5) << 30,
                };
                Agent::new(n, 2, (clock, capacity), options.agent_bug())
            })
            .collect();
        Self {
            seed,
            now: 0,
            queue: Queue::new(),
            bus: Bus::default(),
            faults,
            store,
            schedulers,
            agents,
            clients: (0..2)
                .map(|n| Client::new(n, seed, REQUESTS_END, 2))
                .collect(),
            goal: Goal::default(),
            checker: Checker::default(),
            exclusive: Exclusive::default(),
            trace: Trace::new(options.trace),
            events: 0,
            said_wrong: None,
            converged_at: None,
            quiet_since: None,
            slots: (0, 0),
            rng,
        }
    }

    fn begin(&mut self) {
        let scheduled = self.faults.schedule(&mut self.rng);
        for (at, fault) in scheduled {
            self.queue.put(at, Event::World(WorldEvent::Strike(fault)));
        }
        self.queue
            .put(FAULTS_END, Event::World(WorldEvent::FaultsEnd));
        self.with(|world, cx| {
            world
                .schedulers
                .iter_mut()
                .for_each(|scheduler| scheduler.start(cx));
            world.agents.iter_mut().for_each(|agent| agent.start(cx));
            world.clients.iter_mut().for_each(|client| client.begin(cx));
        });
    }

    /// Runs a handler with a context, then does what it asked for.
    fn with<T>(&mut self, handler: impl FnOnce(&mut Parts<'_>, &mut Context<'_>) -> T) -> T {
        let mut cx = Context {
            now: self.now,
            rng: &mut self.rng,
            faults: &mut self.faults,
            trace: &mut self.trace,
            out: Vec::new(),
        };
        let mut parts = Parts {
            schedulers: &mut self.schedulers,
            agents: &mut self.agents,
            clients: &mut self.clients,
            goal: &mut self.goal,
        };
        let result = handler(&mut parts, &mut cx);
        for out in cx.out {
            match out {
                Out::After(delay, event) => self.queue.put(self.now + delay, event),
                Out::Send(from, to, message) => {
                    if let Message::Report(_, report) = &message {
                        let said = self.checker.on_report(report);
                        self.said_wrong = self.said_wrong.take().or(said.err());
                    }
                    let (order, arrivals) = self.bus.carry(
                        (from, to),
                        &message,
                        self.now,
                        &mut self.faults,
                        &mut self.rng,
                    );
                    for at in arrivals {
                        let message = Box::new(message.clone());
                        self.queue.put(
                            at,
                            Event::Deliver {
                                from,
                                to,
                                order,
                                message,
                            },
                        );
                    }
                }
            }
        }
        result
    }

    fn live(&mut self) -> Result<(), Broken> {
        while let Some((at, event)) = self.queue.next() {
            self.now = at;
            self.events += 1;
            self.on(event)?;
            if let Some(broken) = self.said_wrong.take() {
                return Err(broken);
            }
            if self.is_over()? {
                return Ok(());
            }
        }
        Err("nothing happens any more".to_owned())
    }

    fn on(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Deliver {
                from,
                to,
                order,
                message,
            } => self.deliver((from, to), order, *message),
            Event::Scheduler {
                number,
                life,
                timer,
            } => {
                if self.is_asleep(number, || Event::Scheduler {
                    number,
                    life,
                    timer: timer.clone(),
                }) {
                    return Ok(());
                }
                self.with(|parts, cx| {
                    let scheduler = &mut parts.schedulers[number];
                    if scheduler.is_up && scheduler.life == life {
                        scheduler.on_timer(&timer, cx);
                    }
                });
                self.check_scheduler(number)
            }
            Event::Agent { number, life, what } => {
                let again = || Event::Agent {
                    number,
                    life,
                    what: what.clone(),
                };
                if self.agents[number].life == life && self.is_agent_asleep(number, again) {
                    return Ok(());
                }
                self.with(|parts, cx| {
                    let agent = &mut parts.agents[number];
                    if agent.life == life {
                        agent.on_event(what, cx);
                    }
                });
                self.check_agent(number)
            }
            Event::Engine { number, what } => {
                self.with(|parts, cx| parts.agents[number].on_engine(what, cx));
                self.check_agent(number)
            }
            Event::Client { number, step } => {
                self.with(|parts, cx| parts.clients[number].on_time(step, parts.goal, cx));
                Ok(())
            }
            Event::World(what) => self.befall(what),
        }
    }
}

/// Those who live in a world, apart from what their handlers use.
struct Parts<'a> {
    schedulers: &'a mut Vec<Scheduler>,
    agents: &'a mut Vec<Agent>,
    clients: &'a mut Vec<Client>,
    goal: &'a mut Goal,
}
