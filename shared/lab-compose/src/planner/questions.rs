//! What a person is asked before a plan is applied.

use lab_types::{Code, Diagnostic, Operation, OperationKind, Plan, PlanCause, Question, Severity};

use super::CurrentProject;
use crate::codes;

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
