//! What a leader holds in memory: the whole desired state, and what it has heard of the nodes.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    AgentBoot, Assignment, EngineName, Event, Fence, ForeignPort, Guard, NodeFacts, NodeId,
    NodeLiveness, NodeRecord, OutcomeRecord, Pass, ProjectName, ProjectRecord, RequestId,
    RevisionRecord, ServiceName, ServiceRecord, SpecDigest, TaskId, TaskSpec, TaskStatus,
    UnixMillis, WriteTag,
};

use crate::aside::{Aside, Unread};
use crate::key::Key;
use crate::record::{Record, StoredAnswer};

/// A service by project and name.
pub type ServiceKey = (ProjectName, ServiceName);

/// A slot by project, service and number.
pub type SlotKey = (ProjectName, ServiceName, u32);

/// A leader's whole memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lab {
    /// What should be: durable, written by this leader alone.
    pub desired: Desired,
    /// What is, as far as the agents have told this leader: soft.
    pub observed: Observed,
}

/// Desired state: the state stream, read into maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Projects; one that was taken down stays as a record without networks and services.
    pub projects: BTreeMap<ProjectName, ProjectRecord>,
    /// Services.
    pub services: BTreeMap<ServiceKey, ServiceRecord>,
    /// What the changes of each project made different, those that are kept.
    pub revisions: BTreeMap<ProjectName, BTreeMap<u64, RevisionRecord>>,
    /// Specs that a service, an assigned task or a kept revision refers to.
    pub specs: BTreeMap<SpecDigest, TaskSpec>,
    /// Nodes of the lab.
    pub nodes: BTreeMap<NodeId, NodeRecord>,
    /// What each node must run.
    pub assignments: BTreeMap<NodeId, Assignment>,
    /// How slots ended for good.
    pub outcomes: BTreeMap<SlotKey, OutcomeRecord>,
    /// Answers of requests, for their repetition.
    pub answers: BTreeMap<RequestId, StoredAnswer>,
    /// Events of passes that may not be published yet.
    pub outbox: BTreeMap<Pass, Vec<Event>>,
    /// What of the stream this version cannot read, and what therefore stays as it is.
    pub aside: Aside,
}

/// Observed state: what the agents have told this leader, and what it has concluded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// When this leader began to listen.
    pub since: UnixMillis,
    /// Until when this leader was last too busy to hear anybody.
    pub deaf_until: UnixMillis,
    /// What each node has told.
    pub nodes: BTreeMap<NodeId, ObservedNode>,
    /// Until when no lost task is replaced, because many nodes vanished together.
    pub hold_until: Option<UnixMillis>,
    /// How each service has last converged, so that it is told once.
    pub converged: BTreeMap<ServiceKey, Convergence>,
    /// Slots that no node could take at the last plan, so that it is told once.
    pub pending: BTreeSet<SlotKey>,
}

/// How a service has converged: which revision of it, by which tasks. Attempts do not count: a task
/// that was started again on its node is told by its own events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convergence {
    /// The service's revision.
    pub revision: u64,
    /// The task in its place in each slot, serving or completed.
    pub places: BTreeMap<u32, TaskId>,
}

impl Convergence {
    /// Whether it says more than an earlier one: another revision, or a task that was not in its place.
    #[must_use]
    pub fn is_news_after(&self, earlier: &Self) -> bool {
        let known = |(slot, task): (&u32, &TaskId)| earlier.places.get(slot) == Some(task);
        self.revision != earlier.revision || !self.places.iter().all(known)
    }
}

/// What one node has told this leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedNode {
    /// What the leader thinks of it.
    pub liveness: NodeLiveness,
    /// The newest life of its agent that was heard.
    pub boot: AgentBoot,
    /// The number of the newest report that was applied, in that life.
    pub sequence: u64,
    /// When it was last heard, by the leader's clock.
    pub last_seen: Option<UnixMillis>,
    /// When it was last found lost.
    pub lost_at: Option<UnixMillis>,
    /// The highest fence it has said to obey.
    pub accepted: Fence,
    /// Whether it has given this leader a full inventory.
    pub known: bool,
    /// Whether a full inventory is needed: at first, after a new life, after a gap.
    pub needs_full: bool,
    /// Its host name.
    pub hostname: String,
    /// What it is and has.
    pub facts: NodeFacts,
    /// Host ports in use by something that is not the lab's.
    pub foreign_ports: Vec<ForeignPort>,
    /// Networks and volumes of the lab that exist there.
    pub present: BTreeSet<EngineName>,
    /// Its tasks as last reported; in one life of its agent a status never goes back.
    pub statuses: BTreeMap<TaskId, TaskStatus>,
    /// Of those, the ones that have not changed since the node's first inventory for this leader.
    pub introduced: BTreeSet<TaskId>,
    /// Of those, the ones that an earlier life of its agent has told: this life counts attempts by itself,
    /// and its first word is taken as it is.
    pub inherited: BTreeSet<TaskId>,
    /// Tasks that should be stopped and that its agent holds no longer.
    pub gone: BTreeSet<TaskId>,
    /// Volumes that should be removed and that its agent found gone.
    pub removed_volumes: BTreeSet<EngineName>,
}

