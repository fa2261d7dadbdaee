//! Read models: what a person or a script is shown of the lab. Pure; the shell turns them into replies.

mod counts;
mod history;
mod hopeless;
mod page;

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    AssignedTask, Availability, EngineName, Health, NodeId, NodeName, NodeRecord, ProjectName,
    ProjectRecord, ServiceName, ServiceRecord, TaskProgress, TaskSpec, TaskState, TaskStatus,
};

pub use history::{history, project_at};
pub use page::{
    Page, Row, TaskFilter, knows_service, nodes_page, projects_page, projects_up, service,
    services_page, tasks_page,
};

pub use lab_types::row::{
    Hopeless, NodeRow, ProjectRow, RevisionRow, ServiceRow, SlotProblem, TaskRow,
};

use crate::change::dropped_volumes;
use crate::lab::Lab;
use crate::plan::PlanReport;

/// A project's desired state: what a planner needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectFacts {
    /// The project's revision; 0 when there never was one of that name.
    pub revision: u64,
    /// Its record.
    pub record: Option<ProjectRecord>,
    /// Its services with their specs.
    pub services: BTreeMap<ServiceName, (ServiceRecord, TaskSpec)>,
    /// How many nodes of the lab take tasks.
    pub nodes: u32,
    /// Volumes with its data that its files no longer have.
    pub dropped_volumes: BTreeSet<EngineName>,
}

/// A project's desired state.
#[must_use]
pub fn project_facts(lab: &Lab, project: &ProjectName) -> ProjectFacts {
    let record = lab.desired.projects.get(project);
    let services = lab.desired.services.values();
    let services = services.filter(|service| service.project == *project);
    ProjectFacts {
        revision: record.map_or(0, |record| record.revision),
        record: record.cloned(),
        nodes: active_nodes(lab),
        dropped_volumes: record.map_or_else(BTreeSet::new, |record| dropped_volumes(lab, record)),
        services: services
            .filter_map(|service| {
                let spec = lab.desired.specs.get(&service.spec)?.clone();
                Some((service.name.clone(), (service.clone(), spec)))
            })
            .collect(),
    }
}

fn active_nodes(lab: &Lab) -> u32 {
    let nodes = lab.desired.nodes.values();
    let active = nodes.filter(|node| node.availability == Availability::Active);
    u32::try_from(active.count()).unwrap_or(u32::MAX)
}

/// The tasks of each service, with what is known of them.
type ByService<'a> = BTreeMap<(&'a ProjectName, &'a ServiceName), Vec<counts::Placed<'a>>>;

/// Services in the order of project and name, of one project or of all.
#[must_use]
pub fn services(lab: &Lab, report: &PlanReport, project: Option<&ProjectName>) -> Vec<ServiceRow> {
    services_page(lab, report, project, Page::ALL)
}

fn node_row(lab: &Lab, record: &NodeRecord) -> NodeRow {
    let observed = lab.observed.nodes.get(&record.id);
    let assignment = lab.desired.assignments.get(&record.id);
    let tasks = assignment.map_or(0, |assignment| assignment.tasks.len());
    let facts = observed.map(|node| &node.facts);
    NodeRow {
        node: record.id.clone(),
        name: record.name.clone(),
        role: record.role,
        liveness: lab.liveness_of(&record.id),
        availability: record.availability,
        labels: record.labels.clone(),
        patience: record.patience,
        leader: false,
        engine: facts.and_then(|facts| facts.engine.clone()),
        capacity: facts.map(|facts| facts.capacity).unwrap_or_default(),
        reserved: counts::reserved(lab, &record.id),
        tasks: u32::try_from(tasks).unwrap_or(u32::MAX),
        last_seen: observed.and_then(|node| node.last_seen),
    }
}

fn task_row(
    (lab, report): (&Lab, &PlanReport),
    (node, name): (&NodeId, &NodeName),
    task: &AssignedTask,
) -> TaskRow {
    let status = status(lab, node, task);
    let spec = lab.desired.specs.get(&task.spec);
    TaskRow {
        task: task.id.clone(),
        project: task.project.clone(),
        service: task.service.clone(),
        slot: task.slot,
        container_name: task.container_name(),
        container: status.and_then(|status| status.container.clone()),
        image: spec.map(|spec| spec.image.clone()).unwrap_or_default(),
        command: spec.and_then(|spec| spec.command.clone()),
        node: node.clone(),
        node_name: name.clone(),
        liveness: lab.liveness_of(node),
        target: task.target,
        waits_for: report.waits_for(task).to_vec(),
        progress: status.map_or(
            TaskProgress {
                attempt: 0,
                state: TaskState::Assigned,
            },
            |status| status.progress,
        ),
        health: status.map_or(Health::Unknown, |status| status.health),
        started_at: status.and_then(|status| status.started_at),
        exit_code: status.and_then(|status| status.exit_code),
        message: status.and_then(|status| status.message.clone()),
        ports: status
            .map(|status| status.ports.clone())
            .unwrap_or_default(),
    }
}

fn status<'a>(lab: &'a Lab, node: &NodeId, task: &AssignedTask) -> Option<&'a TaskStatus> {
    lab.observed.nodes.get(node)?.statuses.get(&task.id)
}

#[cfg(test)]
mod tests;
