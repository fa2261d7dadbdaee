//! The board on which a plan is worked out: nodes, services and tasks side by side, by number.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    AssignedTask, Assignment, EngineName, Event, MountSource, NodeId, NodeLiveness, NodeRecord,
    Outcome as Ending, OutcomeRecord, ProjectName, Resources, ServiceName, ServiceRecord, TaskId,
    TaskSpec, TaskState, TaskStatus, TaskTarget, UnixMillis,
};

use super::{Outcome, PlanReport, PlanningInput, guards};
use crate::key::Key;
use crate::lab::{Convergence, ObservedNode, ServiceKey, SlotKey};
use crate::port::{self, Fixed};

pub(super) struct Board<'a> {
    pub(super) input: PlanningInput<'a>,
    /// In the order of node ids: a node's number is also its rank where all else is equal.
    pub(super) nodes: Vec<Site<'a>>,
    /// In the order of projects and names.
    pub(super) services: Vec<Wanted<'a>>,
    pub(super) tasks: Vec<Seat<'a>>,
    /// The nodes that hold each volume.
    pub(super) holders: BTreeMap<&'a EngineName, BTreeSet<usize>>,
    pub(super) index: BTreeMap<(&'a ProjectName, &'a ServiceName), usize>,
    pub(super) tied: BTreeSet<usize>,
    pub(super) outcomes: Vec<OutcomeRecord>,
    pub(super) events: Vec<Event>,
    pub(super) pending: BTreeSet<SlotKey>,
    pub(super) report: PlanReport,
    pub(super) wake_at: Option<UnixMillis>,
}

/// A node.
pub(super) struct Site<'a> {
    pub(super) id: &'a NodeId,
    pub(super) record: Option<&'a NodeRecord>,
    pub(super) observed: Option<&'a ObservedNode>,
    pub(super) liveness: NodeLiveness,
    /// Its assignment as it is.
    pub(super) base: Option<&'a Assignment>,
    pub(super) seats: Vec<usize>,
    /// How many tasks it has, without those that leave.
    pub(super) n_tasks: u32,
    /// What they reserve, without those that have ended for good.
    pub(super) reserved: Resources,
    /// Host ports they hold, with who.
    pub(super) ports: Vec<(Fixed<'a>, usize)>,
    /// Volumes whose removal is complete.
    pub(super) removed: BTreeSet<&'a EngineName>,
    /// Volumes that were never made there, because every task that mounts them was refused.
    pub(super) unmade: BTreeSet<&'a EngineName>,
    /// Whether any of its tasks changes.
    pub(super) changed: bool,
    /// Whether its assignment stays as it is, because it obeys one that this state has never held.
    pub(super) frozen: bool,
}

/// A service.
pub(super) struct Wanted<'a> {
    pub(super) key: &'a ServiceKey,
    pub(super) record: &'a ServiceRecord,
    pub(super) spec: Option<&'a TaskSpec>,
    pub(super) seats: Vec<usize>,
    /// The task that should run in each slot.
    pub(super) current: BTreeMap<u32, usize>,
    /// Slots of the present spec that have ended for good.
    pub(super) ended: BTreeMap<u32, Ended>,
    /// Nodes that have refused a slot's task of the present spec, with why.
    pub(super) refused: BTreeMap<u32, BTreeMap<NodeId, String>>,
}

/// How a slot has ended for good.
#[derive(Clone)]
pub(super) enum Ended {
    Completed,
    Exhausted { message: String },
}

impl Ended {
    /// Nothing for a slot that some nodes have refused: another may take it.
    pub(super) fn of(ending: &Ending) -> Option<Self> {
        match ending {
            Ending::Completed => Some(Self::Completed),
            Ending::Exhausted { message, .. } => Some(Self::Exhausted {
                message: message.clone(),
            }),
            Ending::Refused { .. } => None,
        }
    }
}

/// A task, old or new.
pub(super) struct Seat<'a> {
    pub(super) node: usize,
    pub(super) service: Option<usize>,
    pub(super) task: Cow<'a, AssignedTask>,
    pub(super) status: Option<&'a TaskStatus>,
    pub(super) spec: Option<&'a TaskSpec>,
    /// It has ended for good: it keeps its slot and holds nothing.
    pub(super) ended: bool,
    /// It leaves its assignment with this plan.
    pub(super) leaves: bool,
    /// This plan asked it to stop.
    pub(super) withdrawn: bool,
}

impl Wanted<'_> {
    /// Takes in how one of its slots ended, or which nodes have refused it.
    pub(super) fn take(&mut self, record: &OutcomeRecord) {
        let slot = record.slot;
        if let Ending::Refused { nodes } = &record.outcome {
            self.refused.insert(slot, nodes.clone());
        }
        self.ended
            .extend(Ended::of(&record.outcome).map(|ended| (slot, ended)));
    }
}

impl Seat<'_> {
    pub(super) fn should_run(&self) -> bool {
        self.task.target == TaskTarget::Run && !self.leaves
    }
}