impl Default for ObservedNode {
    /// A node that was never heard.
    fn default() -> Self {
        Self {
            liveness: NodeLiveness::Unknown,
            boot: AgentBoot::default(),
            sequence: 0,
            last_seen: None,
            lost_at: None,
            accepted: Fence::default(),
            known: false,
            needs_full: true,
            hostname: String::new(),
            facts: NodeFacts::default(),
            foreign_ports: Vec::new(),
            present: BTreeSet::new(),
            statuses: BTreeMap::new(),
            introduced: BTreeSet::new(),
            inherited: BTreeSet::new(),
            gone: BTreeSet::new(),
            removed_volumes: BTreeSet::new(),
        }
    }
}

/// The state stream, read into memory.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The lab.
    pub lab: Lab,
    /// Records written by a pass above the head's: to be written again by the new leader.
    pub rewrite: Vec<Key>,
    /// Keys whose value is of another kind than the key says: left alone, to be told to an operator.
    pub misfiled: Vec<Key>,
}

impl Lab {
    /// Reads the records of the state stream. `head` is the head's tag as found before the take-over.
    #[must_use]
    pub fn load(records: Vec<(Key, WriteTag, Record)>, head: WriteTag) -> Loaded {
        let mut lab = Self::default();
        let (mut rewrite, mut misfiled) = (Vec::new(), Vec::new());
        for (key, tag, record) in records {
            let above = (tag.incarnation, tag.pass) > (head.incarnation, head.pass);
            match lab.put(&key, record) {
                Ok(()) if above => rewrite.push(key),
                Ok(()) => {}
                Err(Misfiled) => misfiled.push(key),
            }
        }
        rewrite.sort();
        misfiled.sort();
        Loaded {
            lab,
            rewrite,
            misfiled,
        }
    }

    /// Leaves records alone that cannot be read, and what they are about.
    pub fn set_aside(&mut self, records: Vec<Unread>) {
        self.desired.aside = Aside::of(records, &self.desired);
    }

    /// The value under a key.
    #[must_use]
    pub fn record(&self, key: &Key) -> Option<Record> {
        let desired = &self.desired;
        match key {
            Key::Spec(digest) => {
                let spec = desired.specs.get(digest)?;
                Some(Record::Spec(Box::new(spec.clone())))
            }
            Key::Project(name) => desired.projects.get(name).cloned().map(Record::Project),
            Key::Service(project, name) => {
                let key = (project.clone(), name.clone());
                desired.services.get(&key).cloned().map(Record::Service)
            }
            Key::Revision(project, number) => {
                let record = desired.revisions.get(project)?.get(number)?;
                Some(Record::Revision(Box::new(record.clone())))
            }
            Key::Node(id) => desired.nodes.get(id).cloned().map(Record::Node),
            Key::Outcome(project, service, slot) => {
                let key = (project.clone(), service.clone(), *slot);
                desired.outcomes.get(&key).cloned().map(Record::Outcome)
            }
            Key::Assignment(id) => desired.assignments.get(id).cloned().map(Record::Assignment),
            Key::Answer(id) => desired.answers.get(id).cloned().map(Record::Answer),
            Key::Outbox(pass) => desired.outbox.get(pass).cloned().map(Record::Outbox),
            Key::Head => None,
        }
    }

