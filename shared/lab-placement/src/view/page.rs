//! Lists, a page at a time: rows are made of what is on the page alone.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::row::{NodeRow, ProjectRow, ServiceRow, TaskRow};
use lab_types::{
    NodeId, NodeName, NodeRecord, ProjectName, ProjectRecord, ServiceName, ServiceRecord,
};

use super::{ByService, counts, hopeless, node_row, task_row};
use crate::lab::Lab;
use crate::plan::PlanReport;

/// Which rows: those behind a place, and how many of them.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The [place](Row::place) of the row before. That row need not be there any more.
    pub after: Option<&'a str>,
    /// How many at most.
    pub rows: usize,
}

impl Page<'_> {
    /// Everything.
    pub const ALL: Self = Self {
        after: None,
        rows: usize::MAX,
    };
}

/// A row of a list that is told in pages.
pub trait Row {
    /// Where it stands in the order of its list, as text. No name or id holds a slash.
    fn place(&self) -> String;
}

impl Row for ProjectRow {
    fn place(&self) -> String {
        self.project.to_string()
    }
}

impl Row for ServiceRow {
    fn place(&self) -> String {
        format!("{}/{}", self.project, self.service)
    }
}

impl Row for TaskRow {
    fn place(&self) -> String {
        let Self {
            project,
            service,
            slot,
            task,
            ..
        } = self;
        format!("{project}/{service}/{slot}/{task}")
    }
}

impl Row for NodeRow {
    fn place(&self) -> String {
        format!("{}/{}", self.name, self.node)
    }
}

/// The two first parts of a place; of one that says less, nothing.
fn two(place: &str) -> (&str, &str) {
    let mut parts = place.split('/');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next())
}

/// Projects that are up, in the order of names. One that was taken down is not listed.
#[must_use]
pub fn projects_page(lab: &Lab, page: Page<'_>) -> Vec<ProjectRow> {
    let is_after =
        |record: &&ProjectRecord| page.after.is_none_or(|after| record.name.as_str() > after);
    let mut rows: BTreeMap<&ProjectName, ProjectRow> = up(lab)
        .filter(is_after)
        .take(page.rows)
        .map(|record| (&record.name, empty(record)))
        .collect();
    let by_service = counts::by_service(lab, |project, _| rows.contains_key(project));
    for ((project, _), record) in &lab.desired.services {
        let Some(row) = rows.get_mut(project) else {
            continue;
        };
        let none = Vec::new();
        let tasks = by_service.get(&(&record.project, &record.name));
        let service = counts::row(lab, &PlanReport::default(), record, tasks.unwrap_or(&none));
        row.services += 1;
        row.running = row.running.saturating_add(service.running);
        row.desired = row.desired.saturating_add(service.desired);
    }
    rows.into_values().collect()
}

/// How many projects are up.
#[must_use]
pub fn projects_up(lab: &Lab) -> usize {
    up(lab).count()
}

fn up(lab: &Lab) -> impl Iterator<Item = &ProjectRecord> {
    let services = lab.desired.services.keys();
    let with_services: BTreeSet<&ProjectName> = services.map(|(project, _)| project).collect();
    let records = lab.desired.projects.values();
    records
        .filter(move |record| with_services.contains(&record.name) || !record.networks.is_empty())
}

fn empty(record: &ProjectRecord) -> ProjectRow {
    ProjectRow {
        project: record.name.clone(),
        revision: record.revision,
        services: 0,
        running: 0,
        desired: 0,
        applied_at: record.applied_at,
        config_files: record.config_files.clone(),
    }
}

/// Services in the order of project and name, of one project or of all.
#[must_use]
pub fn services_page(
    lab: &Lab,
    report: &PlanReport,
    project: Option<&ProjectName>,
    page: Page<'_>,
) -> Vec<ServiceRow> {
    let after = page.after.map(two);
    let records = lab.desired.services.iter();
    let records: Vec<_> = records
        .filter(|(key, _)| project.is_none_or(|project| key.0 == *project))
        .filter(|(key, _)| after.is_none_or(|after| (key.0.as_str(), key.1.as_str()) > after))
        .take(page.rows)
        .collect();
    let needed = records.iter().flat_map(|(_, record)| concerning(record));
    let needed: BTreeSet<_> = needed.collect();
    let by_service = counts::by_service(lab, |project, name| needed.contains(&(project, name)));
    let rows = records.into_iter();
    rows.map(|(_, record)| service_row(lab, report, &by_service, record))
        .collect()
}

