//! Reads: answered from memory, or by an errand to agents that does not hold the leader up.

use lab_bus::Incoming;
use lab_placement::view::{self, Page, Row, TaskFilter};
use lab_types::{NodeLiveness, NodeRecord, Problem, ProjectName, ServiceName};
use lab_wire::Encoding;
use lab_wire::request::{
    LabCounts, LabStatus, LabStatusGet, NodeInspect, NodeInspected, NodeList, NodeListed,
    ProjectHistory, ProjectHistoryTold, ProjectInspect, ProjectInspected, ProjectList,
    ProjectListed, ServiceInspect, ServiceInspected, ServiceList, ServiceListed, TaskList,
    TaskListed,
};
use lab_wire::row::{NodeRow, ServiceRow};
use serde::Serialize;

use crate::codes;
use crate::leading::Leading;
use crate::request::project_of;

/// Rows on one page: more than a person reads, made in some milliseconds.
const PAGE_ROWS: usize = 500;
/// Bytes of the rows of one page: with what is around them they stay under the payload limit of 1 MiB.
pub(crate) const PAGE_BYTES: usize = 768 * 1024;

/// The revision a project is at; 0 when there never was one of that name.
fn present(lab: &lab_placement::Lab, project: &ProjectName) -> u64 {
    let record = lab.desired.projects.get(project);
    record.map_or(0, |record| record.revision)
}

