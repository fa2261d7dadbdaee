//! Images that must be built or fetched first.

use std::collections::BTreeMap;

use lab_types::{OperationKind, PlanCause, ProjectModel, ServiceName};

use super::services::{Change, Changes};
use super::{BuildPolicy, Draft, PlanInput, Wanted};

/// How a plan names an image.
pub(super) fn resource(image: &str) -> String {
    format!("image:{image}")
}

/// The images to be built, with the reason.
pub(super) fn to_build(input: &PlanInput<'_>) -> BTreeMap<String, PlanCause> {
    let Wanted::Files(project) = input.wanted else {
        return BTreeMap::new();
    };
    let builds = project.builds().into_keys();
    let due = builds.filter_map(|image| {
        let present = is_present(input, &image);
        let cause = match input.build {
            BuildPolicy::Always => PlanCause::BuildRequested,
            BuildPolicy::IfMissing if present => return None,
            BuildPolicy::IfMissing => PlanCause::Missing,
        };
        Some((image, cause))
    });
    due.collect()
}

fn is_present(input: &PlanInput<'_>, image: &str) -> bool {
    input.images.get(image).is_some_and(Option::is_some)
}

pub(super) fn builds(to_build: &BTreeMap<String, PlanCause>, draft: &mut Draft) {
    for (image, cause) in to_build {
        draft.add(
            resource(image),
            OperationKind::BuildImage,
            cause.clone(),
            [],
        );
    }
}

/// Images that a node lacks and that new tasks will ask for. What was built is not asked of a registry.
pub(super) fn pulls(
    input: &PlanInput<'_>,
    model: &ProjectModel,
    changes: &Changes,
    to_build: &BTreeMap<String, PlanCause>,
    draft: &mut Draft,
) {
    let mut needed: BTreeMap<&str, &ServiceName> = BTreeMap::new();
    for (name, service) in &model.services {
        let starts_tasks = changes.get(name).is_some_and(Change::starts_tasks);
        let image = service.task.image.as_str();
        let is_built = service.task.image_id.is_some() || to_build.contains_key(image);
        let is_everywhere = is_present(input, image) && !input.partly.contains(image);
        if starts_tasks && !is_built && !is_everywhere {
            needed.entry(image).or_insert(name);
        }
    }
    for (image, service) in needed {
        let cause = PlanCause::NeededBy {
            service: service.to_string(),
        };
        draft.add(resource(image), OperationKind::PullImage, cause, []);
    }
}
