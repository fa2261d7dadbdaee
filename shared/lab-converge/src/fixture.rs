//! One node with a shop on it, for the tests of this crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lab_types::{
    AssignedTask, Assignment, DurationMs, EngineName, Epoch, Fence, Gate, Generation, Guard,
    Incarnation, LabId, Mount, MountSource, NetworkAttachment, NetworkName, NetworkSpec, NodeId,
    PortProtocol, PortPublish, ProjectName, ProjectNetwork, ProjectVolume, RestartPolicy,
    ServiceName, TaskId, TaskSpec, TaskTarget, UnixMillis, VolumeName, VolumeOptions, VolumeSpec,
};

use crate::diff::{Busy, Calls, Decision, Kind, Lease, Standing, diff};
use crate::ledger::Ledger;
use crate::model::ModelEngine;
use crate::observed::{ContainerId, Observed};

pub(crate) fn fence(epoch: u64, generation: u64) -> Fence {
    Fence {
        incarnation: Incarnation(1),
        epoch: Epoch(epoch),
        generation: Generation(generation),
    }
}

pub(crate) fn lab() -> LabId {
    LabId::new("home").unwrap()
}

pub(crate) fn node() -> NodeId {
    NodeId::new("n1").unwrap()
}

pub(crate) fn id(task: &str) -> TaskId {
    TaskId::new(task).unwrap()
}

pub(crate) fn name(engine_name: &str) -> EngineName {
    EngineName::new(engine_name).unwrap()
}

/// A web server on port 8000 in the shop's network.
pub(crate) fn web() -> TaskSpec {
    TaskSpec {
        image: "web".into(),
        ports: vec![PortPublish {
            host_ip: None,
            published: Some(8000),
            target: 80,
            protocol: PortProtocol::Tcp,
        }],
        networks: vec![shop_network()],
        restart: RestartPolicy::Always,
        stop_grace: DurationMs::from_secs(10),
        ..TaskSpec::default()
    }
}

/// A database with a volume in the shop's network.
pub(crate) fn redis() -> TaskSpec {
    TaskSpec {
        image: "redis".into(),
        mounts: vec![Mount {
            source: MountSource::Volume {
                volume: VolumeName::new("data").unwrap(),
                engine_name: name("shop_data"),
                options: VolumeOptions::default(),
            },
            target: "/data".into(),
            read_only: false,
        }],
        networks: vec![shop_network()],
        stop_grace: DurationMs::from_secs(10),
        ..TaskSpec::default()
    }
}

/// Something that runs once, with nothing around it.
pub(crate) fn job(restart: RestartPolicy) -> TaskSpec {
    TaskSpec {
        image: "job".into(),
        restart,
        stop_grace: DurationMs::from_secs(10),
        ..TaskSpec::default()
    }
}

fn shop_network() -> NetworkAttachment {
    NetworkAttachment {
        network: NetworkName::new("default").unwrap(),
        engine_name: name("shop_default"),
        aliases: Vec::new(),
        endpoint: lab_types::Endpoint::default(),
    }
}

pub(crate) fn network_of(project: &str, external: bool) -> (EngineName, ProjectNetwork) {
    let engine_name = name(&format!("{project}_default"));
    let spec = NetworkSpec {
        network: NetworkName::new("default").unwrap(),
        engine_name: engine_name.clone(),
        labels: BTreeMap::new(),
        external,
    };
    (
        engine_name,
        ProjectNetwork {
            project: ProjectName::new(project).unwrap(),
            spec,
        },
    )
}

pub(crate) fn volume_of(project: &str, external: bool) -> (EngineName, ProjectVolume) {
    let engine_name = name(&format!("{project}_data"));
    let spec = VolumeSpec {
        volume: VolumeName::new("data").unwrap(),
        engine_name: engine_name.clone(),
        labels: BTreeMap::new(),
        external,
    };
    (
        engine_name,
        ProjectVolume {
            project: ProjectName::new(project).unwrap(),
            spec,
        },
    )
}

pub(crate) fn task(task: &str, service: &str, slot: u32, spec: &TaskSpec) -> AssignedTask {
    AssignedTask {
        id: id(task),
        project: ProjectName::new("shop").unwrap(),
        service: ServiceName::new(service).unwrap(),
        slot,
        spec: spec.digest(),
        target: TaskTarget::Run,
        gate: Gate::Open,
        guard: Guard::Free,
    }
}

/// A ledger, a model engine and a time: what a decision is made of.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) ledger: Ledger,
    pub(crate) engine: ModelEngine,
    pub(crate) calls: Calls,
    pub(crate) standing: Standing,
    pub(crate) lease: Lease,
    pub(crate) now: UnixMillis,
}

