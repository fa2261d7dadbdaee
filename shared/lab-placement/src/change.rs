//! The admission of requests: from a change that somebody asks for to the records it makes, or to a
//! problem said to a person. Pure; an unchanged lab gives an empty delta.

mod finding;
mod history;
mod model;
mod node;
mod ports;
mod project;
mod retry;
mod service;
mod volumes;

use std::collections::BTreeSet;

use lab_types::{
    Cause, ConfirmationId, EngineName, Event, EventScope, EventWhat, NodeId, NodeName, NodeRole,
    PlanHash, Problem, ProjectModel, ProjectName, RequestId, ServiceName, TaskSpec, UnixMillis,
    UserName,
};

pub(crate) use model::text_bytes;
pub use node::NodeChanges;
pub(crate) use volumes::dropped as dropped_volumes;

use crate::codes;
use crate::event::{self, Fact};
use crate::key::Key;
use crate::lab::Lab;
use crate::leader::RECORDS_MAX;
use crate::policy::Leader;
use crate::port;
use crate::record::{Answer, Record};

/// The most services one project may have: with its project record, its answer and its events it must
/// fit one pass of 900 records, because a change happens whole or not at all.
pub const SERVICES_MAX: usize = 850;

/// The most tasks one service may have: ten for each node of the largest lab.
pub const REPLICAS_MAX: u32 = 10_000;

/// The most text one spec may hold: a quarter of NATS' largest message.
pub const SPEC_BYTES_MAX: usize = 256 * 1024;

/// Something that a request asks for. The project's name comes from the request's subject, because
/// rights are given by subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Make a project what a model says.
    ApplyProject {
        /// The project.
        project: ProjectName,
        /// The plan that is applied, when there is one.
        plan: Option<PlanHash>,
        /// The revision the plan was made against; 0 for a project that does not exist.
        base_revision: u64,
        /// What the project should be.
        model: Box<ProjectModel>,
    },
    /// Take a project down.
    RemoveProject {
        /// The project.
        project: ProjectName,
        /// The consent to remove its volumes with their data; absent keeps them.
        remove_volumes: Option<ConfirmationId>,
        /// The volumes that were named to the one who consented; absent when the consent is to all.
        shown: Option<BTreeSet<EngineName>>,
    },
    /// Make a service; its project is made when it is missing.
    CreateService {
        /// Its project.
        project: ProjectName,
        /// Its name.
        name: ServiceName,
        /// How to run one task.
        task: Box<TaskSpec>,
        /// How many.
        replicas: u32,
    },
    /// Change a service's number of tasks.
    ScaleService {
        /// Its project.
        project: ProjectName,
        /// Its name.
        name: ServiceName,
        /// How many.
        replicas: u32,
    },
    /// Remove a service with its tasks.
    RemoveService {
        /// Its project.
        project: ProjectName,
        /// Its name.
        name: ServiceName,
    },
    /// Make a node part of the lab, or tell what changed about it.
    RegisterNode {
        /// Its id.
        id: NodeId,
        /// Its host name.
        name: NodeName,
        /// What it is to the lab.
        role: NodeRole,
        /// Labels for placement.
        labels: std::collections::BTreeMap<String, String>,
    },
    /// Change what a person says of a node.
    UpdateNode {
        /// Its id or name.
        node: String,
        /// What should be different.
        changes: NodeChanges,
    },
    /// Take a lost node out of the lab.
    RemoveNode {
        /// Its id or name.
        node: String,
    },
}

impl Change {
    /// Whether it asks for host ports by number, so that what the nodes say of theirs must be fresh.
    #[must_use]
    pub fn wants_ports(&self, lab: &Lab) -> bool {
        let has_fixed = |task: &TaskSpec| port::fixed(&task.ports).next().is_some();
        match self {
            Self::ApplyProject { model, .. } => model
                .services
                .values()
                .any(|service| has_fixed(&service.task)),
            Self::CreateService { task, .. } => has_fixed(task),
            Self::ScaleService { project, name, .. } => {
                let record = lab.desired.services.get(&(project.clone(), name.clone()));
                let spec = record.and_then(|record| lab.desired.specs.get(&record.spec));
                spec.is_some_and(has_fixed)
            }
            Self::RemoveProject { .. }
            | Self::RemoveService { .. }
            | Self::RegisterNode { .. }
            | Self::UpdateNode { .. }
            | Self::RemoveNode { .. } => false,
        }
    }
}

/// Who asks, when, and whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeContext {
    /// The leader's clock.
    pub now: UnixMillis,
    /// Who asks.
    pub user: UserName,
    /// The request's id.
    pub request: RequestId,
    /// The leader, for the fences of assignments that the change itself touches.
    pub leader: Leader,
}

/// What a change does to the lab's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Records to be written.
    pub puts: Vec<(Key, Record)>,
    /// Records to be removed.
    pub removes: Vec<Key>,
    /// What happens thereby.
    pub events: Vec<Event>,
    /// What the request is answered.
    pub answer: Answer,
}

