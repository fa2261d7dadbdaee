//! Host ports: whether the lab's nodes can offer what the services would publish.
//!
//! Each node has each port once. So the nodes that can offer a port must be at least as many as the
//! tasks that publish it. Counted over all services as they would be after the change, this covers a
//! port held by another service, one held from outside the lab, and more replicas than nodes.

use std::collections::BTreeMap;

use lab_types::{
    Availability, NodeId, NodeLiveness, NodeRecord, PortPublish, ProjectName, ServiceName, TaskSpec,
};

use super::finding::Finding;
use crate::codes;
use crate::lab::Lab;
use crate::port::{self, Fixed};
use crate::words::count;

/// How many tasks of which spec a service would have.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) replicas: u32,
    pub(super) task: &'a TaskSpec,
}

type Name<'a> = (&'a ProjectName, &'a ServiceName);

/// The services as they would be after a change.
pub(super) struct After<'a> {
    services: BTreeMap<Name<'a>, Wanted<'a>>,
}

impl<'a> After<'a> {
    /// The services as they are now.
    pub(super) fn now(lab: &'a Lab) -> Self {
        let services = lab.desired.services.iter().filter_map(|(key, record)| {
            let task = lab.desired.specs.get(&record.spec)?;
            let wanted = Wanted {
                replicas: record.replicas,
                task,
            };
            Some(((&key.0, &key.1), wanted))
        });
        Self {
            services: services.collect(),
        }
    }

    /// The same without the services of a project.
    pub(super) fn without_project(mut self, project: &ProjectName) -> Self {
        self.services.retain(|(owner, _), _| *owner != project);
        self
    }

    /// The same with one service more, or other than before.
    pub(super) fn with(mut self, name: Name<'a>, wanted: Wanted<'a>) -> Self {
        self.services.insert(name, wanted);
        self
    }
}

/// What is wrong with the ports of these services.
pub(super) fn findings<'a>(
    lab: &'a Lab,
    after: &After<'a>,
    changed: impl IntoIterator<Item = Name<'a>>,
) -> Vec<Finding> {
    let nodes: Vec<&NodeRecord> = lab
        .desired
        .nodes
        .values()
        .filter(|node| node.availability == Availability::Active)
        .filter(|node| lab.liveness_of(&node.id) != NodeLiveness::Lost)
        .collect();
    // Without a node nothing can be said about ports: the tasks stay pending and say so.
    if nodes.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for name in changed {
        let Some(wanted) = after.services.get(&name).filter(|w| w.replicas > 0) else {
            continue;
        };
        for fixed in port::fixed(&wanted.task.ports) {
            let question = Question {
                lab,
                after,
                nodes: &nodes,
                name,
                fixed,
            };
            found.extend(question.finding(wanted.replicas));
        }
    }
    found
}

struct Question<'q, 'a> {
    lab: &'a Lab,
    after: &'q After<'a>,
    nodes: &'q [&'a NodeRecord],
    name: Name<'a>,
    fixed: Fixed<'q>,
}

impl Question<'_, '_> {
    fn finding(&self, replicas: u32) -> Option<Finding> {
        let rivals: BTreeMap<Name<'_>, u32> = self
            .after
            .services
            .iter()
            .filter(|(name, wanted)| **name != self.name && self.collides(&wanted.task.ports))
            .map(|(name, wanted)| (*name, wanted.replicas))
            .filter(|(_, replicas)| *replicas > 0)
            .collect();
        let offering = self
            .nodes
            .iter()
            .filter(|node| self.foreign(node).is_none());
        let offering = u64::try_from(offering.count()).unwrap_or(u64::MAX);
        let others: u64 = rivals.values().map(|n| u64::from(*n)).sum();
        if u64::from(replicas) + others <= offering {
            return None;
        }
        let (project, service) = self.name;
        let mut holders: Vec<String> = self
            .nodes
            .iter()
            .filter_map(|node| {
                let holder = self
                    .foreign(node)
                    .or_else(|| self.rival_on(&node.id, &rivals))?;
                Some(format!("on node {} by {holder}", node.name))
            })
            .collect();
        let on_no_node = rivals.keys().filter(|rival| !self.runs(rival));
        holders.extend(on_no_node.map(|(p, s)| format!("service {p}/{s} publishes it too")));
        let fixed = &self.fixed;
        let message = if holders.is_empty() {
            format!(
                "service {project}/{service} publishes host port {fixed} and shall have {}, \
                 but each node has a port once and only {} can offer it",
                count(replicas.into(), "task"),
                count(offering, "node")
            )
        } else {
            format!(
                "host port {fixed}, which service {project}/{service} publishes, is taken: {}",
                holders.join("; ")
            )
        };
        let help = if holders.is_empty() {
            format!(
                "ask for at most {offering}, or publish the container's port without a host port"
            )
        } else {
            "free that port, or publish another host port".to_owned()
        };
        Some(Finding::new(codes::PORT_TAKEN, message, help))
    }

    fn collides(&self, ports: &[PortPublish]) -> bool {
        port::fixed(ports).any(|other| other.collides(&self.fixed))
    }

    fn foreign(&self, node: &NodeRecord) -> Option<String> {
        let observed = self.lab.observed.nodes.get(&node.id)?;
        let held = observed
            .foreign_ports
            .iter()
            .find(|foreign| self.fixed.is_held_by(foreign))?;
        Some(port::holder_words(held))
    }

    fn rival_on(&self, node: &NodeId, rivals: &BTreeMap<Name<'_>, u32>) -> Option<String> {
        let assignment = self.lab.desired.assignments.get(node)?;
        let tasks = assignment.tasks.values();
        let holders = tasks.map(|task| (&task.project, &task.service));
        // The first by name: the order of task ids is chance.
        let (project, service) = holders.filter(|holder| rivals.contains_key(holder)).min()?;
        Some(format!("service {project}/{service}"))
    }

    fn runs(&self, (project, service): &Name<'_>) -> bool {
        self.nodes.iter().any(|node| {
            let assignment = self.lab.desired.assignments.get(&node.id);
            assignment.is_some_and(|assignment| {
                let mut tasks = assignment.tasks.values();
                tasks.any(|task| task.project == **project && task.service == **service)
            })
        })
    }
}
