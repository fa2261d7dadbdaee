//! A small lab for tests: it is changed, planned and run as the real one is, with agents that do at
//! once what their assignment says.

mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lab_types::{
    AgentBoot, Assignment, Condition, Dependency, Endpoint, EngineName, Epoch, ForeignPort, Gate,
    Incarnation, Inventory, Mount, MountSource, NetworkAttachment, NetworkName, NetworkSpec,
    NodeId, NodeLiveness, NodeName, NodeRole, PortProtocol, PortPublish, Problem, ProjectModel,
    ProjectName, Report, ReportBody, RequestId, ServiceModel, ServiceName, TaskSpec, TaskState,
    TaskStatus, TaskTarget, UnixMillis, UserName, VolumeName, VolumeOptions, VolumeSpec,
};

use crate::change::{self, Change, ChangeContext, Delta};
use crate::check;
use crate::lab::Lab;
use crate::observe::ReportVerdict;
use crate::plan::{self, Outcome, PlanReport, PlanningInput};
use crate::policy::{Leader, Policy};
use crate::record::Answer;
use crate::rng::PlacementRng;

pub(crate) use status::{facts, status};

use status::fated;

pub(crate) const GIB: u64 = 1 << 30;

pub(crate) fn project(text: &str) -> ProjectName {
    ProjectName::new(text).unwrap()
}

pub(crate) fn service(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

pub(crate) fn node(text: &str) -> NodeId {
    NodeId::new(text).unwrap()
}

pub(crate) fn user(text: &str) -> UserName {
    UserName::new(text).unwrap()
}

/// A service of a test model.
#[derive(Clone, Debug)]
pub(crate) struct Svc(pub(crate) ServiceModel);

pub(crate) fn svc(image: &str) -> Svc {
    Svc(ServiceModel {
        task: TaskSpec {
            image: image.to_owned(),
            ..TaskSpec::default()
        },
        replicas: 1,
        depends_on: BTreeMap::new(),
    })
}

impl Svc {
    pub(crate) fn replicas(mut self, replicas: u32) -> Self {
        self.0.replicas = replicas;
        self
    }

    pub(crate) fn port(mut self, port: u16) -> Self {
        self.0.task.ports.push(PortPublish {
            host_ip: None,
            published: Some(port),
            target: 80,
            protocol: PortProtocol::Tcp,
        });
        self
    }

    pub(crate) fn platform(mut self, platform: &str) -> Self {
        self.0.task.platforms = vec![platform.parse().unwrap()];
        self
    }

    pub(crate) fn memory(mut self, bytes: u64) -> Self {
        self.0.task.reservation.memory_bytes = bytes;
        self
    }

    pub(crate) fn restart(mut self, restart: lab_types::RestartPolicy) -> Self {
        self.0.task.restart = restart;
        self
    }

    pub(crate) fn volume(mut self, engine_name: &str) -> Self {
        let key = engine_name.split_once('_').unwrap().1;
        self.0.task.mounts.push(Mount {
            source: MountSource::Volume {
                volume: VolumeName::new(key).unwrap(),
                engine_name: EngineName::new(engine_name).unwrap(),
                options: VolumeOptions::default(),
            },
            target: "/data".to_owned(),
            read_only: false,
        });
        self
    }

    pub(crate) fn exclusive(mut self) -> Self {
        self.0.task.exclusive = Some(true);
        self
    }

    pub(crate) fn not_exclusive(mut self) -> Self {
        self.0.task.exclusive = Some(false);
        self
    }

    pub(crate) fn after(mut self, other: &str, condition: Condition) -> Self {
        let dependency = Dependency {
            condition,
            required: true,
        };
        self.0.depends_on.insert(service(other), dependency);
        self
    }
}

/// A model with the default network and every volume that its services mount.
pub(crate) fn model(name: &str, services: &[(&str, Svc)]) -> ProjectModel {
    let default = NetworkName::new("default").unwrap();
    let engine_name = EngineName::new(format!("{name}_default")).unwrap();
    let mut model = ProjectModel {
        name: project(name),
        services: BTreeMap::new(),
        networks: BTreeMap::from([(
            default.clone(),
            NetworkSpec {
                network: default.clone(),
                engine_name: engine_name.clone(),
                labels: BTreeMap::new(),
                external: false,
            },
        )]),
        volumes: BTreeMap::new(),
        working_dir: "/src".to_owned(),
        config_files: vec!["/src/compose.yaml".to_owned()],
    };
    for (name, Svc(mut one)) in services.iter().cloned() {
        one.task.networks = vec![NetworkAttachment {
            network: default.clone(),
            engine_name: engine_name.clone(),
            aliases: vec![name.to_owned()],
            endpoint: Endpoint::default(),
        }];
        for mount in &one.task.mounts {
            if let MountSource::Volume {
                volume,
                engine_name,
                ..
            } = &mount.source
            {
                let spec = VolumeSpec {
                    volume: volume.clone(),
                    engine_name: engine_name.clone(),
                    labels: BTreeMap::new(),
                    external: false,
                };
                model.volumes.insert(volume.clone(), spec);
            }
        }
        model.services.insert(service(name), one);
    }
    model
}

/// What an agent of the small lab makes of a task that should run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Runs,
    Unhealthy,
    Completes,
    Fails { exit_code: i64, exhausted: bool },
    Rejected,
}

