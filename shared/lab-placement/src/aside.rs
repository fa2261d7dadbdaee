//! Records of the state that this version cannot read: a newer scheduler has written them, and led before.
//!
//! They are left as they are, and so is everything they may be about: the projects whose names or specs
//! they concern stay exactly as they were. All other projects go on. Only a node's assignment is about so
//! much that without it nothing can be decided.

use std::collections::BTreeSet;

use lab_types::{NodeId, Problem, ProjectName, RequestId, SpecDigest};

use crate::change::Change;
use crate::codes;
use crate::key::Key;
use crate::lab::Desired;

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its key, as it stands.
    pub key: String,
    /// Why not, in words.
    pub why: String,
}

/// What is left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    records: Vec<Unread>,
    projects: BTreeSet<ProjectName>,
    nodes: BTreeSet<NodeId>,
    answers: BTreeSet<RequestId>,
    assignments: BTreeSet<NodeId>,
}

impl Aside {
    /// Finds what the records are about, in a state of which everything else was read.
    pub(crate) fn of(records: Vec<Unread>, desired: &Desired) -> Self {
        let mut aside = Self::default();
        for record in &records {
            match record.key.parse() {
                Ok(key) => aside.take(key, desired),
                // A kind of record that came later; whatever it is about is named in its key.
                Err(_) => {
                    let names: BTreeSet<&str> = record.key.split('.').collect();
                    let known = projects(desired);
                    let about = known.filter(|project| names.contains(project.as_str()));
                    aside.projects.extend(about.cloned());
                }
            }
        }
        aside.records = records;
        aside
    }

    fn take(&mut self, key: Key, desired: &Desired) {
        match key {
            Key::Project(project) | Key::Service(project, _) | Key::Outcome(project, ..) => {
                self.projects.insert(project);
            }
            // What was is not what is: nothing but the history depends on it.
            Key::Revision(..) => {}
            Key::Spec(digest) => self.projects.extend(users(desired, &digest)),
            Key::Node(node) => {
                let assignment = desired.assignments.get(&node).into_iter();
                let tasks = assignment.flat_map(|assignment| assignment.tasks.values());
                self.projects.extend(tasks.map(|task| task.project.clone()));
                self.nodes.insert(node);
            }
            Key::Assignment(node) => drop(self.assignments.insert(node)),
            Key::Answer(request) => drop(self.answers.insert(request)),
            // Whoever wrote them publishes them when it leads again; of the head there is always one.
            Key::Outbox(_) | Key::Head => {}
        }
    }

    /// Whether everything could be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether a project stays as it is.
    #[must_use]
    pub fn freezes(&self, project: &ProjectName) -> bool {
        self.projects.contains(project)
    }

    /// Whether a node's record is there, though it cannot be read.
    pub(crate) fn holds_node(&self, node: &NodeId) -> bool {
        self.nodes.contains(node)
    }

    /// Why nothing at all may be decided, if so: which tasks a node has is not known.
    #[must_use]
    pub fn halts(&self) -> Option<Problem> {
        let node = self.assignments.first()?;
        let message =
            format!("what node {node} must run was written by a newer scheduler than this one");
        Some(newer(message))
    }

    /// Why a change is refused, if it is.
    pub(crate) fn refuses(&self, change: &Change, request: &RequestId) -> Option<Problem> {
        if self.answers.contains(request) {
            let message = "the request was answered by a newer scheduler than this one".to_owned();
            return Some(newer(message));
        }
        let project = match change {
            Change::ApplyProject { project, .. }
            | Change::RemoveProject { project, .. }
            | Change::CreateService { project, .. }
            | Change::ScaleService { project, .. }
            | Change::RemoveService { project, .. } => project,
            Change::RegisterNode { id, .. } if self.nodes.contains(id) => {
                let message = format!("the record of node {id} was written by a newer scheduler");
                return Some(newer(message));
            }
            Change::RegisterNode { .. } | Change::UpdateNode { .. } | Change::RemoveNode { .. } => {
                return None;
            }
        };
        if self.freezes(project) {
            let message =
                format!("project {project} was changed by a newer scheduler than this one");
            return Some(newer(message));
        }
        let removes_data = matches!(
            change,
            Change::RemoveProject {
                remove_volumes: Some(_),
                ..
            }
        );
        (removes_data && !self.is_empty()).then(|| {
            newer(
                "volumes are not removed while parts of the lab's state cannot be read: something \
                 there may use them"
                    .to_owned(),
            )
        })
    }

    /// What an operator should know, one sentence a record.
    pub fn notices(&self) -> impl Iterator<Item = String> {
        let frozen: Vec<&str> = self.projects.iter().map(ProjectName::as_str).collect();
        let frozen = (!frozen.is_empty()).then(|| {
            format!(
                "left exactly as they are, because this scheduler cannot read all about them: {}; \
                 start a newer scheduler",
                frozen.join(", ")
            )
        });
        let records = self.records.iter().map(|record| {
            let Unread { key, why } = record;
            format!("the record {key} cannot be read by this scheduler and is left alone: {why}")
        });
        records.chain(frozen)
    }
}

/// Every project that something is known of.
fn projects(desired: &Desired) -> impl Iterator<Item = &ProjectName> {
    let assigned = desired.assignments.values();
    let assigned = assigned.flat_map(|assignment| assignment.tasks.values());
    let services = desired.services.keys().map(|(project, _)| project);
    let named = desired.projects.keys().chain(services);
    named.chain(assigned.map(|task| &task.project))
}

/// The projects that have a service or a task of a spec.
fn users(desired: &Desired, digest: &SpecDigest) -> BTreeSet<ProjectName> {
    let services = desired.services.values();
    let services = services.filter(|service| service.spec == *digest);
    let assigned = desired.assignments.values();
    let assigned = assigned.flat_map(|assignment| assignment.tasks.values());
    let tasks = assigned.filter(|task| task.spec == *digest);
    let named = services.map(|service| &service.project);
    named
        .chain(tasks.map(|task| &task.project))
        .cloned()
        .collect()
}

fn newer(message: String) -> Problem {
    Problem::new(codes::NEWER_STATE, message).help(
        "what runs goes on; start a scheduler of the newer version (all of them, so that an older one does \
         not lead again)",
    )
}

#[cfg(test)]
mod tests;