impl Leading {
    /// Answers a read.
    pub(crate) async fn on_read(&mut self, incoming: Incoming) {
        let asked = (incoming.info.noun, incoming.info.verb);
        match asked {
            ("project", "list") => {
                let reply = self.projects(&incoming);
                answer(incoming, reply).await;
            }
            ("project", "history") => {
                let reply = self.history(&incoming);
                answer(incoming, reply).await;
            }
            ("project", "inspect") => {
                let reply = self.project(&incoming);
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
                let reply = self.node_list(&incoming);
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
            _ if self.errands.are_too_many() => {
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

    fn projects(&self, incoming: &Incoming) -> Result<ProjectListed, Problem> {
        let asked: ProjectList = incoming.decode()?;
        let rows = view::projects_page(self.core.lab(), behind(asked.after.as_deref()));
        let (projects, next) = page(rows, incoming.encoding);
        Ok(ProjectListed { projects, next })
    }

    fn history(&self, incoming: &Incoming) -> Result<ProjectHistoryTold, Problem> {
        let ProjectHistory {} = incoming.decode()?;
        let project = project_of(incoming)?;
        let lab = self.core.lab();
        Ok(ProjectHistoryTold {
            revision: present(lab, &project),
            revisions: view::history(lab, &project),
        })
    }

    fn project(&self, incoming: &Incoming) -> Result<ProjectInspected, Problem> {
        let asked: ProjectInspect = incoming.decode()?;
        let project = project_of(incoming)?;
        let lab = self.core.lab();
        let revision = asked.revision.unwrap_or_else(|| present(lab, &project));
        let model = view::project_at(lab, &project, revision)?;
        Ok(ProjectInspected { revision, model })
    }

    fn services(&self, incoming: &Incoming) -> Result<ServiceListed, Problem> {
        let asked: ServiceList = incoming.decode()?;
        let project = incoming.address.project.as_ref();
        let behind = behind(asked.after.as_deref());
        let rows = view::services_page(self.core.lab(), self.core.report(), project, behind);
        let (services, next) = page(rows, incoming.encoding);
        Ok(ServiceListed { services, next })
    }

    fn service(&self, incoming: &Incoming) -> Result<ServiceInspected, Problem> {
        let asked: ServiceInspect = incoming.decode()?;
        let project = project_of(incoming)?;
        let lab = self.core.lab();
        let record = lab
            .desired
            .services
            .get(&(project.clone(), asked.service.clone()));
        let spec = record.and_then(|record| lab.desired.specs.get(&record.spec));
        let row = view::service(lab, self.core.report(), &project, &asked.service);
        let (Some(record), Some(task), Some(row)) = (record, spec, row) else {
            let message = format!("project {project} has no service {}", asked.service);
            let problem = Problem::new(codes::NOT_FOUND, message);
            return Err(problem.help("`tercio service ls` lists the services"));
        };
        let filter = TaskFilter {
            project: Some(&project),
            services: &[asked.service],
            node: None,
        };
        let tasks = view::tasks_page(lab, self.core.report(), filter, behind(None));
        let (tasks, next) = page(tasks, incoming.encoding);
        Ok(ServiceInspected {
            record: record.clone(),
            task: task.clone(),
            row,
            tasks,
            next,
        })
    }

    fn tasks(&self, incoming: &Incoming) -> Result<TaskListed, Problem> {
        let asked: TaskList = incoming.decode()?;
        let project = incoming.address.project.as_ref();
        if let Some(project) = project {
            self.require_services(project, &asked.services)?;
        }
        let filter = TaskFilter {
            project,
            services: &asked.services,
            node: asked.node.as_ref(),
        };
        let rows = view::tasks_page(
            self.core.lab(),
            self.core.report(),
            filter,
            behind(asked.after.as_deref()),
        );
        let (tasks, next) = page(rows, incoming.encoding);
        Ok(TaskListed { tasks, next })
    }

    /// Refuses a service that the project does not have, and of which nothing is left either.
    fn require_services(
        &self,
        project: &ProjectName,
        asked: &[ServiceName],
    ) -> Result<(), Problem> {
        let lab = self.core.lab();
        let unknown = asked
            .iter()
            .filter(|service| !view::knows_service(lab, project, service));
        let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let message = format!("project {project} has no service {}", unknown.join(", "));
        Err(Problem::new(codes::NOT_FOUND, message).help("`tercio service ls` lists the services"))
    }

    fn node_list(&self, incoming: &Incoming) -> Result<NodeListed, Problem> {
        let asked: NodeList = incoming.decode()?;
        let rows = self.nodes(behind(asked.after.as_deref()));
        let (nodes, next) = page(rows, incoming.encoding);
        Ok(NodeListed { nodes, next })
    }

    fn nodes(&self, page: Page<'_>) -> Vec<NodeRow> {
        let mut rows = view::nodes_page(self.core.lab(), page);
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
            .nodes(Page::ALL)
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
        let nodes = lab.desired.nodes.keys();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let sum = |of: fn(&ServiceRow) -> u32| rows.iter().map(of).fold(0, u32::saturating_add);
        let ready = nodes.filter(|node| lab.liveness_of(node) == NodeLiveness::Ready);
        LabStatus {
            head: self.head_tag(),
            leader_since: self.since,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            counts: LabCounts {
                projects: count(view::projects_up(lab)),
                services: count(rows.len()),
                tasks_desired: sum(|row| row.desired),
                tasks_running: sum(|row| row.running),
                nodes: count(lab.desired.nodes.len()),
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
        notices.extend(self.core.lab().desired.aside.notices());
        for (node, reason) in &self.untold {
            notices.push(format!(
                "node {node} cannot be told what it is to run ({reason}): give it fewer tasks"
            ));
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

/// What a page may be made of: one row more than it has, which tells that there are others.
const fn behind(after: Option<&str>) -> Page<'_> {
    Page {
        after,
        rows: PAGE_ROWS + 1,
    }
}

/// A page of these rows, which are at most one more than a page has, and what to ask after next. It is
/// cut where the message would become too large; one row always fits.
fn page<T: Row + Serialize>(mut rows: Vec<T>, encoding: Encoding) -> (Vec<T>, Option<String>) {
    let mut bytes = 0;
    let fits = rows.iter().take(PAGE_ROWS).take_while(|row| {
        bytes += lab_wire::encode(row, encoding).len();
        bytes <= PAGE_BYTES
    });
    let fits = fits.count().max(1);
    let more = rows.len() > fits;
    rows.truncate(fits);
    let next = rows.last().filter(|_| more);
    let next = next.map(Row::place);
    (rows, next)
}

#[cfg(test)]
mod tests {
    use lab_placement::view::Row;
    use lab_wire::Encoding;
    use serde::Serialize;

    use super::{PAGE_BYTES, PAGE_ROWS, page};

    #[derive(Clone, Debug, PartialEq, Serialize)]
    struct Line(String);

    impl Row for Line {
        fn place(&self) -> String {
            self.0.chars().take(8).collect()
        }
    }

    fn lines(count: usize, bytes: usize) -> Vec<Line> {
        let line = |number| format!("{number:08}{}", "x".repeat(bytes));
        (0..count).map(line).map(Line).collect()
    }

    #[test]
    fn a_page_has_so_many_rows_and_says_whether_there_are_more() {
        let (rows, next) = page(lines(PAGE_ROWS, 1), Encoding::Json);
        assert_eq!((rows.len(), next), (PAGE_ROWS, None));
        let (rows, next) = page(lines(PAGE_ROWS + 1, 1), Encoding::Json);
        assert_eq!(rows.len(), PAGE_ROWS);
        assert_eq!(next, rows.last().map(Row::place));
        assert_eq!(page(lines(0, 1), Encoding::Json), (Vec::new(), None));
    }

    #[test]
    fn a_page_of_large_rows_is_shorter_and_a_row_that_is_too_large_stands_alone() {
        for encoding in [Encoding::Json, Encoding::MessagePack] {
            let (rows, next) = page(lines(50, 100_000), encoding);
            let bytes = lab_wire::encode(&rows, encoding).len();
            assert!((600_000..PAGE_BYTES + 1000).contains(&bytes), "{bytes}");
            assert_eq!(next, rows.last().map(Row::place));
            let (rows, next) = page(lines(2, 2 * PAGE_BYTES), encoding);
            assert_eq!((rows.len(), next.as_deref()), (1, Some("00000000")));
        }
    }
}
