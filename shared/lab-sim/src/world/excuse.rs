//! Whether a slot that does not run has a reason that holds: looked for in the agents and their
//! engines, not in what the leader says.

use lab_placement::key::Key;
use lab_placement::record::Record;
use lab_placement::{LeaderCore, SlotKey};
use lab_types::{
    AssignedTask, Availability, EngineName, Guard, MountSource, Outcome as Ending, SpecDigest,
    TaskSpec,
};

use super::World;
use crate::agent::Agent;

impl World {
    /// Where the leader says that the slot's task has ended for good, whether the agent that had it was
    /// over with it: a drained node has forgotten it since.
    pub(super) fn has_ended(&self, core: &LeaderCore, slot: &SlotKey) -> Option<bool> {
        let desired = &core.lab().desired;
        let service = desired.services.get(&(slot.0.clone(), slot.1.clone()))?;
        let outcome = desired.outcomes.get(slot)?;
        if !outcome.is_of(service) || matches!(outcome.outcome, Ending::Refused { .. }) {
            return None;
        }
        Some(self.checker.was_over(&outcome.task))
    }

    /// What is wrong with a slot's excuse for not running; nothing when the leader names it as waiting,
    /// with a reason, and no node could take it.
    pub(super) fn no_excuse(
        &self,
        core: &LeaderCore,
        slot: &SlotKey,
        spec: &SpecDigest,
    ) -> Option<String> {
        let (project, service, number) = slot;
        let mut pending = core.report().pending.iter().filter(|pending| {
            (&pending.project, &pending.service) == (project, service)
                && pending.slots.contains(number)
        });
        let named = pending.any(|pending| {
            let mut reasons = pending.reasons.iter();
            !pending.reasons.is_empty() && reasons.all(|reason| !reason.words.is_empty())
        });
        if !named {
            return Some("nobody says why".to_owned());
        }
        let Some(Record::Spec(spec)) = self.record(&Key::Spec(spec.clone())) else {
            return Some("its spec is lost".to_owned());
        };
        if self.is_kept_by_the_dead(slot) {
            return None;
        }
        let mut agents = self.agents.iter().filter(|agent| !agent.is_dead);
        let free = agents.find(|agent| !self.cannot_take(agent, slot, spec))?;
        Some(format!("it is said to wait, and {} could take it", free.id))
    }

    /// Whether a dead node had an exclusive task of the slot of which nobody knows that it has stopped.
    fn is_kept_by_the_dead(&self, slot: &SlotKey) -> bool {
        let dead = self.agents.iter().filter(|agent| agent.is_dead);
        let newest = dead.filter_map(|agent| self.checker.newest().get(&agent.id));
        let mut tasks = newest.flat_map(|newest| newest.tasks.values());
        tasks.any(|task| {
            let exclusive = match self.record(&Key::Spec(task.spec.clone())) {
                Some(Record::Spec(spec)) => spec.is_exclusive(),
                _ => true,
            };
            (&task.project, &task.service, task.slot) == (&slot.0, &slot.1, slot.2)
                && exclusive
                && task.guard != Guard::Held
        })
    }

    fn record(&self, key: &Key) -> Option<&Record> {
        self.store.records.get(key).map(|(_, record)| record)
    }

    /// Whether a node has no place for a task.
    fn cannot_take(&self, agent: &Agent, slot: &SlotKey, spec: &TaskSpec) -> bool {
        let mut cpus = spec.reservation.nano_cpus;
        let mut memory = spec.reservation.memory_bytes;
        let mut port_is_held = false;
        for (_, other) in self.holding(agent) {
            cpus += other.reservation.nano_cpus;
            memory += other.reservation.memory_bytes;
            port_is_held |= ports(other).any(|held| ports(spec).any(|port| port == held));
        }
        let is_full = cpus > agent.capacity.nano_cpus || memory > agent.capacity.memory_bytes;
        let record = self.record(&Key::Node(agent.id.clone()));
        let takes_tasks = match record {
            Some(Record::Node(record)) => record.availability == Availability::Active,
            _ => false,
        };
        !takes_tasks
            || is_full
            || port_is_held
            || self.is_elsewhere(agent, spec)
            || is_in_the_way(agent, slot)
    }

    /// A node's tasks that hold what they reserve, with their specs.
    fn holding<'a>(
        &'a self,
        agent: &'a Agent,
    ) -> impl Iterator<Item = (&'a AssignedTask, &'a TaskSpec)> {
        let newest = self.checker.newest().get(&agent.id);
        let tasks = newest.into_iter().flat_map(|newest| newest.tasks.values());
        tasks.filter_map(|task| {
            let slot = Key::Outcome(task.project.clone(), task.service.clone(), task.slot);
            let ended = match self.record(&slot) {
                Some(Record::Outcome(outcome)) => outcome.task == task.id,
                _ => false,
            };
            match self.record(&Key::Spec(task.spec.clone())) {
                Some(Record::Spec(spec)) if !ended => Some((task, &**spec)),
                _ => None,
            }
        })
    }

    /// Whether a volume that the task needs has its data on another node.
    fn is_elsewhere(&self, agent: &Agent, spec: &TaskSpec) -> bool {
        let has = |agent: &Agent, volume: &EngineName| {
            let newest = self.checker.newest().get(&agent.id);
            newest.is_some_and(|newest| newest.volumes.contains_key(volume))
        };
        volumes(spec)
            .any(|volume| !has(agent, volume) && self.agents.iter().any(|other| has(other, volume)))
    }
}

/// Whether something that is not the lab's has the name that the container would get.
fn is_in_the_way(agent: &Agent, (project, service, slot): &SlotKey) -> bool {
    let name = format!("{project}-{service}-{slot}");
    let mut containers = agent.engine.model.containers.values();
    containers.any(|container| container.name == name && !is_ours(container))
}

fn is_ours(container: &lab_converge::model::ModelContainer) -> bool {
    container.labels.contains_key(lab_converge::labels::LAB)
}

fn ports(spec: &TaskSpec) -> impl Iterator<Item = u16> {
    spec.ports.iter().filter_map(|port| port.published)
}

fn volumes(spec: &TaskSpec) -> impl Iterator<Item = &EngineName> {
    spec.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume { engine_name, .. } => Some(engine_name),
        MountSource::Anonymous { .. } | MountSource::Bind { .. } | MountSource::Tmpfs { .. } => {
            None
        }
    })
}
