//! Services: which are made, changed, scaled and removed.

use std::collections::BTreeMap;

use lab_types::{
    MountSource, OperationKind, PlanCause, ProjectModel, ServiceModel, ServiceName, TaskSpec,
};

use super::order::dependencies_first;
use super::{Draft, PlanInput, diff, images, resources, service_resource};

/// What happens to one service.
pub(super) struct Change {
    tasks: Option<(OperationKind, PlanCause)>,
    dependencies: Option<(OperationKind, PlanCause)>,
}

pub(super) type Changes = BTreeMap<ServiceName, Change>;

impl Change {
    /// Whether a node will be asked to start something.
    pub(super) fn starts_tasks(&self) -> bool {
        match self.tasks.as_ref().map(|(kind, _)| kind) {
            Some(
                OperationKind::CreateService { replicas }
                | OperationKind::UpdateService { replicas },
            ) => *replicas > 0,
            Some(OperationKind::ScaleService { from, to }) => to > from,
            Some(
                OperationKind::CreateNetwork
                | OperationKind::RemoveNetwork
                | OperationKind::CreateVolume
                | OperationKind::BuildImage
                | OperationKind::PullImage
                | OperationKind::UpdateDependencies
                | OperationKind::UpdateRecord
                | OperationKind::RemoveService
                | OperationKind::Unknown,
            )
            | None => false,
        }
    }
}

/// Services that the files no longer have, those that depend on others first.
pub(super) fn removals(input: &PlanInput<'_>, model: &ProjectModel, draft: &mut Draft) {
    let services = input.current.services.iter();
    let gone: BTreeMap<_, _> = services
        .filter(|(name, _)| !model.services.contains_key(*name))
        .map(|(name, (record, _))| (name, &record.depends_on))
        .collect();
    for name in dependencies_first(&gone).into_iter().rev() {
        let dependents = gone.iter().filter(|(_, on)| on.contains_key(name));
        let after: Vec<String> = dependents.map(|(name, _)| service_resource(name)).collect();
        let (kind, cause) = (OperationKind::RemoveService, PlanCause::NotInFile);
        draft.add(service_resource(name), kind, cause, after);
    }
}

/// What happens to each service of the model that does not stay as it is.
pub(super) fn changes(
    input: &PlanInput<'_>,
    model: &ProjectModel,
    to_build: &BTreeMap<String, PlanCause>,
) -> Changes {
    let mut changes = Changes::new();
    for (name, service) in &model.services {
        let change = match input.current.services.get(name) {
            None => Change {
                tasks: Some((
                    OperationKind::CreateService {
                        replicas: service.replicas,
                    },
                    PlanCause::Missing,
                )),
                dependencies: None,
            },
            Some((record, task)) => Change {
                tasks: task_change(service, task, record.replicas, to_build),
                dependencies: (record.depends_on != service.depends_on).then(|| {
                    let attributes = vec!["depends_on".to_owned()];
                    (
                        OperationKind::UpdateDependencies,
                        PlanCause::Changed { attributes },
                    )
                }),
            },
        };
        if change.tasks.is_some() || change.dependencies.is_some() {
            changes.insert(name.clone(), change);
        }
    }
    changes
}

fn task_change(
    service: &ServiceModel,
    current: &TaskSpec,
    from: u32,
    to_build: &BTreeMap<String, PlanCause>,
) -> Option<(OperationKind, PlanCause)> {
    let mut desired = service.task.clone();
    if to_build.contains_key(&desired.image) && desired.image == current.image {
        // What the build will make is not known yet; its outcome is compared by the next plan.
        desired.image_id.clone_from(&current.image_id);
        desired.platforms.clone_from(&current.platforms);
    }
    let mut attributes = diff::attributes(current, &desired);
    let to = service.replicas;
    let replicas = "deploy.replicas".to_owned();
    match (attributes.is_empty(), from == to) {
        (true, true) => None,
        (true, false) => {
            let cause = PlanCause::Changed {
                attributes: vec![replicas],
            };
            Some((OperationKind::ScaleService { from, to }, cause))
        }
        (false, same) => {
            attributes.extend((!same).then_some(replicas));
            Some((
                OperationKind::UpdateService { replicas: to },
                PlanCause::Changed { attributes },
            ))
        }
    }
}

/// Adds the operations of `changes`, dependencies first.
pub(super) fn apply(
    input: &PlanInput<'_>,
    model: &ProjectModel,
    mut changes: Changes,
    draft: &mut Draft,
) {
    let graph = model
        .services
        .iter()
        .map(|(name, service)| (name, &service.depends_on))
        .collect();
    for name in dependencies_first(&graph) {
        let (Some(change), Some(service)) = (changes.remove(name), model.services.get(name)) else {
            continue;
        };
        if let Some((kind, cause)) = change.tasks {
            let after = needs(input, model, service);
            draft.add(service_resource(name), kind, cause, after);
        }
        if let Some((kind, cause)) = change.dependencies {
            let own = std::iter::once(service_resource(name));
            let after = own.chain(service.depends_on.keys().map(service_resource));
            draft.add(service_resource(name), kind, cause, after);
        }
    }
}

/// Everything whose operations come before those of `service`.
fn needs(input: &PlanInput<'_>, model: &ProjectModel, service: &ServiceModel) -> Vec<String> {
    let task = &service.task;
    let mut needs = vec![images::resource(&task.image)];
    needs.extend(
        task.networks
            .iter()
            .map(|joined| resources::network(&joined.engine_name)),
    );
    needs.extend(task.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume { engine_name, .. } => Some(resources::volume(engine_name)),
        MountSource::Anonymous { .. } | MountSource::Bind { .. } | MountSource::Tmpfs { .. } => {
            None
        }
    }));
    needs.extend(service.depends_on.keys().map(service_resource));
    // A removed service must have let go of a host port before another takes it.
    let leaving = input
        .current
        .services
        .iter()
        .filter(|(name, (_, leaving))| {
            !model.services.contains_key(*name) && share_a_port(leaving, task)
        });
    needs.extend(leaving.map(|(name, _)| service_resource(name)));
    needs
}

fn share_a_port(one: &TaskSpec, two: &TaskSpec) -> bool {
    one.ports.iter().any(|port| {
        let same = |other: &lab_types::PortPublish| {
            (other.published, other.protocol) == (port.published, port.protocol)
        };
        port.published.is_some() && two.ports.iter().any(same)
    })
}
