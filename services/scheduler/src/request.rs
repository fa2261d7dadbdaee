//! A request becomes a change for the core, or a read.

use lab_bus::Incoming;
use lab_placement::leader::Request as CoreRequest;
use lab_placement::{Change, NodeChanges};
use lab_types::{Problem, ProjectName, RequestId, ids};
use lab_wire::Request;
use lab_wire::request::{
    NodeRemove, NodeUpdate, ProjectApply, ProjectRemove, ServiceCreate, ServiceRemove, ServiceScale,
};

use crate::codes;
use crate::leading::Leading;

/// Random bytes of an id for a request that came without one: it cannot be repeated, only made unique.
const REQUEST_ID_BYTES: usize = 15;

impl Leading {
    /// Takes one request. Its reply comes now (reads, refusals), or with the core's effects.
    pub(crate) async fn on_request(&mut self, incoming: Incoming) {
        let change = match (incoming.info.noun, incoming.info.verb) {
            ("project", "apply") => change(&incoming, apply),
            ("project", "remove") => change(&incoming, remove),
            ("service", "create") => change(&incoming, create),
            ("service", "scale") => change(&incoming, scale),
            ("service", "remove") => change(&incoming, remove_service),
            ("node", "update") => lab_change(&incoming, update_node),
            ("node", "remove") => lab_change(&incoming, remove_node),
            _ => return self.on_read(incoming).await,
        };
        match change {
            Err(problem) => incoming.refuse(&problem).await,
            Ok((id, change)) => {
                let user = incoming.address.user.clone();
                self.waiting.add(id.clone(), incoming);
                let wants_ports = change.wants_ports(self.core.lab());
                let request = CoreRequest { id, user, change };
                if wants_ports {
                    self.check_ports(request);
                } else {
                    self.core.on_request(request);
                }
            }
        }
    }
}

fn change<R: Request>(
    incoming: &Incoming,
    to_change: impl Fn(R, ProjectName) -> Result<Change, Problem>,
) -> Result<(RequestId, Change), Problem> {
    let request: R = incoming.decode()?;
    let id = incoming
        .request_id_of(&request)
        .unwrap_or_else(new_request_id);
    let project = project_of(incoming)?;
    Ok((id, to_change(request, project)?))
}

/// A change of the lab itself, whatever project its subject names.
fn lab_change<R: Request>(
    incoming: &Incoming,
    to_change: impl Fn(R) -> Change,
) -> Result<(RequestId, Change), Problem> {
    let request: R = incoming.decode()?;
    let id = incoming
        .request_id_of(&request)
        .unwrap_or_else(new_request_id);
    Ok((id, to_change(request)))
}

fn update_node(request: NodeUpdate) -> Change {
    Change::UpdateNode {
        node: request.node,
        changes: NodeChanges {
            availability: request.availability,
            add_labels: request.label_add,
            remove_labels: request.label_rm,
            patience: request.patience,
        },
    }
}

fn remove_node(request: NodeRemove) -> Change {
    Change::RemoveNode { node: request.node }
}

/// The project a request is about.
///
/// # Errors
/// `SCH0034` when its subject says `_`.
pub(crate) fn project_of(incoming: &Incoming) -> Result<ProjectName, Problem> {
    let project = incoming.address.project.clone();
    project.ok_or_else(|| {
        let request = format!("{}.{}", incoming.info.noun, incoming.info.verb);
        let message = format!("{request} is about one project, and its subject names none");
        Problem::new(codes::PROJECT_MISSING, message).help(format!(
            "send it to tercio.v1.req.<user>.<project>.{request}"
        ))
    })
}

fn new_request_id() -> RequestId {
    let random: [u8; REQUEST_ID_BYTES] = rand::random();
    RequestId::new(ids::id_text(&random)).expect("invariant: base 32 is made of letters and digits")
}

fn apply(request: ProjectApply, project: ProjectName) -> Result<Change, Problem> {
    let plan = request.plan;
    if !plan.is_genuine() {
        let message = format!(
            "the hash of the plan for {} does not fit its content",
            plan.project
        );
        return Err(Problem::new(codes::FALSE_PLAN, message)
            .help("send the plan exactly as plan.create answered it"));
    }
    Ok(Change::ApplyProject {
        project,
        plan: Some(plan.hash),
        base_revision: plan.base_revision,
        model: Box::new(plan.model),
    })
}

fn remove(request: ProjectRemove, project: ProjectName) -> Result<Change, Problem> {
    Ok(Change::RemoveProject {
        project,
        remove_volumes: request.remove_volumes,
        shown: request.shown,
    })
}

fn create(request: ServiceCreate, project: ProjectName) -> Result<Change, Problem> {
    Ok(Change::CreateService {
        project,
        name: request.service,
        task: Box::new(request.task),
        replicas: request.replicas,
    })
}

fn scale(request: ServiceScale, project: ProjectName) -> Result<Change, Problem> {
    Ok(Change::ScaleService {
        project,
        name: request.service,
        replicas: request.replicas,
    })
}

fn remove_service(request: ServiceRemove, project: ProjectName) -> Result<Change, Problem> {
    Ok(Change::RemoveService {
        project,
        name: request.service,
    })
}