/// A service, and those it waits for.
fn concerning(record: &ServiceRecord) -> impl Iterator<Item = (&ProjectName, &ServiceName)> {
    let names = record.depends_on.keys().chain([&record.name]);
    names.map(|name| (&record.project, name))
}

fn service_row(
    lab: &Lab,
    report: &PlanReport,
    tasks: &ByService<'_>,
    record: &ServiceRecord,
) -> ServiceRow {
    let none = Vec::new();
    let own = tasks.get(&(&record.project, &record.name));
    let mut row = counts::row(lab, report, record, own.unwrap_or(&none));
    row.hopeless = hopeless::slots(lab, tasks, record);
    row
}

/// One service.
#[must_use]
pub fn service(
    lab: &Lab,
    report: &PlanReport,
    project: &ProjectName,
    name: &ServiceName,
) -> Option<ServiceRow> {
    let record = lab.desired.services.get(&(project.clone(), name.clone()))?;
    let needed: BTreeSet<_> = concerning(record).collect();
    let tasks = counts::by_service(lab, |p, n| needed.contains(&(p, n)));
    Some(service_row(lab, report, &tasks, record))
}

/// Which tasks.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskFilter<'a> {
    /// Of this project only.
    pub project: Option<&'a ProjectName>,
    /// Of these services only; empty for all.
    pub services: &'a [ServiceName],
    /// On this node only.
    pub node: Option<&'a NodeId>,
}

/// Tasks in the order of project, service, slot and id.
#[must_use]
pub fn tasks_page(
    lab: &Lab,
    report: &PlanReport,
    filter: TaskFilter<'_>,
    page: Page<'_>,
) -> Vec<TaskRow> {
    let mut parts = page.after.unwrap_or_default().split('/');
    let mut next = || parts.next().unwrap_or_default();
    let behind = (next(), next(), next().parse().unwrap_or(0_u32), next());
    let assignments = lab.desired.assignments.iter();
    let assignments = assignments.filter(|(id, _)| filter.node.is_none_or(|node| *id == node));
    let tasks = assignments.flat_map(|(node, assignment)| {
        let tasks = assignment.tasks.values();
        tasks.map(move |task| (task, node))
    });
    let mut found: Vec<_> = tasks
        .filter(|(task, _)| {
            filter
                .project
                .is_none_or(|project| task.project == *project)
        })
        .filter(|(task, _)| filter.services.is_empty() || filter.services.contains(&task.service))
        .map(|(task, node)| {
            let (project, service) = (task.project.as_str(), task.service.as_str());
            (
                (project, service, task.slot, task.id.as_str()),
                (task, node),
            )
        })
        .filter(|(place, _)| page.after.is_none() || *place > behind)
        .collect();
    if page.rows < found.len() {
        found.select_nth_unstable_by_key(page.rows, |(place, _)| *place);
        found.truncate(page.rows);
    }
    found.sort_unstable_by_key(|(place, _)| *place);
    let rows = found.into_iter().filter_map(|(_, (task, node))| {
        // A node that was taken out of the lab is told by its id.
        let name = match lab.desired.nodes.get(node) {
            Some(record) => record.name.clone(),
            None => NodeName::new(node.as_str()).ok()?,
        };
        Some(task_row((lab, report), (node, &name), task))
    });
    rows.collect()
}

/// Whether the project has the service, or anything is left of it.
#[must_use]
pub fn knows_service(lab: &Lab, project: &ProjectName, name: &ServiceName) -> bool {
    let key = (project.clone(), name.clone());
    let assignments = lab.desired.assignments.values();
    let mut tasks = assignments.flat_map(|assignment| assignment.tasks.values());
    lab.desired.services.contains_key(&key)
        || tasks.any(|task| task.project == *project && task.service == *name)
}

/// Nodes in the order of name and id. Which of them runs the leader, only the shell knows.
#[must_use]
pub fn nodes_page(lab: &Lab, page: Page<'_>) -> Vec<NodeRow> {
    let after = page.after.map(two);
    let place =
        |record: &&NodeRecord| -> (NodeName, NodeId) { (record.name.clone(), record.id.clone()) };
    let mut records: Vec<&NodeRecord> = lab.desired.nodes.values().collect();
    records.retain(|node| after.is_none_or(|after| (node.name.as_str(), node.id.as_str()) > after));
    records.sort_by_cached_key(place);
    let records = records.into_iter().take(page.rows);
    records.map(|record| node_row(lab, record)).collect()
}

#[cfg(test)]
mod tests;