/// The small lab.
pub(crate) struct Small {
    pub(crate) lab: Lab,
    pub(crate) policy: Policy,
    pub(crate) now: UnixMillis,
    pub(crate) leader: Leader,
    pub(crate) rng: PlacementRng,
    /// What becomes of the tasks of a service; all others run.
    pub(crate) fates: BTreeMap<String, Fate>,
    /// Nodes that refuse every task that they do not run already, and make no volume for it.
    pub(crate) refusing: BTreeSet<String>,
    /// What the last plan said about itself.
    pub(crate) told: PlanReport,
    sequences: BTreeMap<NodeId, u64>,
    requests: u32,
}

impl Small {
    pub(crate) fn new(nodes: &[&str]) -> Self {
        let mut small = Self {
            lab: Lab::default(),
            policy: Policy::default(),
            now: UnixMillis(1_000_000),
            leader: Leader {
                incarnation: Incarnation(1),
                epoch: Epoch(1),
            },
            rng: PlacementRng::from_number(7),
            fates: BTreeMap::new(),
            refusing: BTreeSet::new(),
            told: PlanReport::default(),
            sequences: BTreeMap::new(),
            requests: 0,
        };
        small.lab.observed.since = small.now;
        for name in nodes {
            small.register(name);
            small.report(name);
        }
        small
    }

    pub(crate) fn register(&mut self, name: &str) {
        let change = Change::RegisterNode {
            id: node(name),
            name: NodeName::new(name).unwrap(),
            role: NodeRole::Worker,
            labels: BTreeMap::new(),
        };
        self.change(&change).unwrap();
    }

    pub(crate) fn decide(&mut self, change: &Change) -> Result<Delta, Problem> {
        self.requests += 1;
        let context = ChangeContext {
            now: self.now,
            user: user("alice"),
            request: RequestId::new(format!("r{}", self.requests)).unwrap(),
            leader: self.leader,
        };
        change::apply(&self.lab, change, &context)
    }

    pub(crate) fn change(&mut self, change: &Change) -> Result<Answer, Problem> {
        let delta = self.decide(change)?;
        self.lab.apply(&delta.puts, &delta.removes);
        Ok(delta.answer)
    }

    pub(crate) fn apply_of(&self, name: &str, services: &[(&str, Svc)]) -> Change {
        let revision = self.lab.desired.projects.get(&project(name));
        Change::ApplyProject {
            project: project(name),
            plan: None,
            base_revision: revision.map_or(0, |record| record.revision),
            model: Box::new(model(name, services)),
        }
    }

    pub(crate) fn up(&mut self, name: &str, services: &[(&str, Svc)]) {
        let change = self.apply_of(name, services);
        self.change(&change).unwrap();
    }

    pub(crate) fn scale(&mut self, owner: &str, name: &str, replicas: u32) {
        let change = Change::ScaleService {
            project: project(owner),
            name: service(name),
            replicas,
        };
        self.change(&change).unwrap();
    }

    pub(crate) fn plan_only(&mut self) -> Outcome {
        let input = PlanningInput {
            now: self.now,
            policy: &self.policy,
            lab: &self.lab,
            leader: self.leader,
        };
        let outcome = plan::plan(&input, &mut self.rng);
        let violations = check::outcome(&self.lab, &outcome, self.now);
        if !violations.is_empty() {
            let before = self.shown();
            self.lab.apply_outcome(&outcome);
            panic!("{violations:?}\nbefore:\n{before}after:\n{}", self.shown());
        }
        outcome
    }

    /// Plans and applies the plan.
    pub(crate) fn plan(&mut self) -> Outcome {
        let outcome = self.plan_only();
        self.lab.apply_outcome(&outcome);
        self.told = outcome.report.clone();
        outcome
    }

