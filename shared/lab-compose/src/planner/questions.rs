//! What a person is asked before a plan is applied.

use lab_types::{Code, Diagnostic, Operation, OperationKind, Plan, PlanCause, Question, Severity};

use super::CurrentProject;
use crate::codes;
use crate::project::{Project, ServiceMountSource};

/// What a plan would take away that the one who applies it may not know of.
///
/// Services that the files no longer have hold no data, and go as the files say. When the project was
/// applied from another folder, its files are somebody else's, or another checkout's of the same name:
/// then they do not say so, and somebody must.
#[must_use]
pub fn questions(current: &CurrentProject, plan: &Plan) -> Vec<Question> {
    let removes = |operation: &&Operation| operation.kind == OperationKind::RemoveService;
    let names = plan.operations.iter().filter(removes);
    let names: Vec<&str> = names
        .map(|operation| {
            let name = operation.resource.strip_prefix("service:");
            name.unwrap_or(&operation.resource)
        })
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let names = names.join(", ");
    let folder = current.record.as_ref().map(|record| &record.working_dir);
    let question = match folder.filter(|folder| **folder != plan.model.working_dir) {
        None => Question {
            sentence: format!("The files no longer have {names}; the containers will be removed."),
            needs_yes: false,
        },
        Some(folder) => {
            let from = match folder.as_str() {
                "" => "by requests, without files".to_owned(),
                folder => format!("from {folder}"),
            };
            Question {
                sentence: format!(
                    "The project {} was made {from}; {names} will be removed, which these files do not \
                     have.",
                    plan.project
                ),
                needs_yes: true,
            }
        }
    };
    vec![question]
}

/// Paths that every host has, with the same meaning.
const EVERYWHERE: &[&str] = &[
    "/dev",
    "/etc/localtime",
    "/proc",
    "/run/docker.sock",
    "/sys",
    "/var/run/docker.sock",
];

/// Each mount of a host's path, where the lab has several nodes that take tasks: the path is one of the
/// machine on which the files were written, and the task may run on any node.
#[must_use]
pub fn host_paths(project: &Project, nodes: u32) -> Vec<Diagnostic> {
    if nodes < 2 {
        return Vec::new();
    }
    let is_everywhere = |path: &str| {
        let mut known = EVERYWHERE.iter();
        known.any(|known| {
            let rest = path.strip_prefix(known);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let services = project.services.iter();
    let mounts = services.flat_map(|(name, service)| service.mounts.iter().map(move |m| (name, m)));
    mounts
        .filter_map(|(name, mount)| match &mount.source {
            ServiceMountSource::Bind { path, .. } if !is_everywhere(path) => Some(Diagnostic {
                location: mount.written.0.clone(),
                severity: Severity::Warning,
                code: Code::of(codes::HOST_PATH.code),
                message: format!(
                    "services.{name} mounts {path}, and may run on any of the lab's {nodes} nodes: each mounts \
                     its own {path}"
                ),
                help: Some(
                    "put the content into the image or a named volume, or see that each node has it"
                        .to_owned(),
                ),
                source_line: None,
                related: None,
            }),
            ServiceMountSource::Bind { .. }
            | ServiceMountSource::Volume { .. }
            | ServiceMountSource::Anonymous { .. }
            | ServiceMountSource::Tmpfs { .. } => None,
        })
        .collect()
}

/// What the files ask for and no engine can do to what it has already: a network or volume keeps the labels
/// that it was made with.
#[must_use]
pub fn warnings(plan: &Plan) -> Vec<Diagnostic> {
    let keeps_labels = |operation: &&Operation| match (&operation.kind, &operation.cause) {
        (OperationKind::UpdateRecord, PlanCause::Changed { attributes }) => {
            attributes.iter().any(|attribute| attribute == "labels")
        }
        _ => false,
    };
    let kept = plan.operations.iter().filter(keeps_labels);
    kept.map(|operation| {
        let object = operation.resource.replacen(':', " ", 1);
        let help = match operation.resource.starts_with("volume:") {
            true => "a volume of another name would have them, without the data",
            false => "`tercio down` and `tercio up` make the network anew",
        };
        Diagnostic {
            location: None,
            severity: Severity::Warning,
            code: Code::of(codes::LABELS_KEPT.code),
            message: format!("{object} is there and keeps the labels it was made with"),
            help: Some(help.to_owned()),
            source_line: None,
            related: None,
        }
    })
    .collect()
}