    /// Sets the value under a key.
    ///
    /// # Errors
    /// [`Misfiled`] when the value is of another kind than the key says; nothing is changed then.
    pub fn put(&mut self, key: &Key, record: Record) -> Result<(), Misfiled> {
        let desired = &mut self.desired;
        match (key, record) {
            (Key::Spec(digest), Record::Spec(spec)) => {
                desired.specs.insert(digest.clone(), *spec);
            }
            (Key::Project(name), Record::Project(record)) => {
                desired.projects.insert(name.clone(), record);
            }
            (Key::Service(project, name), Record::Service(record)) => {
                let key = (project.clone(), name.clone());
                desired.services.insert(key, record);
            }
            (Key::Revision(project, number), Record::Revision(record)) => {
                let of_project = desired.revisions.entry(project.clone()).or_default();
                of_project.insert(*number, *record);
            }
            (Key::Node(id), Record::Node(record)) => {
                desired.nodes.insert(id.clone(), record);
            }
            (Key::Outcome(project, service, slot), Record::Outcome(record)) => {
                let key = (project.clone(), service.clone(), *slot);
                desired.outcomes.insert(key, record);
            }
            (Key::Assignment(id), Record::Assignment(assignment)) => {
                self.observed.settle(id, &assignment);
                desired.assignments.insert(id.clone(), assignment);
            }
            (Key::Answer(id), Record::Answer(answer)) => {
                desired.answers.insert(id.clone(), answer);
            }
            (Key::Outbox(pass), Record::Outbox(events)) => {
                desired.outbox.insert(*pass, events);
            }
            (
                Key::Spec(_)
                | Key::Project(_)
                | Key::Service(..)
                | Key::Revision(..)
                | Key::Node(_)
                | Key::Outcome(..)
                | Key::Assignment(_)
                | Key::Answer(_)
                | Key::Outbox(_)
                | Key::Head,
                _,
            ) => return Err(Misfiled),
        }
        Ok(())
    }

    /// Removes the value under a key, if there is one.
    pub fn remove(&mut self, key: &Key) {
        let desired = &mut self.desired;
        match key {
            Key::Spec(digest) => drop(desired.specs.remove(digest)),
            Key::Project(name) => drop(desired.projects.remove(name)),
            Key::Service(project, name) => {
                let key = (project.clone(), name.clone());
                desired.services.remove(&key);
                self.observed.converged.remove(&key);
            }
            Key::Revision(project, number) => {
                if let Some(of_project) = desired.revisions.get_mut(project) {
                    of_project.remove(number);
                    if of_project.is_empty() {
                        desired.revisions.remove(project);
                    }
                }
            }
            Key::Node(id) => {
                desired.nodes.remove(id);
                self.observed.nodes.remove(id);
            }
            Key::Outcome(project, service, slot) => {
                let key = (project.clone(), service.clone(), *slot);
                desired.outcomes.remove(&key);
            }
            Key::Assignment(id) => drop(desired.assignments.remove(id)),
            Key::Answer(id) => drop(desired.answers.remove(id)),
            Key::Outbox(pass) => drop(desired.outbox.remove(pass)),
            Key::Head => {}
        }
    }

    /// Applies what a change or a plan gave.
    ///
    /// # Panics
    /// Never for a delta made by this crate: it files each record under its own kind of key.
    pub fn apply(&mut self, puts: &[(Key, Record)], removes: &[Key]) {
        for (key, record) in puts {
            self.put(key, record.clone())
                .expect("invariant: this crate files each record under its own kind of key");
        }
        for key in removes {
            self.remove(key);
        }
    }

    /// Whether a node has been asked to guard a task, and is not known to obey.
    #[must_use]
    pub fn awaits_guard(&self, node: &NodeId) -> bool {
        let assignment = self.desired.assignments.get(node);
        let mut tasks = assignment
            .into_iter()
            .flat_map(|assignment| assignment.tasks.values());
        tasks.any(|task| task.guard == Guard::Asked)
    }

    /// Whether a node obeys an assignment that this state has never held.
    #[must_use]
    pub fn is_ahead(&self, node: &NodeId) -> bool {
        let observed = self.observed.nodes.get(node);
        let assignment = self.desired.assignments.get(node);
        let given = assignment.map_or_else(Fence::default, |assignment| assignment.fence);
        observed.is_some_and(|observed| observed.accepted > given)
    }

    /// Whether a node's assignment must stay as it is: it is ahead, and not given up.
    #[must_use]
    pub fn is_frozen(&self, node: &NodeId) -> bool {
        self.is_ahead(node) && self.liveness_of(node) != NodeLiveness::Lost
    }

    /// A node's liveness; one that was never heard is unknown.
    #[must_use]
    pub fn liveness_of(&self, node: &NodeId) -> NodeLiveness {
        self.observed
            .nodes
            .get(node)
            .map_or(NodeLiveness::Unknown, |node| node.liveness)
    }
}

impl Observed {
    /// Forgets conclusions about tasks and volumes that the new assignment names no longer, so that
    /// they cannot be mistaken for conclusions about later ones of the same name.
    fn settle(&mut self, node: &NodeId, assignment: &Assignment) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.gone.retain(|task| assignment.tasks.contains_key(task));
            node.removed_volumes
                .retain(|volume| assignment.remove_volumes.contains_key(volume));
        }
    }
}

/// A value of another kind than its key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is of another kind than its key says")]
pub struct Misfiled;

#[cfg(test)]
mod tests;