impl Delta {
    /// Whether the change changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.removes.is_empty()
    }

    /// A delta that changes nothing.
    pub(crate) const fn unchanged(answer: Answer) -> Self {
        Self {
            puts: Vec::new(),
            removes: Vec::new(),
            events: Vec::new(),
            answer,
        }
    }
}

/// Decides on a change.
///
/// # Errors
/// A [`Problem`] with every finding at once; nothing is to be changed then.
pub fn apply(lab: &Lab, change: &Change, context: &ChangeContext) -> Result<Delta, Problem> {
    let aside = &lab.desired.aside;
    if let Some(problem) = aside.refuses(change, &context.request) {
        return Err(problem);
    }
    let mut delta = decide(lab, change, context)?;
    history::keep(lab, change, context, &mut delta);
    refuse_frozen(lab, &delta)?;
    // Specs go first, each by itself; beside the rest go the answer and the outbox.
    let specs = delta.puts.iter();
    let specs = specs.filter(|(key, _)| matches!(key, Key::Spec(_))).count();
    let records = delta.puts.len() - specs + delta.removes.len();
    match records > RECORDS_MAX - 2 {
        true => Err(too_many(records)),
        false => Ok(delta),
    }
}

/// Refuses what would give a new assignment to a node that obeys one that this state has never held.
fn refuse_frozen(lab: &Lab, delta: &Delta) -> Result<(), Problem> {
    let keys = delta.puts.iter().map(|(key, _)| key);
    let mut frozen: Vec<&str> = Vec::new();
    for key in keys {
        if let Key::Assignment(node) = key
            && lab.is_frozen(node)
        {
            frozen.push(node.as_str());
        }
    }
    if frozen.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the request changes what should be on {}, which obeys what the lab's state does not know",
        frozen.join(", ")
    );
    Err(Problem::new(codes::NODE_AHEAD, message)
        .help("`tercio lab status` tells which version it obeys, and what to do"))
}

fn too_many(records: usize) -> Problem {
    let message = format!(
        "the request changes {records} records of the lab's state at once, and {} fit",
        RECORDS_MAX - 2
    );
    Problem::new(codes::TOO_MUCH, message).help(
        "do it in several requests: remove what goes first and apply then; take a project down first \
         and remove its volumes then",
    )
}

fn decide(lab: &Lab, change: &Change, context: &ChangeContext) -> Result<Delta, Problem> {
    match change {
        Change::ApplyProject {
            project,
            plan,
            base_revision,
            model,
        } => {
            let request = project::Apply {
                project,
                plan: plan.as_ref(),
                base_revision: *base_revision,
                model,
            };
            project::apply(lab, &request, context)
        }
        Change::RemoveProject {
            project,
            remove_volumes,
            shown,
        } => {
            let consent = remove_volumes.as_ref();
            project::remove(lab, project, (consent, shown.as_ref()), context)
        }
        Change::CreateService {
            project,
            name,
            task,
            replicas,
        } => {
            let new = service::New {
                project,
                name,
                task,
                replicas: *replicas,
            };
            service::create(lab, &new, context)
        }
        Change::ScaleService {
            project,
            name,
            replicas,
        } => service::scale(lab, (project, name), *replicas, context),
        Change::RemoveService { project, name } => service::remove(lab, (project, name), context),
        Change::RegisterNode {
            id,
            name,
            role,
            labels,
        } => {
            let new = node::New {
                id,
                name,
                role: *role,
                labels,
            };
            Ok(node::register(lab, &new, context))
        }
        Change::UpdateNode { node, changes } => node::update(lab, node, changes, context),
        Change::RemoveNode { node } => node::remove(lab, node, context),
    }
}

impl ChangeContext {
    fn cause(&self) -> Cause {
        Cause {
            request: Some(self.request.clone()),
            user: Some(self.user.as_str().to_owned()),
            plan: None,
            pass: None,
        }
    }

    /// An event that this request causes; a request causes each kind of fact once for each thing.
    fn event(&self, what: EventWhat, scope: EventScope, message: String) -> Event {
        let about = scope.id_token();
        let (noun, verb) = what.tokens();
        Event {
            cause: self.cause(),
            ..event::scheduler(Fact {
                id: event::id(&["request", self.request.as_str(), noun, verb, &about]),
                at: self.now,
                what,
                scope,
                message,
            })
        }
    }

    fn project_event(&self, what: EventWhat, project: &ProjectName, message: String) -> Event {
        let scope = EventScope {
            project: Some(project.clone()),
            ..EventScope::default()
        };
        self.event(what, scope, message)
    }

    fn service_event(
        &self,
        what: EventWhat,
        service: (&ProjectName, &ServiceName),
        message: String,
    ) -> Event {
        let scope = EventScope {
            project: Some(service.0.clone()),
            service: Some(service.1.clone()),
            ..EventScope::default()
        };
        self.event(what, scope, message)
    }
}

#[cfg(test)]
mod tests;