impl<'a> Board<'a> {
    pub(super) fn new(input: &PlanningInput<'a>) -> Self {
        let lab = input.lab;
        let services: Vec<Wanted<'a>> = lab
            .desired
            .services
            .iter()
            .map(|(key, record)| Wanted {
                key,
                record,
                spec: lab.desired.specs.get(&record.spec),
                seats: Vec::new(),
                current: BTreeMap::new(),
                ended: BTreeMap::new(),
                refused: BTreeMap::new(),
            })
            .collect();
        let index = services.iter().enumerate();
        let index = index.map(|(number, s)| ((&s.key.0, &s.key.1), number));
        let mut board = Self {
            input: *input,
            nodes: sites(input),
            index: index.collect(),
            services,
            tasks: Vec::new(),
            holders: BTreeMap::new(),
            tied: BTreeSet::new(),
            outcomes: Vec::new(),
            events: Vec::new(),
            pending: BTreeSet::new(),
            report: PlanReport::default(),
            wake_at: None,
        };
        board.read_outcomes();
        board.read_assignments();
        board.unpin_unmade();
        board
    }

    fn read_outcomes(&mut self) {
        for ((project, service, _), record) in &self.input.lab.desired.outcomes {
            let Some(number) = self.index.get(&(project, service)) else {
                continue;
            };
            let wanted = &mut self.services[*number];
            if record.is_of(wanted.record) {
                wanted.take(record);
            }
        }
    }

    fn read_assignments(&mut self) {
        let outcomes = self.input.lab.desired.outcomes.values();
        let ended: BTreeSet<&TaskId> = outcomes.map(|record| &record.task).collect();
        for node in 0..self.nodes.len() {
            let Some(base) = self.nodes[node].base else {
                continue;
            };
            for volume in base.volumes.keys() {
                self.holders.entry(volume).or_default().insert(node);
            }
            let observed = self.nodes[node].observed;
            for (id, task) in &base.tasks {
                let service = self.index.get(&(&task.project, &task.service)).copied();
                let present = service.map(|number| &self.services[number]);
                let spec = match present {
                    Some(wanted) if wanted.record.spec == task.spec => wanted.spec,
                    Some(_) | None => self.input.lab.desired.specs.get(&task.spec),
                };
                self.sit(Seat {
                    node,
                    service,
                    task: Cow::Borrowed(task),
                    status: observed.and_then(|observed| observed.statuses.get(id)),
                    spec,
                    ended: ended.contains(id),
                    leaves: false,
                    withdrawn: false,
                });
            }
        }
    }

