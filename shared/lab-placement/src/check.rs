//! The invariants of a lab and of a plan, as a checker: used in tests, in the simulation, and by
//! whoever doubts. It shares no code with the planner, so that a mistake there is not repeated here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lab_types::{
    AssignedTask, Assignment, EngineName, Gate, Guard, MountSource, NodeId, NodeLiveness,
    ProjectName, Resources, ServiceName, TaskId, TaskSpec, TaskState, TaskTarget, UnixMillis,
};

use crate::lab::Lab;
use crate::plan::Outcome;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// Two tasks of one slot should run.
    SlotTakenTwice {
        /// `project/service slot`.
        slot: String,
        /// The tasks.
        tasks: Vec<TaskId>,
    },
    /// A task was placed while an earlier one of its slot had not stopped.
    ReplacedTooEarly {
        /// The new task.
        task: TaskId,
        /// The old one.
        earlier: TaskId,
    },
    /// A task was placed while an exclusive one of its slot may still run on a lost node.
    ReplacedUnguarded {
        /// The new task.
        task: TaskId,
        /// The old one.
        earlier: TaskId,
    },
    /// A node got a task and now has more reserved than it has.
    OverCapacity {
        /// The node.
        node: NodeId,
    },
    /// A task was given to a node that must not get any.
    NotEligible {
        /// The task.
        task: TaskId,
        /// The node.
        node: NodeId,
    },
    /// An assignment changed without a higher fence.
    FenceNotHigher {
        /// The node.
        node: NodeId,
    },
    /// A changed assignment says what it said before.
    ChangedNothing {
        /// The node.
        node: NodeId,
    },
    /// An open gate was closed.
    GateClosed {
        /// The task.
        task: TaskId,
    },
    /// A task that should stop should run again, or changed its slot or spec.
    TaskRewritten {
        /// The task.
        task: TaskId,
    },
    /// A task left its assignment before its agent said that it is gone.
    LeftTooEarly {
        /// The task.
        task: TaskId,
    },
    /// A task is on two nodes.
    TwoNodes {
        /// The task.
        task: TaskId,
    },
    /// A task refers to a spec that the state has not.
    SpecMissing {
        /// The task.
        task: TaskId,
    },
    /// A volume is to be removed that no request gave consent for.
    UnconfirmedRemoval {
        /// The node.
        node: NodeId,
        /// The volume.
        volume: String,
    },
    /// A volume vanished from an assignment.
    VolumeForgotten {
        /// The node.
        node: NodeId,
        /// The volume.
        volume: String,
    },
    /// Two tasks on one node publish the same port.
    PortTwice {
        /// The node.
        node: NodeId,
        /// The port.
        port: u16,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What is wrong with a lab by itself.
#[must_use]
pub fn lab(lab: &Lab) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut running: BTreeMap<(&ProjectName, &ServiceName, u32), Vec<TaskId>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for assignment in lab.desired.assignments.values() {
        for task in assignment.tasks.values() {
            if !seen.insert(&task.id) {
                found.push(Violation::TwoNodes {
                    task: task.id.clone(),
                });
            }
            let is_read = lab.desired.specs.contains_key(&task.spec);
            if !is_read && !lab.desired.aside.freezes(&task.project) {
                found.push(Violation::SpecMissing {
                    task: task.id.clone(),
                });
            }
            if task.target == TaskTarget::Run {
                let slot = (&task.project, &task.service, task.slot);
                running.entry(slot).or_default().push(task.id.clone());
            }
        }
    }
    for ((project, service, slot), tasks) in running {
        if tasks.len() > 1 {
            found.push(Violation::SlotTakenTwice {
                slot: format!("{project}/{service} {slot}"),
                tasks,
            });
        }
    }
    found
}

/// What is wrong with a plan made from a lab at a time, and with the lab as it would be after it.
#[must_use]
pub fn outcome(before: &Lab, outcome: &Outcome, now: UnixMillis) -> Vec<Violation> {
    let mut after = before.clone();
    after.apply_outcome(outcome);
    let mut found = lab(&after);
    for assignment in &outcome.assignments {
        let empty = Assignment::empty(assignment.node.clone());
        let old = before.desired.assignments.get(&assignment.node);
        let step = Step {
            before,
            after: &after,
            old: old.unwrap_or(&empty),
            new: assignment,
            now,
        };
        step.check(&mut found);
    }
    found
}

