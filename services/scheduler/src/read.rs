//! Reads: answered from memory, or by an errand to agents that does not hold the leader up.

use std::pin::Pin;

use lab_bus::Incoming;
use lab_placement::images::Looked;
use lab_placement::leader::Request as CoreRequest;
use lab_placement::view;
use lab_types::{ForeignPort, NodeId, NodeLiveness, NodeRecord, Problem, ProjectName, ServiceName};
use lab_wire::request::{
    LabCounts, LabStatus, LabStatusGet, NodeInspect, NodeInspected, NodeList, NodeListed,
    ProjectList, ProjectListed, ServiceInspect, ServiceInspected, ServiceList, ServiceListed,
    TaskList, TaskListed,
};
use lab_wire::row::{NodeRow, ServiceRow, TaskRow};

use crate::codes;
use crate::leading::Leading;
use crate::request::project_of;
use crate::transfers::NotSent;

/// Work that waits for agents.
pub(crate) type Errand = Pin<Box<dyn Future<Output = Back> + Send>>;

/// What an errand comes back with.
pub(crate) enum Back {
    /// Its request is answered.
    Answered,
    /// What the nodes say of their ports, for a change that wants some.
    Ports(CoreRequest, Vec<(NodeId, Vec<ForeignPort>)>),
    /// All nodes were asked for an image.
    Looked(Looked),
    /// A source did not join a transfer.
    NotSent(NotSent),
}

/// Rows on one page: a page of the largest rows stays well under the payload limit of 1 MiB.
const PAGE_ROWS: usize = 500;

/// Errands under way at once: beyond it the leader says that it is busy, rather than pile them up.
const ERRANDS_MAX: usize = 256;

impl Leading {
    /// Answers a read.
    pub(crate) async fn on_read(&mut self, incoming: Incoming) {
        let asked = (incoming.info.noun, incoming.info.verb);
        match asked {
            ("project", "list") => {
                let reply = incoming.decode().map(|ProjectList {}| self.projects());
                answer(incoming, reply).await;
            }
            ("service", "list") => {
                let reply = self.services(&incoming);
                answer(incoming, reply).await;
            }
            ("service", "inspect") => {
                let reply = self.service(&incoming);
                answer(incoming, reply).await;
            }
            ("task", "list") => {
                let reply = self.tasks(&incoming);
                answer(incoming, reply).await;
            }
            ("node", "list") => {
                let reply = incoming.decode().map(|NodeList {}| NodeListed {
                    nodes: self.nodes(),
                });
                answer(incoming, reply).await;
            }
            ("node", "inspect") => {
                let reply = self.node(&incoming);
                answer(incoming, reply).await;
            }
            ("lab", "status") => {
                let reply = incoming.decode().map(|LabStatusGet {}| self.status());
                answer(incoming, reply).await;
            }
            _ if self.errands.len() >= ERRANDS_MAX => {
                let problem = Problem::new(codes::BUSY, "the scheduler waits for too many agents")
                    .help("send the request again in a moment");
                incoming.refuse(&problem).await;
            }
            ("project", "facts") => self.facts(incoming).await,
            ("event", "list") => self.events(incoming).await,
            ("service", "logs") => self.logs(incoming).await,
            ("image", "build") => self.build(incoming).await,
            ("image", "pull") => self.pull(incoming).await,
            (noun, verb) => {
                let message = format!("{noun}.{verb} is not known to this scheduler");
                let problem = Problem::new(codes::UNKNOWN_REQUEST, message)
                    .help("run all parts in the same version");
                incoming.refuse(&problem).await;
            }
        }
    }

    fn projects(&self) -> ProjectListed {
        ProjectListed {
            projects: view::projects(self.core.lab()),
        }
    }

    fn services(&self, incoming: &Incoming) -> Result<ServiceListed, Problem> {
        let asked: ServiceList = incoming.decode()?;
        let project = incoming.address.project.as_ref();
        let rows = view::services(self.core.lab(), self.core.report(), project);
        let (services, next) = page(rows, asked.after.as_deref(), service_place);
        Ok(ServiceListed { services, next })
    }

