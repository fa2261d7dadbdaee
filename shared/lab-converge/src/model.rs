//! A model of a Docker engine: what each call does, and what is seen afterwards.
//!
//! For tests and the simulation. It refuses what Docker refuses: a name that is taken, a port that
//! is taken, a network or volume in use, the removal of what runs.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    EngineFacts, EngineName, Health, HealthTest, LabId, MountSource, NodeId, TaskSpec, UnixMillis,
};

use crate::action::{ActionError, ActionKind, CreateContainer};
use crate::labels;
use crate::observed::{
    ContainerId, ContainerState, Observed, ObservedContainer, ObservedNetwork, ObservedVolume,
    Silence,
};

/// The engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelEngine {
    /// Containers by id.
    pub containers: BTreeMap<ContainerId, ModelContainer>,
    /// Networks by name: their labels.
    pub networks: BTreeMap<EngineName, BTreeMap<String, String>>,
    /// Volumes by name: their labels.
    pub volumes: BTreeMap<EngineName, BTreeMap<String, String>>,
    /// Images that are there: references and ids.
    pub images: BTreeSet<String>,
    /// Images that a registry has.
    pub registry: BTreeSet<String>,
    /// Ids of images that other nodes have.
    pub elsewhere: BTreeSet<String>,
    /// How many containers were ever made.
    pub made: u64,
    /// When it was last away, where somebody noticed.
    pub silence: Option<Silence>,
    /// What it is, where that is known.
    pub facts: Option<EngineFacts>,
    /// When its machine booted, where that is known.
    pub booted_at: Option<UnixMillis>,
}

/// A container of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelContainer {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// How it was made.
    pub spec: TaskSpec,
    /// What it does.
    pub state: ContainerState,
    /// When it last started.
    pub started_at: Option<UnixMillis>,
    /// When it last ended.
    pub finished_at: Option<UnixMillis>,
    /// When it was last sent a signal.
    pub signalled_at: Option<UnixMillis>,
    /// When it was told that it ended.
    pub told_end_at: Option<UnixMillis>,
    /// What its health check says.
    pub health: Health,
}

impl ModelContainer {
    /// One that was made and not started.
    #[must_use]
    pub fn created(name: &str, labels: BTreeMap<String, String>, spec: TaskSpec) -> Self {
        Self {
            name: name.to_owned(),
            labels,
            spec,
            state: ContainerState::Created,
            started_at: None,
            finished_at: None,
            signalled_at: None,
            told_end_at: None,
            health: Health::None,
        }
    }

    /// Whether it runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(
            self.state,
            ContainerState::Running | ContainerState::Paused | ContainerState::Restarting
        )
    }

    fn volumes(&self) -> impl Iterator<Item = &EngineName> {
        self.spec
            .mounts
            .iter()
            .filter_map(|mount| match &mount.source {
                MountSource::Volume { engine_name, .. } => Some(engine_name),
                MountSource::Anonymous { .. }
                | MountSource::Bind { .. }
                | MountSource::Tmpfs { .. } => None,
            })
    }
}

fn refused(message: String) -> ActionError {
    ActionError {
        retryable: false,
        message,
    }
}

