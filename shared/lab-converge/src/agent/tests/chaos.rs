//! Any order of pushes, results, looks, failures and restarts.

use lab_types::{Assignment, ConfirmationId, Gate, RestartPolicy, TaskSpec, TaskState, TaskTarget};
use proptest::prelude::*;

use super::rig::{How, Rig};
use crate::fixture::{fence, job, name, network_of, node, redis, task, volume_of, web};
use crate::model::{ModelContainer, ModelEngine};
use crate::observed::ContainerState;

#[derive(Clone, Debug)]
enum Step {
    /// The newest assignment changes: one bit a task for there, to stop, gate open.
    Change {
        there: u8,
        stop: u8,
        open: u8,
        epoch: bool,
        volume: bool,
    },
    /// An old assignment comes in again.
    Replay {
        which: u8,
    },
    /// The newest assignment comes in (again), with or without its specs.
    PushNewest {
        specs: bool,
    },
    Finish {
        which: u8,
        how: How,
    },
    HandIn,
    Later {
        ms: u16,
    },
    Exits {
        which: u8,
        code: u8,
    },
    Vanishes {
        which: u8,
    },
    PersonRestarts {
        which: u8,
    },
    AgentRestarts,
    DiskFull {
        full: bool,
    },
    EngineDown {
        down: bool,
    },
    EngineRestarts,
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        6 => Just(How::Works),
        1 => Just(How::WorksUnseen),
        1 => Just(How::WorksUnheard),
        1 => Just(How::Lost),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (any::<u8>(), any::<u8>(), any::<u8>(), any::<bool>(), any::<bool>()).prop_map(
            |(there, stop, open, epoch, volume)| Step::Change {
                there,
                stop: stop & there.reverse_bits(),
                open,
                epoch,
                volume,
            }
        ),
        1 => any::<u8>().prop_map(|which| Step::Replay { which }),
        2 => any::<bool>().prop_map(|specs| Step::PushNewest { specs }),
        12 => (any::<u8>(), how()).prop_map(|(which, how)| Step::Finish { which, how }),
        8 => Just(Step::HandIn),
        4 => (0u16..20_000).prop_map(|ms| Step::Later { ms }),
        2 => (any::<u8>(), 0u8..3).prop_map(|(which, code)| Step::Exits { which, code }),
        1 => any::<u8>().prop_map(|which| Step::Vanishes { which }),
        1 => any::<u8>().prop_map(|which| Step::PersonRestarts { which }),
        1 => Just(Step::AgentRestarts),
        1 => any::<bool>().prop_map(|full| Step::DiskFull { full }),
        1 => any::<bool>().prop_map(|down| Step::EngineDown { down }),
        1 => Just(Step::EngineRestarts),
    ]
}

/// The eight tasks that come and go. Two publish the same port, one needs an image that must be
/// pulled, one an image that does not exist.
fn specs() -> Vec<TaskSpec> {
    let image = |image: &str| TaskSpec {
        image: image.into(),
        ..job(RestartPolicy::Always)
    };
    vec![
        web(),
        TaskSpec {
            stop_grace: lab_types::DurationMs(1),
            ..web()
        },
        redis(),
        job(RestartPolicy::Never),
        job(RestartPolicy::OnFailure),
        job(RestartPolicy::OnFailureAtMost { max_attempts: 2 }),
        image("late"),
        image("missing"),
    ]
}

struct World {
    rig: Rig,
    /// All assignments the leader ever made, oldest first.
    made: Vec<Assignment>,
    /// Tasks that were dropped or told to stop: they never come back, others take their slots.
    lives: [u32; 8],
}

impl World {
    fn new() -> Self {
        let mut engine = ModelEngine {
            images: ["web", "redis", "job"].map(String::from).into(),
            registry: ["late".to_owned()].into(),
            ..ModelEngine::default()
        };
        engine.put(ModelContainer::created(
            "shop-d-1",
            Default::default(),
            web(),
        ));
        engine.put(ModelContainer::created(
            "nginx",
            Default::default(),
            TaskSpec::default(),
        ));
        engine.networks.insert(name("bridge"), Default::default());
        engine.volumes.insert(name("photos"), Default::default());
        let first = Assignment {
            fence: fence(1, 1),
            ..Assignment::empty(node())
        };
        let mut rig = Rig::new(engine);
        rig.pump();
        Self {
            rig,
            made: vec![first],
            lives: [0; 8],
        }
    }

    fn newest(&self) -> &Assignment {
        self.made.last().unwrap()
    }

    fn change(&mut self, step: &Step) {
        let Step::Change {
            there,
            stop,
            open,
            epoch,
            volume,
        } = *step
        else {
            return;
        };
        let mut next = self.newest().clone();
        let old = next.fence;
        next.fence = if epoch {
            fence(old.epoch.0 + 1, old.generation.0 + 1)
        } else {
            fence(old.epoch.0, old.generation.0 + 1)
        };
        next.networks = [network_of("shop", false)].into();
        next.volumes = if volume {
            [volume_of("shop", false)].into()
        } else {
            [].into()
        };
        let uses_volume = there & 4 != 0;
        next.remove_volumes.clear();
        if !volume && !uses_volume {
            let confirmation = ConfirmationId::new(format!("req-{}", old.generation.0)).unwrap();
            next.remove_volumes.insert(name("shop_data"), confirmation);
        }
        for (bit, spec) in (0usize..).zip(specs()) {
            let has = |mask: u8| mask & (1 << bit) != 0;
            let service = ["a", "b", "c", "d", "e", "f", "g", "h"][bit];
            let id = format!("{service}{}", self.lives[bit]);
            let is_stopping = next
                .tasks
                .get(id.as_str())
                .is_some_and(|t| t.target == TaskTarget::Stop);
            let assigned = next.tasks.contains_key(id.as_str());
            if assigned && (!has(there) || is_stopping && has(open)) {
                next.tasks.remove(id.as_str());
                self.lives[bit] += 1;
            } else if has(there) {
                let gate = if has(open) { Gate::Open } else { Gate::Closed };
                let mut wanted = task(&id, service, 1, &spec);
                let old = next.tasks.get(id.as_str());
                let was_open = old.is_some_and(|task| task.gate == Gate::Open);
                wanted.gate = if was_open { Gate::Open } else { gate };
                let stops = is_stopping || (assigned && has(stop));
                wanted.target = if stops {
                    TaskTarget::Stop
                } else {
                    TaskTarget::Run
                };
                next.tasks.insert(wanted.id.clone(), wanted);
            }
        }
        self.made.push(next);
    }

