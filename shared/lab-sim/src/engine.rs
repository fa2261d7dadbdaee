//! A node's engine: the model of `lab-converge`, with time and faults.

use std::collections::{BTreeMap, BTreeSet};

use lab_converge::model::{ModelContainer, ModelEngine};
use lab_converge::{
    Action, ActionError, ActionKind, ContainerId, ContainerState, EngineReach, Observed,
    ObservedContainer, labels,
};
use lab_types::{EngineName, Health, NodeId, TaskId, TaskSpec, UnixMillis};

use crate::agent::lab_id;
use crate::context::{Context, EngineEvent, Event};
use crate::faults::Fault;
use crate::queue::{MS, Micros, SECOND};

/// Images that every engine has, besides those that must be pulled first.
pub(crate) const PRESENT: [&str; 2] = ["web", "db"];

/// Images that must be pulled.
pub(crate) const IN_REGISTRY: [&str; 2] = ["worker", "job"];

/// An engine.
#[derive(Debug)]
pub(crate) struct SimEngine {
    pub(crate) model: ModelEngine,
    /// How many faults keep it away.
    away: u32,
    /// What was there before the lab, which the lab must not touch.
    strangers: Strangers,
    /// Every volume that was there and was removed, with the consent.
    pub(crate) removed_volumes: Vec<(EngineName, String)>,
}

type Strangers = (
    BTreeMap<ContainerId, ModelContainer>,
    BTreeSet<EngineName>,
    BTreeSet<EngineName>,
);

impl SimEngine {
    pub(crate) fn new(number: usize) -> Self {
        let mut model = ModelEngine {
            images: PRESENT.map(str::to_owned).into(),
            registry: PRESENT
                .iter()
                .chain(&IN_REGISTRY)
                .map(|image| (*image).to_owned())
                .collect(),
            ..ModelEngine::default()
        };
        let name = |text: &str| EngineName::new(text).expect("invariant: a plain name");
        let compose = BTreeMap::from([(labels::COMPOSE_PROJECT.to_owned(), "old".to_owned())]);
        let mut nginx = ModelContainer::created("nginx", compose.clone(), TaskSpec::default());
        nginx.state = ContainerState::Running;
        model.put(nginx);
        if number == 0 {
            // In the way of a service that some worlds have.
            model.put(ModelContainer::created(
                "p0-db-1",
                compose.clone(),
                TaskSpec::default(),
            ));
        }
        model.networks.insert(name("bridge"), BTreeMap::new());
        model.volumes.insert(name("photos"), compose);
        let strangers = (
            model.containers.clone(),
            model.networks.keys().cloned().collect(),
            model.volumes.keys().cloned().collect(),
        );
        Self {
            model,
            away: 0,
            strangers,
            removed_volumes: Vec::new(),
        }
    }

    pub(crate) const fn is_there(&self) -> bool {
        self.away == 0
    }

    pub(crate) fn no_answer() -> ActionError {
        ActionError {
            retryable: true,
            message: "the engine did not answer".into(),
        }
    }

    /// How long a call takes.
    pub(crate) fn duration(kind: &ActionKind, cx: &mut Context<'_>) -> Micros {
        let rng = &mut cx.rng;
        match kind {
            ActionKind::PullImage { .. } | ActionKind::FetchImage { .. }
                if cx.faults.strikes(Fault::SlowPull, cx.now, rng) =>
            {
                rng.between(8 * SECOND, 20 * SECOND)
            }
            ActionKind::PullImage { .. } | ActionKind::FetchImage { .. } => {
                rng.between(100 * MS, SECOND)
            }
            ActionKind::CreateContainer(_) => rng.between(5 * MS, 60 * MS),
            ActionKind::StartContainer { .. } => rng.between(20 * MS, 300 * MS),
            ActionKind::StopContainer { grace, .. } => {
                rng.between(5 * MS, grace.0.min(2_000) * MS + 6 * MS)
            }
            ActionKind::RemoveContainer { .. }
            | ActionKind::CreateNetwork { .. }
            | ActionKind::CreateVolume { .. }
            | ActionKind::RemoveNetwork { .. }
            | ActionKind::RemoveVolume { .. } => rng.between(2 * MS, 40 * MS),
        }
    }

    /// Carries a call out.
    pub(crate) fn does(
        &mut self,
        node: &NodeId,
        action: &Action,
        now: UnixMillis,
        cx: &mut Context<'_>,
    ) -> Result<Option<ObservedContainer>, ActionError> {
        if !self.is_there() {
            return Err(Self::no_answer());
        }
        let is_start = matches!(action.kind, ActionKind::StartContainer { .. });
        if is_start && cx.strikes(Fault::StartFails) {
            let message = "OCI runtime create failed: no such device".into();
            return Err(ActionError {
                retryable: false,
                message,
            });
        }
        let goes = match &action.kind {
            ActionKind::RemoveVolume { name, confirmation } => {
                let there = self.model.volumes.contains_key(name);
                there.then(|| (name.clone(), confirmation.to_string()))
            }
            _ => None,
        };
        let id = self.model.apply(&action.kind, now)?;
        self.removed_volumes.extend(goes);
        if let (Some(id), true) = (&id, is_start) {
            self.begin_health(node, id, cx);
        }
        Ok(id.and_then(|id| self.model.view(&lab_id(), node, &id)))
    }