impl ModelEngine {
    /// Does what the call asks for; gives the container it concerned, when there still is one.
    ///
    /// # Errors
    /// What Docker would refuse.
    pub fn apply(
        &mut self,
        call: &ActionKind,
        now: UnixMillis,
    ) -> Result<Option<ContainerId>, ActionError> {
        match call {
            ActionKind::PullImage { image } => {
                if !self.registry.contains(image) {
                    return Err(refused(format!("manifest for {image} not found")));
                }
                self.images.insert(image.clone());
                Ok(None)
            }
            ActionKind::FetchImage { id, .. } => {
                if !self.elsewhere.contains(id) {
                    return Err(refused("no node of the lab has it".to_owned()));
                }
                self.images.insert(id.clone());
                Ok(None)
            }
            ActionKind::CreateNetwork { name, labels } => {
                put_new("network", &mut self.networks, name, labels)
            }
            ActionKind::CreateVolume { name, labels } => {
                put_new("volume", &mut self.volumes, name, labels)
            }
            ActionKind::CreateContainer(create) => self.create(create).map(Some),
            ActionKind::StartContainer { container, .. } => self.start(container, now),
            ActionKind::StopContainer { container, .. } => {
                self.exit(container, 143, now);
                Ok(Some(container.clone()))
            }
            ActionKind::RemoveContainer { container, .. } => self.remove(container),
            ActionKind::RemoveNetwork { name } => match self.networks_attached(name).first() {
                Some(holder) => Err(refused(format!("network {name} is used by {holder}"))),
                None => {
                    self.networks.remove(name);
                    Ok(None)
                }
            },
            ActionKind::RemoveVolume { name, .. } => match self.volume_users(name).first() {
                Some(user) => Err(refused(format!("volume is in use by {user}"))),
                None => {
                    self.volumes.remove(name);
                    Ok(None)
                }
            },
        }
    }

    fn create(&mut self, create: &CreateContainer) -> Result<ContainerId, ActionError> {
        let name = create.name.as_str();
        if let Some((id, _)) = self.containers.iter().find(|(_, c)| c.name == name) {
            return Err(refused(format!(
                "the name {name} is already in use by container {id}"
            )));
        }
        if !self.images.contains(&create.image) {
            return Err(refused(format!("no such image: {}", create.image)));
        }
        let mut container =
            ModelContainer::created(name, create.labels.clone(), create.spec.clone());
        container.spec.image = create.image.clone();
        for volume in container.volumes() {
            // Docker makes a volume that is not there; without the lab's labels.
            self.volumes.entry(volume.clone()).or_default();
        }
        Ok(self.put(container))
    }

    /// Puts a container there, whoever made it.
    pub fn put(&mut self, container: ModelContainer) -> ContainerId {
        self.made += 1;
        let id = ContainerId(format!("c{:04}", self.made));
        self.containers.insert(id.clone(), container);
        id
    }

    fn start(
        &mut self,
        id: &ContainerId,
        now: UnixMillis,
    ) -> Result<Option<ContainerId>, ActionError> {
        let Some(container) = self.containers.get(id) else {
            return Err(refused(format!("no such container: {id}")));
        };
        if container.is_running() {
            return Ok(Some(id.clone()));
        }
        let mut networks = container
            .spec
            .networks
            .iter()
            .map(|network| &network.engine_name);
        if let Some(gone) = networks.find(|name| !self.networks.contains_key(*name)) {
            return Err(refused(format!("network {gone} not found")));
        }
        if let Some(port) = self.taken_port(container) {
            return Err(refused(format!(
                "Bind for 0.0.0.0:{port} failed: port is already allocated"
            )));
        }
        let check = container.spec.healthcheck.as_ref().map(|check| &check.test);
        let health = match check {
            None | Some(HealthTest::Disabled) => Health::None,
            Some(HealthTest::Exec { .. } | HealthTest::Shell { .. }) => Health::Starting,
        };
        if let Some(container) = self.containers.get_mut(id) {
            // Two starts never fall into one millisecond on a real engine.
            let after_last = container.started_at.map_or(0, |at| at.0 + 1);
            container.started_at = Some(UnixMillis(now.0.max(after_last)));
            container.state = ContainerState::Running;
            container.health = health;
        }
        Ok(Some(id.clone()))
    }

    fn taken_port(&self, wants: &ModelContainer) -> Option<u16> {
        let mut taken = self
            .containers
            .values()
            .filter(|c| c.is_running())
            .flat_map(|c| &c.spec.ports);
        let wanted = wants
            .spec
            .ports
            .iter()
            .filter_map(|port| Some((port.published?, port.protocol)));
        let wanted: BTreeSet<_> = wanted.collect();
        taken.find_map(|port| {
            let host = port.published?;
            wanted.contains(&(host, port.protocol)).then_some(host)
        })
    }