    fn container(&self, which: u8) -> Option<crate::observed::ContainerId> {
        let ours: Vec<_> = self
            .rig
            .engine
            .containers
            .iter()
            .filter(|(_, c)| !c.labels.is_empty())
            .collect();
        let index = usize::from(which) % ours.len().max(1);
        ours.get(index).map(|(id, _)| (*id).clone())
    }

    fn take(&mut self, step: &Step) {
        let now = self.rig.now;
        match *step {
            Step::Change { .. } => self.change(step),
            Step::Replay { which } => {
                let index = usize::from(which) % self.made.len();
                self.rig.push(self.made[index].clone(), &specs());
            }
            Step::PushNewest { specs: with } => {
                let specs = if with { specs() } else { Vec::new() };
                self.rig.push(self.newest().clone(), &specs);
            }
            Step::Finish { which, how } if !self.rig.issued.is_empty() => {
                let index = usize::from(which) % self.rig.issued.len();
                self.rig.finish(index, how);
            }
            Step::Finish { .. } | Step::HandIn => self.rig.hand_in(),
            Step::Later { ms } => self.rig.later(u64::from(ms)),
            Step::Exits { which, code } => {
                if let Some(id) = self.container(which) {
                    self.rig.engine.exit(&id, i64::from(code), now);
                }
            }
            Step::Vanishes { which } => {
                if let Some(id) = self.container(which) {
                    self.rig.engine.containers.remove(&id);
                }
            }
            Step::PersonRestarts { which } => {
                let id = self.container(which);
                let container = id.and_then(|id| self.rig.engine.containers.get_mut(&id));
                if let Some(container) = container.filter(|c| c.started_at.is_some()) {
                    container.started_at = container
                        .started_at
                        .map(|at| at.max(now))
                        .map(|at| lab_types::UnixMillis(at.0 + 1));
                    container.state = ContainerState::Running;
                }
            }
            Step::AgentRestarts => self.rig.restart(),
            Step::DiskFull { full } => self.rig.disk_is_full = full,
            Step::EngineDown { down } => self.rig.engine_is_down = down,
            Step::EngineRestarts => {
                let ids: Vec<_> = self.rig.engine.containers.keys().cloned().collect();
                ids.iter().for_each(|id| self.rig.engine.exit(id, 255, now));
            }
        }
    }

    fn check_end(&mut self) {
        let newest = self.newest().clone();
        self.rig.disk_is_full = false;
        self.rig.engine_is_down = false;
        self.rig.push(newest.clone(), &specs());
        self.rig.settle();
        for (id, task) in &newest.tasks {
            let entry = &self.rig.core.ledger().tasks[id];
            let state = entry.progress.state;
            let fits = match (task.target, &task.gate) {
                (TaskTarget::Stop, _) => state == TaskState::Stopped,
                (TaskTarget::Unknown, _) | (_, Gate::Unknown) => false,
                (TaskTarget::Run, Gate::Open) => {
                    state == TaskState::Running || entry.exhausted
                    // The one whose port the other has.
                    || task.service.as_str() == "a" || task.service.as_str() == "b"
                }
                (TaskTarget::Run, Gate::Closed) => {
                    matches!(state, TaskState::Ready | TaskState::Running)
                        || entry.exhausted
                        || task.service.as_str() == "a"
                        || task.service.as_str() == "b"
                }
            };
            assert!(fits, "{id} is {state}: {entry:?}\n{:#?}", self.rig.log);
        }
        for container in self
            .rig
            .engine
            .containers
            .values()
            .filter(|c| !c.labels.is_empty())
        {
            let task = container.labels.get(crate::labels::TASK).unwrap();
            assert!(
                newest.tasks.contains_key(task.as_str()),
                "{} is left over",
                container.name
            );
        }
        let told = &self.rig.furthest;
        for (id, entry) in &self.rig.core.ledger().tasks {
            assert_eq!(
                told.get(id),
                Some(&entry.progress),
                "{id} was reported as it is"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn in_any_order_of_events_fences_and_states_never_go_back_and_the_end_is_the_newest_assignment(
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new();
        let strangers = |world: &World| {
            let engine = &world.rig.engine;
            let containers: Vec<_> =
                engine.containers.iter().filter(|(_, c)| c.labels.is_empty()).map(|(id, c)| {
                    (id.clone(), c.name.clone())
                }).collect();
            let networks = engine.networks.contains_key("bridge");
            (containers, networks, engine.volumes.contains_key("photos"))
        };
        let before = strangers(&world);
        for step in &steps {
            world.take(step);
            prop_assert_eq!(&strangers(&world), &before);
        }
        world.check_end();
        prop_assert_eq!(strangers(&world), before);
    }
}
