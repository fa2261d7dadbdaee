//! A project and what the lab has → the operations that lead from one to the other.
//!
//! [`plan`] is pure: the same project, state and images give the same plan, byte for byte. A plan
//! made against a lab that is as the files say has no operations.

mod diff;
mod images;
mod order;
mod questions;
mod resources;
mod services;

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    Operation, OperationKind, Plan, PlanCause, Platform, ProjectModel, ProjectName, ProjectRecord,
    ServiceModel, ServiceName, ServiceRecord, TaskSpec,
};

use crate::project::Project;

pub use questions::{host_paths, questions, warnings};

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct PlanInput<'a> {
    /// What the project should be.
    pub wanted: Wanted<'a>,
    /// What the lab has.
    pub current: &'a CurrentProject,
    /// Images that are present, reference → id. An image that is absent, or whose id is `None`, is
    /// taken to be missing.
    pub images: &'a BTreeMap<String, Option<String>>,
    /// Images that are present and that not every node has. A built one reaches the others by itself;
    /// one from a registry is pulled there.
    pub partly: &'a BTreeSet<String>,
    /// On which platform the images run that are present, as far as that is known.
    pub platforms: &'a BTreeMap<String, Platform>,
    /// When images are built.
    pub build: BuildPolicy,
    /// What becomes of services that the files no longer have.
    pub orphans: Orphans,
}

/// What a project should be.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// What files say.
    Files(&'a Project),
    /// What it was: a revision that the lab has kept. Nothing is built for it.
    Revision(&'a ProjectModel),
}

impl Wanted<'_> {
    /// The project's name.
    #[must_use]
    pub const fn name(&self) -> &ProjectName {
        match self {
            Self::Files(project) => &project.name,
            Self::Revision(model) => &model.name,
        }
    }
}

/// The project as the lab has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CurrentProject {
    /// The record's revision, 0 when the lab does not know the project.
    pub revision: u64,
    /// The record, if there is one.
    pub record: Option<ProjectRecord>,
    /// The services with the specs they run.
    pub services: BTreeMap<ServiceName, (ServiceRecord, TaskSpec)>,
}

/// When the image of a service with a build is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildPolicy {
    /// When it is not there.
    #[default]
    IfMissing,
    /// Each time.
    Always,
}

/// What becomes of services that the lab has and the files do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orphans {
    /// They go.
    #[default]
    Remove,
    /// They stay, and stay part of the project.
    Keep,
}

/// Plans the way from what the lab has to what the files say.
///
/// While the plan holds a build, the id of the image is not known yet: the model then has none, and
/// whether running tasks are replaced shows when the same is planned again after the build.
#[must_use]
pub fn plan(input: &PlanInput<'_>) -> Plan {
    let to_build = images::to_build(input);
    let model = desired(input, &to_build);
    let mut draft = Draft::default();
    services::removals(input, &model, &mut draft);
    resources::creations(input, &model, &mut draft);
    images::builds(&to_build, &mut draft);
    let changes = services::changes(input, &model, &to_build);
    images::pulls(input, &model, &changes, &to_build, &mut draft);
    services::apply(input, &model, changes, &mut draft);
    resources::removals(input, &model, &mut draft);
    let project = input.wanted.name().clone();
    Plan::sealed(project, input.current.revision, model, draft.operations)
}

/// The model with the ids of images that stay as they are, and with what stays though it is not asked
/// for.
fn desired(input: &PlanInput<'_>, to_build: &BTreeMap<String, PlanCause>) -> ProjectModel {
    let known = input
        .images
        .iter()
        .filter(|(image, _)| !to_build.contains_key(*image));
    let ids = known
        .filter_map(|(image, id)| Some((image.clone(), id.clone()?)))
        .collect();
    let project = match input.wanted {
        Wanted::Files(project) => project,
        Wanted::Revision(model) => return model.clone(),
    };
    let mut model = project.to_model(&ids);
    for service in model.services.values_mut() {
        // Of an image from a registry each node gets the one for its own platform.
        if service.task.image_id.is_some() {
            let platform = input.platforms.get(&service.task.image);
            service.task.platforms = platform.cloned().into_iter().collect();
        }
    }
    for (name, (record, task)) in &input.current.services {
        // A service of a profile that is not active is no orphan: the files have it.
        let stays = input.orphans == Orphans::Keep || project.disabled.contains_key(name);
        if stays && !model.services.contains_key(name) {
            keep_resources(input, record, &mut model);
            let kept = ServiceModel {
                task: task.clone(),
                replicas: record.replicas,
                depends_on: record.depends_on.clone(),
            };
            model.services.insert(name.clone(), kept);
        }
    }
    model
}

/// Networks and volumes that a service which stays still needs.
fn keep_resources(input: &PlanInput<'_>, orphan: &ServiceRecord, model: &mut ProjectModel) {
    let Some(record) = &input.current.record else {
        return;
    };
    for key in &orphan.networks {
        if let Some(spec) = record.networks.get(key) {
            model
                .networks
                .entry(key.clone())
                .or_insert_with(|| spec.clone());
        }
    }
    for key in &orphan.volumes {
        if let Some(spec) = record.volumes.get(key) {
            model
                .volumes
                .entry(key.clone())
                .or_insert_with(|| spec.clone());
        }
    }
}

/// A plan in the making.
#[derive(Default)]
struct Draft {
    operations: Vec<Operation>,
    /// Resource → the operations on it so far.
    by_resource: BTreeMap<String, Vec<u32>>,
}

impl Draft {
    /// Adds an operation that comes after all those on the resources named.
    fn add(
        &mut self,
        resource: String,
        kind: OperationKind,
        cause: PlanCause,
        after: impl IntoIterator<Item = String>,
    ) {
        let number = u32::try_from(self.operations.len() + 1).unwrap_or(u32::MAX);
        let after: BTreeSet<u32> = after
            .into_iter()
            .filter_map(|resource| self.by_resource.get(&resource))
            .flatten()
            .copied()
            .collect();
        self.by_resource
            .entry(resource.clone())
            .or_default()
            .push(number);
        self.operations.push(Operation {
            number,
            after: after.into_iter().collect(),
            resource,
            kind,
            cause,
        });
    }
}

/// How a plan names a service.
fn service_resource(name: &ServiceName) -> String {
    format!("service:{name}")
}