    fn service(&self, incoming: &Incoming) -> Result<ServiceInspected, Problem> {
        let asked: ServiceInspect = incoming.decode()?;
        let project = project_of(incoming)?;
        let missing = || {
            let message = format!("project {project} has no service {}", asked.service);
            Problem::new(codes::NOT_FOUND, message).help("`tercio service ls` lists the services")
        };
        let mut facts = view::project_facts(self.core.lab(), &project);
        let (record, task) = facts.services.remove(&asked.service).ok_or_else(missing)?;
        let rows = view::services(self.core.lab(), self.core.report(), Some(&project));
        let row = rows.into_iter().find(|row| row.service == asked.service);
        let mut tasks = view::tasks(self.core.lab(), Some(&project));
        tasks.retain(|task| task.service == asked.service);
        Ok(ServiceInspected {
            record,
            task,
            row: row.ok_or_else(missing)?,
            tasks,
        })
    }

    fn tasks(&self, incoming: &Incoming) -> Result<TaskListed, Problem> {
        let asked: TaskList = incoming.decode()?;
        let project = incoming.address.project.as_ref();
        let mut rows = view::tasks(self.core.lab(), project);
        if let Some(project) = project {
            self.require_services(project, &asked.services, &rows)?;
        }
        rows.retain(|row| asked.services.is_empty() || asked.services.contains(&row.service));
        rows.retain(|row| asked.node.as_ref().is_none_or(|node| row.node == *node));
        let (tasks, next) = page(rows, asked.after.as_deref(), task_place);
        Ok(TaskListed { tasks, next })
    }

    /// Refuses a service that the project does not have, and of which nothing is left either.
    fn require_services(
        &self,
        project: &ProjectName,
        asked: &[ServiceName],
        rows: &[TaskRow],
    ) -> Result<(), Problem> {
        let known = view::project_facts(self.core.lab(), project).services;
        let is_known = |service: &ServiceName| {
            known.contains_key(service) || rows.iter().any(|row| row.service == *service)
        };
        let unknown = asked.iter().filter(|service| !is_known(service));
        let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let message = format!("project {project} has no service {}", unknown.join(", "));
        Err(Problem::new(codes::NOT_FOUND, message).help("`tercio service ls` lists the services"))
    }

    fn nodes(&self) -> Vec<NodeRow> {
        let mut rows = view::nodes(self.core.lab());
        rows.sort_by(|a, b| (&a.name, &a.node).cmp(&(&b.name, &b.node)));
        let here = rustix::system::uname();
        let here = here.nodename().to_string_lossy();
        for row in &mut rows {
            row.leader = row.name.as_str() == here;
        }
        rows
    }

    fn node(&self, incoming: &Incoming) -> Result<NodeInspected, Problem> {
        let asked: NodeInspect = incoming.decode()?;
        let mut named = self
            .nodes()
            .into_iter()
            .filter(|row| row.node.as_str() == asked.node || row.name.as_str() == asked.node);
        let row = named.next().ok_or_else(|| {
            let message = format!("the lab has no node {:?}", asked.node);
            Problem::new(codes::NOT_FOUND, message).help("`tercio node ls` lists the nodes")
        })?;
        if let Some(other) = named.next() {
            let message = format!(
                "{:?} names the nodes {} and {}",
                asked.node, row.node, other.node
            );
            return Err(Problem::new(codes::NOT_FOUND, message).help("name it by its id"));
        }
        let lab = self.core.lab();
        let observed = lab.observed.nodes.get(&row.node);
        let record: Option<&NodeRecord> = lab.desired.nodes.get(&row.node);
        Ok(NodeInspected {
            record: record
                .cloned()
                .expect("invariant: a node's row is made from its record"),
            facts: observed.map(|node| node.facts.clone()),
            assigned: lab
                .desired
                .assignments
                .get(&row.node)
                .map(|assignment| assignment.fence),
            accepted: observed.map(|node| node.accepted),
            tasks: observed
                .map(|node| node.statuses.values().cloned().collect())
                .unwrap_or_default(),
            present: observed
                .map(|node| node.present.iter().cloned().collect())
                .unwrap_or_default(),
            row,
        })
    }