    /// A volume that a refused task alone asked for, and that its node does not have, holds no data: it
    /// must not keep the next try on that node.
    fn unpin_unmade(&mut self) {
        let is_rejected = |seat: &Seat<'_>| {
            let status = seat.status.map(|status| status.progress.state);
            status == Some(TaskState::Rejected) && !self.is_frozen(&seat.task.project)
        };
        let rejected = self.tasks.iter().filter(|seat| is_rejected(seat));
        let mounted = rejected.flat_map(|seat| {
            let volumes = seat.spec.into_iter().flat_map(named_volumes);
            volumes.map(move |volume| (seat.node, volume))
        });
        let unmade: Vec<(usize, &EngineName)> = mounted
            .filter(|(node, volume)| {
                let site = &self.nodes[*node];
                let known = site.observed.filter(|node| node.known && !node.needs_full);
                let absent = known.is_some_and(|node| !node.present.contains(*volume));
                let mut others = site.seats.iter().map(|number| &self.tasks[*number]);
                absent
                    && others.all(|other| {
                        let mut mounts = other.spec.into_iter().flat_map(named_volumes);
                        is_rejected(other) || !mounts.any(|name| name == *volume)
                    })
            })
            .collect();
        for (node, volume) in unmade {
            self.nodes[node].unmade.insert(volume);
            if let Some(holders) = self.holders.get_mut(volume) {
                holders.remove(&node);
                if holders.is_empty() {
                    self.holders.remove(volume);
                }
            }
        }
    }

    /// Whether a project stays as it is, because this version cannot read all about it.
    pub(super) fn is_frozen(&self, project: &ProjectName) -> bool {
        self.input.lab.desired.aside.freezes(project)
    }

    /// Puts a task on the board and counts what it takes.
    pub(super) fn sit(&mut self, seat: Seat<'a>) -> usize {
        let number = self.tasks.len();
        let site = &mut self.nodes[seat.node];
        site.seats.push(number);
        site.n_tasks += 1;
        if let Some(spec) = seat.spec
            && !seat.ended
        {
            site.reserved = plus(site.reserved, spec.reservation);
            for fixed in port::fixed(&spec.ports) {
                site.ports.push((fixed, number));
            }
        }
        if let Some(service) = seat.service {
            self.services[service].seats.push(number);
        }
        self.tasks.push(seat);
        number
    }

    /// Takes a task off its node's counts: it leaves with this plan.
    pub(super) fn leave(&mut self, number: usize) {
        let seat = &mut self.tasks[number];
        seat.leaves = true;
        let site = &mut self.nodes[seat.node];
        site.changed = true;
        site.n_tasks = site.n_tasks.saturating_sub(1);
        site.ports.retain(|(_, holder)| *holder != number);
        if let Some(spec) = seat.spec
            && !seat.ended
        {
            site.reserved = minus(site.reserved, spec.reservation);
        }
    }

    /// Asks a task to stop.
    pub(super) fn stop(&mut self, number: usize) {
        let seat = &mut self.tasks[number];
        seat.withdrawn = true;
        seat.task.to_mut().target = TaskTarget::Stop;
        self.nodes[seat.node].changed = true;
    }

    /// Marks a task as ended for good: it keeps its slot, but reserves and publishes nothing.
    pub(super) fn end(&mut self, number: usize) {
        let seat = &mut self.tasks[number];
        seat.ended = true;
        let site = &mut self.nodes[seat.node];
        site.ports.retain(|(_, holder)| *holder != number);
        if let Some(spec) = seat.spec {
            site.reserved = minus(site.reserved, spec.reservation);
        }
    }

    /// Whether lost nodes' tasks are left where they are for now.
    pub(super) fn holds(&self) -> bool {
        let until = self.input.lab.observed.hold_until;
        until.is_some_and(|until| self.input.now < until)
    }

    /// Whether a task's node is lost and its slot may be filled elsewhere.
    pub(super) fn is_given_up(&self, seat: &Seat<'_>) -> bool {
        self.gives_up(&self.nodes[seat.node]) && !guards::keeps_slot(self, seat)
    }

    /// Whether a node is lost and what ran there may run elsewhere.
    pub(super) fn gives_up(&self, site: &Site<'_>) -> bool {
        site.liveness == NodeLiveness::Lost && !self.holds()
    }

    /// Whether any lost node's slots may be filled elsewhere.
    pub(super) fn gives_up_any(&self) -> bool {
        self.nodes.iter().any(|site| self.gives_up(site))
    }

    pub(super) fn wake(&mut self, at: UnixMillis) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    pub(super) fn finish(
        mut self,
        assignments: Vec<Assignment>,
        removals: Vec<Key>,
        converged: Vec<(ServiceKey, Convergence)>,
    ) -> Outcome {
        if let Some(until) = self.input.lab.observed.hold_until
            && self.holds()
        {
            self.report.held_until = Some(until);
            self.wake(until);
        }
        let tied = self.tied.iter();
        Outcome {
            assignments,
            tied: tied.map(|node| self.nodes[*node].id.clone()).collect(),
            outcomes: self.outcomes,
            removals,
            events: self.events,
            converged,
            pending: self.pending,
            report: self.report,
            wake_at: self.wake_at,
        }
    }
}

/// The nodes of the lab, and those that have an assignment without being registered.
fn sites<'a>(input: &PlanningInput<'a>) -> Vec<Site<'a>> {
    let lab = input.lab;
    let ids: BTreeSet<&NodeId> = lab
        .desired
        .nodes
        .keys()
        .chain(lab.desired.assignments.keys())
        .collect();
    let site = |id: &'a NodeId| {
        let observed = lab.observed.nodes.get(id);
        Site {
            id,
            record: lab.desired.nodes.get(id),
            observed,
            liveness: observed.map_or(NodeLiveness::Unknown, |node| node.liveness),
            base: lab.desired.assignments.get(id),
            seats: Vec::new(),
            n_tasks: 0,
            reserved: Resources::default(),
            ports: Vec::new(),
            removed: BTreeSet::new(),
            unmade: BTreeSet::new(),
            changed: false,
            frozen: lab.is_frozen(id),
        }
    };
    ids.into_iter().map(site).collect()
}

impl Site<'_> {
    /// Whether what its agent told last is how things are.
    pub(super) fn is_known_now(&self) -> bool {
        let told_all = self.observed.is_some_and(|node| !node.needs_full);
        self.liveness == NodeLiveness::Ready && told_all
    }

    /// Its name for people.
    pub(super) fn name(&self) -> &str {
        self.record
            .map_or(self.id.as_str(), |record| record.name.as_str())
    }
}

/// The named volumes that a spec mounts.
pub(super) fn named_volumes(spec: &TaskSpec) -> impl Iterator<Item = &EngineName> {
    spec.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume { engine_name, .. } => Some(engine_name),
        MountSource::Anonymous { .. } | MountSource::Bind { .. } | MountSource::Tmpfs { .. } => {
            None
        }
    })
}

pub(super) const fn plus(a: Resources, b: Resources) -> Resources {
    Resources {
        nano_cpus: a.nano_cpus.saturating_add(b.nano_cpus),
        memory_bytes: a.memory_bytes.saturating_add(b.memory_bytes),
    }
}

pub(super) const fn minus(a: Resources, b: Resources) -> Resources {
    Resources {
        nano_cpus: a.nano_cpus.saturating_sub(b.nano_cpus),
        memory_bytes: a.memory_bytes.saturating_sub(b.memory_bytes),
    }
}