    fn remove(&mut self, id: &ContainerId) -> Result<Option<ContainerId>, ActionError> {
        if self
            .containers
            .get(id)
            .is_some_and(ModelContainer::is_running)
        {
            return Err(refused(format!("container {id} is running: stop it first")));
        }
        self.containers.remove(id);
        Ok(None)
    }

    /// A container ends by itself or is stopped; one that does not run stays as it is.
    pub fn exit(&mut self, id: &ContainerId, code: i64, now: UnixMillis) {
        if let Some(container) = self.containers.get_mut(id).filter(|c| c.is_running()) {
            container.state = ContainerState::Exited {
                code,
                oom_killed: false,
                error: None,
            };
            container.finished_at = Some(now);
            container.told_end_at = Some(now);
            container.health = Health::None;
        }
    }

    fn networks_attached(&self, name: &EngineName) -> BTreeSet<String> {
        let attached = self.containers.values().filter(|container| {
            container
                .spec
                .networks
                .iter()
                .any(|network| network.engine_name == *name)
        });
        attached.map(|container| container.name.clone()).collect()
    }

    fn volume_users(&self, name: &EngineName) -> BTreeSet<String> {
        let users = self
            .containers
            .values()
            .filter(|c| c.volumes().any(|volume| volume == name));
        users.map(|container| container.name.clone()).collect()
    }

    /// What is seen of it by an agent of this lab and node that asks for these images.
    #[must_use]
    pub fn observe(&self, lab: &LabId, node: &NodeId, images: &BTreeSet<String>) -> Observed {
        let mut observed = Observed::default();
        for (id, container) in &self.containers {
            match self.view(lab, node, id) {
                Some(view) => {
                    observed.containers.insert(id.clone(), view);
                }
                None => {
                    let name = container.name.clone();
                    let owner = labels::container_owner(lab, node, &name, &container.labels);
                    if let Err(owner) = owner {
                        observed.foreign_containers.insert(name, owner);
                    }
                }
            }
        }
        for (name, labels) in &self.networks {
            let owner = labels::owner(lab, labels);
            let attached = self.networks_attached(name);
            observed
                .networks
                .insert(name.clone(), ObservedNetwork { owner, attached });
        }
        for (name, labels) in &self.volumes {
            let owner = labels::owner(lab, labels);
            let used_by = self.volume_users(name);
            observed
                .volumes
                .insert(name.clone(), ObservedVolume { owner, used_by });
        }
        observed.silence = self.silence;
        observed.facts.clone_from(&self.facts);
        observed.booted_at = self.booted_at;
        observed.images = self.images.intersection(images).cloned().collect();
        observed
    }

    /// What is seen of one container, if it is of this lab and node.
    #[must_use]
    pub fn view(&self, lab: &LabId, node: &NodeId, id: &ContainerId) -> Option<ObservedContainer> {
        let container = self.containers.get(id)?;
        let identity =
            labels::container_owner(lab, node, &container.name, &container.labels).ok()?;
        let ports = if container.is_running() {
            container.spec.ports.clone()
        } else {
            Vec::new()
        };
        Some(ObservedContainer {
            id: id.clone(),
            name: container.name.clone(),
            identity,
            state: container.state.clone(),
            started_at: container.started_at,
            finished_at: container.finished_at,
            signalled_at: container.signalled_at,
            told_end_at: container.told_end_at,
            health: container.health,
            ports,
        })
    }
}

fn put_new(
    noun: &str,
    objects: &mut BTreeMap<EngineName, BTreeMap<String, String>>,
    name: &EngineName,
    labels: &BTreeMap<String, String>,
) -> Result<Option<ContainerId>, ActionError> {
    if objects.contains_key(name) {
        return Err(refused(format!("{noun} {name} already exists")));
    }
    objects.insert(name.clone(), labels.clone());
    Ok(None)
}