impl Bench {
    /// An empty node with the shop's network and volume assigned and all images present.
    pub(crate) fn new() -> Self {
        let mut ledger = Ledger::new(lab(), node());
        ledger.assignment = Assignment {
            fence: fence(1, 1),
            networks: [network_of("shop", false)].into(),
            volumes: [volume_of("shop", false)].into(),
            ..Assignment::empty(node())
        };
        let images = ["web", "redis", "job"].map(String::from);
        let engine = ModelEngine {
            images: images.into(),
            ..ModelEngine::default()
        };
        let looked_for: BTreeSet<String> = ["web", "redis", "job", "late", "sha256:built"]
            .map(String::from)
            .into();
        Self {
            ledger,
            engine,
            calls: Calls {
                looked_for,
                ..Calls::default()
            },
            standing: Standing::Confirmed,
            lease: Lease::Held,
            now: UnixMillis(1_000_000),
        }
    }

    /// The same with a task.
    pub(crate) fn with(mut self, task: AssignedTask, spec: &TaskSpec) -> Self {
        self.ledger.specs.insert(task.spec.clone(), spec.clone());
        self.ledger.assignment.tasks.insert(task.id.clone(), task);
        self
    }

    pub(crate) fn observe(&self) -> Observed {
        let images = &self.calls.looked_for;
        self.engine
            .observe(&self.ledger.lab, &self.ledger.node, images)
    }

    pub(crate) fn decide(&self) -> Decision {
        diff(
            &self.ledger,
            &self.observe(),
            &self.calls,
            (self.standing, self.lease),
            self.now,
        )
    }

    /// Decides, remembers, and carries everything out; gives what was decided.
    pub(crate) fn step(&mut self) -> Decision {
        let decision = self.decide();
        self.ledger.tasks = decision.tasks.clone();
        for action in &decision.actions {
            let done = self.engine.apply(&action.kind, self.now);
            done.unwrap_or_else(|error| panic!("{action}: {error}"));
        }
        decision
    }

    /// Steps until nothing is to be done now.
    pub(crate) fn settle(mut self) -> Self {
        for _ in 0..20 {
            if self.step().actions.is_empty() {
                return self;
            }
        }
        panic!("does not settle: {}", text(&self.decide()));
    }

    /// Makes the network and the volume, and nothing else.
    pub(crate) fn settle_network(mut self) -> Self {
        let tasks = std::mem::take(&mut self.ledger.assignment.tasks);
        self = self.settle();
        self.ledger.assignment.tasks = tasks;
        self
    }

    /// The container of that name ends.
    pub(crate) fn exits(&mut self, container: &str, code: i64) {
        let id = self.container(container);
        self.engine.exit(&id, code, self.now);
    }

    pub(crate) fn container(&self, container: &str) -> ContainerId {
        let found = self
            .engine
            .containers
            .iter()
            .find(|(_, c)| c.name == container);
        found
            .unwrap_or_else(|| panic!("no container {container}"))
            .0
            .clone()
    }

    pub(crate) fn later(&mut self, ms: u64) {
        self.now = UnixMillis(self.now.0 + ms);
    }

    pub(crate) fn assigned(&mut self, task: &str) -> &mut AssignedTask {
        self.ledger.assignment.tasks.get_mut(task).unwrap()
    }
}

/// A call under way that uses no volume.
pub(crate) fn busy(kind: Kind) -> Busy {
    Busy {
        kind,
        volumes: BTreeSet::new(),
        words: None,
    }
}

/// A decision as text: one line an action, a task, a problem.
pub(crate) fn text(decision: &Decision) -> String {
    let mut text = String::new();
    for action in &decision.actions {
        writeln!(text, "{action}").unwrap();
    }
    for (id, status) in &decision.statuses {
        let (attempt, state) = (status.progress.attempt, status.progress.state);
        write!(text, "task {id}: {state}").unwrap();
        if attempt > 0 {
            write!(text, ", attempt {attempt}").unwrap();
        }
        if status.exhausted {
            write!(text, ", no more").unwrap();
        }
        if status.health != lab_types::Health::None {
            write!(text, ", {:?}", status.health).unwrap();
        }
        if let Some(message) = &status.message {
            write!(text, ": {message}").unwrap();
        }
        text.push('\n');
    }
    for name in &decision.removed_volumes {
        writeln!(text, "volume {name} is gone").unwrap();
    }
    for problem in &decision.problems {
        writeln!(text, "{problem}").unwrap();
    }
    text
}