struct Step<'a> {
    before: &'a Lab,
    after: &'a Lab,
    old: &'a Assignment,
    new: &'a Assignment,
    now: UnixMillis,
}

impl Step<'_> {
    fn check(&self, found: &mut Vec<Violation>) {
        let node = &self.new.node;
        if self.new.fence <= self.old.fence {
            found.push(Violation::FenceNotHigher { node: node.clone() });
        }
        let unfenced = Assignment {
            fence: self.old.fence,
            ..self.new.clone()
        };
        if unfenced == *self.old {
            found.push(Violation::ChangedNothing { node: node.clone() });
        }
        for task in self.new.tasks.values() {
            match self.old.tasks.get(&task.id) {
                Some(old) => Self::check_kept(old, task, found),
                None => self.check_new(task, found),
            }
        }
        for task in self.old.tasks.values() {
            if !self.new.tasks.contains_key(&task.id) {
                self.check_left(task, found);
            }
        }
        self.check_volumes(found);
    }

    fn check_kept(old: &AssignedTask, new: &AssignedTask, found: &mut Vec<Violation>) {
        let task = new.id.clone();
        if old.gate == Gate::Open && new.gate != Gate::Open {
            found.push(Violation::GateClosed { task: task.clone() });
        }
        let revived = old.target == TaskTarget::Stop && new.target == TaskTarget::Run;
        if revived || old.slot != new.slot || old.spec != new.spec || old.service != new.service {
            found.push(Violation::TaskRewritten { task });
        }
    }

    fn check_new(&self, task: &AssignedTask, found: &mut Vec<Violation>) {
        let node = &self.new.node;
        let observed = self.before.observed.nodes.get(node);
        let ready = observed.is_some_and(|observed| {
            observed.liveness == NodeLiveness::Ready && observed.facts.engine.is_some()
        });
        let record = self.before.desired.nodes.get(node);
        let active =
            record.is_some_and(|record| record.availability == lab_types::Availability::Active);
        let spec = self.after.desired.specs.get(&task.spec);
        let fits = observed.is_none_or(|o| {
            spec.is_none_or(|spec| spec.runs_on(&o.facts) && spec.suits_engine_of(&o.facts))
        });
        if !ready || !active || !fits || task.target != TaskTarget::Run {
            found.push(Violation::NotEligible {
                task: task.id.clone(),
                node: node.clone(),
            });
        }
        self.check_capacity(task, found);
        self.check_ports(task, found);
        for (other_node, assignment) in &self.after.desired.assignments {
            for earlier in assignment.tasks.values() {
                let same_slot = earlier.project == task.project
                    && earlier.service == task.service
                    && earlier.slot == task.slot;
                let lost = self.after.liveness_of(other_node) == NodeLiveness::Lost;
                if !same_slot || earlier.id == task.id {
                    continue;
                }
                let specs = [&task.spec, &earlier.spec];
                let mut specs = specs.map(|s| self.after.desired.specs.get(s)).into_iter();
                let exclusive = specs.any(|spec| spec.is_some_and(TaskSpec::is_exclusive));
                // Many nodes vanished together: they may all be there still.
                let until = self.before.observed.hold_until;
                let held = until.is_some_and(|until| self.now < until);
                if lost && exclusive && earlier.guard != Guard::Held {
                    found.push(Violation::ReplacedUnguarded {
                        task: task.id.clone(),
                        earlier: earlier.id.clone(),
                    });
                }
                if !lost || held {
                    found.push(Violation::ReplacedTooEarly {
                        task: task.id.clone(),
                        earlier: earlier.id.clone(),
                    });
                }
            }
        }
    }

    fn check_capacity(&self, task: &AssignedTask, found: &mut Vec<Violation>) {
        let reservation = |task: &AssignedTask| {
            let spec = self.after.desired.specs.get(&task.spec);
            spec.map(|spec| spec.reservation).unwrap_or_default()
        };
        let mut sum = Resources::default();
        for other in self.new.tasks.values() {
            let slot = (other.project.clone(), other.service.clone(), other.slot);
            let ended = self.after.desired.outcomes.get(&slot);
            if ended.is_none_or(|ended| ended.task != other.id) {
                sum.nano_cpus += reservation(other).nano_cpus;
                sum.memory_bytes += reservation(other).memory_bytes;
            }
        }
        let observed = self.before.observed.nodes.get(&self.new.node);
        let capacity = observed.map(|observed| observed.facts.capacity);
        let capacity = capacity.unwrap_or_default();
        let own = reservation(task);
        let cpu = own.nano_cpus > 0 && sum.nano_cpus > capacity.nano_cpus;
        let memory = own.memory_bytes > 0 && sum.memory_bytes > capacity.memory_bytes;
        let violation = Violation::OverCapacity {
            node: self.new.node.clone(),
        };
        if (cpu || memory) && !found.contains(&violation) {
            found.push(violation);
        }
    }

    fn check_ports(&self, task: &AssignedTask, found: &mut Vec<Violation>) {
        let ports = |task: &AssignedTask| {
            let spec = self.after.desired.specs.get(&task.spec);
            let ports = spec.into_iter().flat_map(|spec| &spec.ports);
            let fixed = ports.filter_map(|p| {
                let port = p.published.filter(|port| *port != 0)?;
                // Several ways to write: on all addresses.
                let ip = p.host_ip.as_deref();
                let all = ip.is_none_or(|ip| matches!(ip, "" | "0.0.0.0" | "::"));
                Some((port, p.protocol, p.host_ip.clone().filter(|_| !all)))
            });
            fixed.collect::<Vec<_>>()
        };
        for (port, protocol, host_ip) in ports(task) {
            let others = self.new.tasks.values().filter(|other| {
                let slot = (other.project.clone(), other.service.clone(), other.slot);
                let ended = self.after.desired.outcomes.get(&slot);
                other.id != task.id && ended.is_none_or(|ended| ended.task != other.id)
            });
            let mut held = others.flat_map(&ports);
            let taken = held.any(|(p, proto, ip)| {
                let one_address = ip.is_none() || host_ip.is_none() || ip == host_ip;
                p == port && proto == protocol && one_address
            });
            if taken {
                found.push(Violation::PortTwice {
                    node: self.new.node.clone(),
                    port,
                });
            }
        }
    }

    fn check_left(&self, task: &AssignedTask, found: &mut Vec<Violation>) {
        let observed = self.before.observed.nodes.get(&self.new.node);
        let done = observed.is_some_and(|node| {
            let status = node.statuses.get(&task.id);
            let stopped = status.is_some_and(|s| s.progress.state == TaskState::Stopped);
            stopped || node.gone.contains(&task.id)
        });
        if !done {
            found.push(Violation::LeftTooEarly {
                task: task.id.clone(),
            });
        }
    }

    /// Whether only tasks that their node rejected ask for the volume, and the node says that it has none.
    fn was_never_made(&self, volume: &EngineName) -> bool {
        let Some(node) = self.before.observed.nodes.get(&self.new.node) else {
            return false;
        };
        let mounts = |task: &AssignedTask| {
            let spec = self.before.desired.specs.get(&task.spec);
            let mut mounts = spec.into_iter().flat_map(|spec| &spec.mounts);
            mounts.any(|mount| match &mount.source {
                MountSource::Volume { engine_name, .. } => engine_name == volume,
                MountSource::Anonymous { .. }
                | MountSource::Bind { .. }
                | MountSource::Tmpfs { .. } => false,
            })
        };
        let mut users = self
            .old
            .tasks
            .values()
            .filter(|task| mounts(task))
            .peekable();
        let is_rejected = |task: &AssignedTask| {
            let status = node.statuses.get(&task.id);
            status.is_some_and(|status| status.progress.state == TaskState::Rejected)
        };
        let asked = users.peek().is_some();
        asked && users.all(is_rejected) && node.known && !node.present.contains(volume)
    }

    fn check_volumes(&self, found: &mut Vec<Violation>) {
        let node = &self.new.node;
        for volume in self.new.remove_volumes.keys() {
            // Consent comes with a request; a plan never adds one of its own.
            if !self.old.remove_volumes.contains_key(volume) {
                found.push(Violation::UnconfirmedRemoval {
                    node: node.clone(),
                    volume: volume.to_string(),
                });
            }
        }
        for volume in self.old.volumes.keys() {
            if !self.new.volumes.contains_key(volume) && !self.was_never_made(volume) {
                found.push(Violation::VolumeForgotten {
                    node: node.clone(),
                    volume: volume.to_string(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