    /// One node's agent obeys its assignment and tells everything.
    pub(crate) fn report(&mut self, name: &str) -> ReportVerdict {
        let id = node(name);
        let empty = Assignment::empty(id.clone());
        let assignment = self.lab.desired.assignments.get(&id).unwrap_or(&empty);
        let refuses = self.refusing.contains(name);
        let held = self.lab.observed.nodes.get(&id).map(|old| &old.statuses);
        let tasks = assignment.tasks.values().map(|task| {
            let closed = task.gate != Gate::Open;
            let mut fate = self.fates.get(task.service.as_str());
            let runs = held.is_some_and(|held| {
                let held = held.get(&task.id).map(|status| status.progress.state);
                held.is_some_and(|state| state != TaskState::Rejected)
            });
            if refuses && !runs {
                fate = Some(&Fate::Rejected);
            }
            let status = match task.target {
                TaskTarget::Stop | TaskTarget::Unknown => status(&task.id, TaskState::Stopped),
                TaskTarget::Run if closed => status(&task.id, TaskState::Ready),
                TaskTarget::Run => fated(&task.id, fate.unwrap_or(&Fate::Runs)),
            };
            let status = TaskStatus {
                observed_at: self.now,
                ..status
            };
            (task.id.clone(), status)
        });
        let old = self.lab.observed.nodes.get(&id);
        let there = old.map(|old| &old.present);
        let used = assignment.volumes.keys();
        let used = used.filter(|name| !refuses || there.is_some_and(|there| there.contains(*name)));
        let used = used.cloned().collect::<BTreeSet<_>>();
        let inventory = Inventory {
            hostname: name.to_owned(),
            role: NodeRole::Worker,
            facts: match old.filter(|old| old.known) {
                Some(old) => old.facts.clone(),
                None => facts(),
            },
            tasks: tasks.collect(),
            foreign_ports: old.map(|old| old.foreign_ports.clone()).unwrap_or_default(),
            removed_volumes: assignment.remove_volumes.keys().cloned().collect(),
            present: used.into_iter().collect(),
        };
        self.send(name, assignment.fence, inventory)
    }

    fn send(
        &mut self,
        name: &str,
        accepted: lab_types::Fence,
        inventory: Inventory,
    ) -> ReportVerdict {
        let sequence = self.sequences.entry(node(name)).or_default();
        *sequence += 1;
        let report = Report {
            node: node(name),
            boot: AgentBoot(1),
            sequence: *sequence,
            accepted,
            body: ReportBody::Full {
                inventory: Box::new(inventory),
            },
        };
        self.lab.on_report(&report, self.now, &self.policy)
    }

    /// Every agent whose node is ready obeys and tells everything.
    pub(crate) fn agents(&mut self) {
        let ready: Vec<String> = self
            .lab
            .observed
            .nodes
            .iter()
            .filter(|(_, node)| node.liveness == NodeLiveness::Ready)
            .map(|(id, _)| id.to_string())
            .collect();
        for name in ready {
            self.report(&name);
        }
    }

    /// Plans and lets the agents obey until nothing changes any more.
    pub(crate) fn settle(&mut self) {
        for _ in 0..60 {
            self.now = self.now.plus(lab_types::DurationMs(100));
            let outcome = self.plan();
            self.agents();
            if outcome.is_empty() && self.plan_only().is_empty() {
                return;
            }
        }
        panic!("the lab does not converge:\n{}", self.shown());
    }

    pub(crate) fn lose(&mut self, name: &str) {
        let lost = self.lab.observed.nodes.get_mut(&node(name)).unwrap();
        lost.liveness = NodeLiveness::Lost;
        lost.lost_at = Some(self.now);
    }

    pub(crate) fn take_port(&mut self, name: &str, port: u16, holder: &str) {
        let observed = self.lab.observed.nodes.get_mut(&node(name)).unwrap();
        observed.foreign_ports.push(ForeignPort {
            port,
            protocol: PortProtocol::Tcp,
            holder: Some(holder.to_owned()),
        });
    }

    /// Every assignment, in lines a person can read; tasks are numbered as they come.
    pub(crate) fn shown(&self) -> String {
        let mut text = String::new();
        for assignment in self.lab.desired.assignments.values() {
            writeln!(text, "{} at {}", assignment.node, assignment.fence).unwrap();
            let mut lines: Vec<String> = Vec::new();
            for task in assignment.tasks.values() {
                let target = match task.target {
                    TaskTarget::Run => "run",
                    TaskTarget::Stop => "stop",
                    TaskTarget::Unknown => "unknown",
                };
                let gate = match task.gate {
                    Gate::Open => String::new(),
                    Gate::Closed | Gate::Unknown => {
                        let waits_for = self.told.waits_for(task);
                        format!(", waits for {}", waits_for.join(" + "))
                    }
                };
                let image = &self.lab.desired.specs[&task.spec].image;
                lines.push(format!(
                    "  {}/{} {} ({image}) {target}{gate}",
                    task.project, task.service, task.slot,
                ));
            }
            lines.sort();
            let keys = |names: Vec<&EngineName>| {
                let names: Vec<&str> = names.into_iter().map(EngineName::as_str).collect();
                names.join(" ")
            };
            for (what, names) in [
                ("networks", keys(assignment.networks.keys().collect())),
                ("volumes", keys(assignment.volumes.keys().collect())),
                ("remove", keys(assignment.remove_volumes.keys().collect())),
            ] {
                if !names.is_empty() {
                    lines.push(format!("  {what}: {names}"));
                }
            }
            for line in lines {
                writeln!(text, "{line}").unwrap();
            }
        }
        text
    }
}

/// The messages of events, one a line.
pub(crate) fn told(events: &[lab_types::Event]) -> String {
    let mut text = String::new();
    for event in events {
        let (noun, verb) = event.what.tokens();
        writeln!(text, "{noun} {verb}: {}", event.message).unwrap();
    }
    text
}