    fn status(&self) -> LabStatus {
        let lab = self.core.lab();
        let rows = view::services(lab, self.core.report(), None);
        let nodes = view::nodes(lab);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let sum = |of: fn(&ServiceRow) -> u32| rows.iter().map(of).fold(0, u32::saturating_add);
        let ready = nodes
            .iter()
            .filter(|node| node.liveness == NodeLiveness::Ready);
        LabStatus {
            head: self.head_tag(),
            leader_since: self.since,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            counts: LabCounts {
                projects: count(view::projects(lab).len()),
                services: count(rows.len()),
                tasks_desired: sum(|row| row.desired),
                tasks_running: sum(|row| row.running),
                nodes: count(nodes.len()),
                nodes_ready: count(ready.count()),
            },
            notices: self.notices(),
        }
    }

    fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if let lab_placement::leader::Standing::Halted(problem) = self.core.standing() {
            notices.push(problem.to_string());
        }
        let ahead = self.core.ahead();
        notices.extend(ahead.iter().map(ToString::to_string));
        if let Some(doubt) = self.core.doubt() {
            notices.push(doubt.to_string());
        }
        if let Some(held) = self.core.held() {
            notices.push(held.to_string());
        }
        for key in self.core.misfiled() {
            notices.push(format!(
                "the record {key} holds a value of another kind and is left alone"
            ));
        }
        notices
    }
}

/// Answers with a reply, or refuses with a problem.
pub(crate) async fn answer<T: serde::Serialize + Sync>(
    incoming: Incoming,
    reply: Result<T, Problem>,
) {
    match reply {
        Ok(reply) => incoming.reply(&reply).await,
        Err(problem) => incoming.refuse(&problem).await,
    }
}

/// Where a service stands in the order of all.
fn service_place(row: &ServiceRow) -> [String; 2] {
    [row.project.to_string(), row.service.to_string()]
}

/// Where a task stands in the order of all. The number of its slot is as long in each, so that it sorts
/// as a number.
fn task_place(row: &TaskRow) -> [String; 4] {
    [
        row.project.to_string(),
        row.service.to_string(),
        format!("{:010}", row.slot),
        row.task.to_string(),
    ]
}

/// One page of rows in their order: those behind the place `after`, and what to ask after next. The row
/// of that place need not be there any more.
fn page<T, const N: usize>(
    mut rows: Vec<T>,
    after: Option<&str>,
    place: impl Fn(&T) -> [String; N],
) -> (Vec<T>, Option<String>) {
    if let Some(after) = after {
        // No name or id holds a slash.
        let after: Vec<&str> = after.split('/').collect();
        rows.retain(|row| {
            place(row)
                .iter()
                .map(String::as_str)
                .gt(after.iter().copied())
        });
    }
    let more = rows.len() > PAGE_ROWS;
    rows.truncate(PAGE_ROWS);
    let next = rows.last().filter(|_| more);
    let next = next.map(|row| place(row).join("/"));
    (rows, next)
}

#[cfg(test)]
mod tests {
    use super::{PAGE_ROWS, page};

    fn place(row: &usize) -> [String; 1] {
        [format!("{row:010}")]
    }

    #[test]
    fn pages_cover_all_rows_once() {
        let rows: Vec<usize> = (0..PAGE_ROWS * 2 + 7).collect();
        let mut seen = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (part, next) = page(rows.clone(), after.as_deref(), place);
            seen.extend(part);
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, rows);
    }

    #[test]
    fn a_page_goes_on_behind_a_row_that_is_gone() {
        let mut rows: Vec<usize> = (0..PAGE_ROWS * 2).collect();
        let (first, next) = page(rows.clone(), None, place);
        rows.retain(|row| row != first.last().unwrap());
        let (second, next) = page(rows, next.as_deref(), place);
        assert_eq!(second[0], PAGE_ROWS);
        assert_eq!((second.len(), next), (PAGE_ROWS, None));
    }
}