    fn begin_health(&self, node: &NodeId, id: &ContainerId, cx: &mut Context<'_>) {
        let Some(container) = self.model.containers.get(id) else {
            return;
        };
        let (Health::Starting, Some(started_at)) = (container.health, container.started_at) else {
            return;
        };
        let number = node
            .as_str()
            .trim_start_matches('n')
            .parse()
            .unwrap_or_default();
        let what = EngineEvent::Judges {
            container: id.clone(),
            started_at,
            healthy: true,
        };
        let delay = cx.rng.between(500 * MS, 4 * SECOND);
        cx.after(delay, Event::Engine { number, what });
    }

    /// A health check judges a container, if it is still the same start of it.
    pub(crate) fn judges(&mut self, id: &ContainerId, started_at: UnixMillis, healthy: bool) {
        let container = self.model.containers.get_mut(id);
        let same = container.filter(|c| c.is_running() && c.started_at == Some(started_at));
        if let Some(container) = same {
            container.health = if healthy {
                Health::Healthy
            } else {
                Health::Unhealthy
            };
        }
    }

    pub(crate) fn look(&self, node: &NodeId, images: &BTreeSet<String>) -> Observed {
        if !self.is_there() {
            let message = "connection refused".to_owned();
            return Observed {
                engine: EngineReach::Unreachable { message },
                ..Observed::default()
            };
        }
        self.model.observe(&lab_id(), node, images)
    }

    /// The engine stops, with all containers that are the lab's, and comes back.
    pub(crate) fn goes_away(
        &mut self,
        number: usize,
        now: UnixMillis,
        cx: &mut Context<'_>,
    ) -> bool {
        self.away += 1;
        self.stops(now);
        let lasts = cx.rng.between(SECOND, 6 * SECOND);
        let delay = cx.faults.mended_in(lasts, cx.now);
        cx.after(
            delay,
            Event::Engine {
                number,
                what: EngineEvent::Back,
            },
        );
        true
    }

    /// All containers that are the lab's end.
    pub(crate) fn stops(&mut self, now: UnixMillis) {
        let ids: Vec<ContainerId> = self.ours().map(|(id, _)| id.clone()).collect();
        ids.iter().for_each(|id| self.model.exit(id, 255, now));
    }

    pub(crate) const fn comes_back(&mut self) {
        self.away = self.away.saturating_sub(1);
    }

    /// The containers that bear the lab's labels.
    pub(crate) fn ours(&self) -> impl Iterator<Item = (&ContainerId, &ModelContainer)> {
        self.model
            .containers
            .iter()
            .filter(|(_, c)| c.labels.contains_key(labels::LAB))
    }

    /// The task of each container of the lab.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = (TaskId, &ModelContainer)> {
        self.ours().filter_map(|(_, container)| {
            let task = TaskId::new(container.labels.get(labels::TASK)?).ok()?;
            Some((task, container))
        })
    }

    fn any(&self, running: bool, cx: &mut Context<'_>) -> Option<ContainerId> {
        let fits = self
            .ours()
            .filter(|(_, container)| !running || container.is_running());
        let ids: Vec<ContainerId> = fits.map(|(id, _)| id.clone()).collect();
        (!ids.is_empty()).then(|| ids[cx.rng.index(ids.len())].clone())
    }

    pub(crate) fn crash_one(&mut self, now: UnixMillis, cx: &mut Context<'_>) -> bool {
        let Some(id) = self.any(true, cx) else {
            return false;
        };
        let code = if cx.rng.chance(200) { 0 } else { 1 };
        self.model.exit(&id, code, now);
        true
    }

    pub(crate) fn remove_one(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(id) = self.any(false, cx) else {
            return false;
        };
        self.model.containers.remove(&id);
        true
    }

    pub(crate) fn sicken_one(&mut self, number: usize, cx: &mut Context<'_>) -> bool {
        let sound = self.ours().filter(|(_, c)| c.health == Health::Healthy);
        let Some((id, started_at)) = sound.map(|(id, c)| (id.clone(), c.started_at)).next() else {
            return false;
        };
        let Some(started_at) = started_at else {
            return false;
        };
        self.judges(&id, started_at, false);
        let what = EngineEvent::Judges {
            container: id,
            started_at,
            healthy: true,
        };
        let lasts = cx.rng.between(SECOND, 5 * SECOND);
        let delay = cx.faults.mended_in(lasts, cx.now);
        cx.after(delay, Event::Engine { number, what });
        true
    }

    /// Whether all that was there before the lab is as it was.
    pub(crate) fn strangers_are_untouched(&self) -> bool {
        let (containers, networks, volumes) = &self.strangers;
        containers
            .iter()
            .all(|(id, stranger)| self.model.containers.get(id) == Some(stranger))
            && networks
                .iter()
                .all(|name| self.model.networks.contains_key(name))
            && volumes
                .iter()
                .all(|name| self.model.volumes.contains_key(name))
    }
}
