//! Networks and volumes. A volume is never removed here: it holds data.

use std::collections::BTreeMap;

use lab_types::{
    EngineName, NetworkSpec, OperationKind, PlanCause, ProjectModel, ProjectRecord, VolumeSpec,
};

use super::{Draft, PlanInput, service_resource};

/// How a plan names a network.
pub(super) fn network(name: &EngineName) -> String {
    format!("network:{name}")
}

/// How a plan names a volume.
pub(super) fn volume(name: &EngineName) -> String {
    format!("volume:{name}")
}

/// What is common to networks and volumes.
struct Facts<'a> {
    engine_name: &'a EngineName,
    labels: &'a BTreeMap<String, String>,
    external: bool,
}

impl<'a> Facts<'a> {
    fn of_network(spec: &'a NetworkSpec) -> Self {
        let NetworkSpec {
            network: _,
            engine_name,
            labels,
            external,
        } = spec;
        Self {
            engine_name,
            labels,
            external: *external,
        }
    }

    fn of_volume(spec: &'a VolumeSpec) -> Self {
        let VolumeSpec {
            volume: _,
            engine_name,
            labels,
            external,
        } = spec;
        Self {
            engine_name,
            labels,
            external: *external,
        }
    }

    /// What must be done so that the lab has this instead of what it has.
    fn step(&self, current: Option<&Self>) -> Option<(Step, PlanCause)> {
        let Some(current) = current else {
            return (!self.external).then_some((Step::Create, PlanCause::Missing));
        };
        let compared = [
            ("name", self.engine_name == current.engine_name),
            ("external", self.external == current.external),
            ("labels", self.labels == current.labels),
        ];
        let differing = compared.iter().filter(|(_, equal)| !equal);
        let attributes: Vec<String> = differing.map(|(name, _)| (*name).to_owned()).collect();
        if attributes.is_empty() {
            return None;
        }
        let renamed = self.engine_name != current.engine_name;
        let step = if renamed && !self.external {
            Step::Create
        } else {
            Step::Record
        };
        Some((step, PlanCause::Changed { attributes }))
    }
}

enum Step {
    Create,
    Record,
}

fn record<'a>(input: &PlanInput<'a>) -> Option<&'a ProjectRecord> {
    input.current.record.as_ref()
}

pub(super) fn creations(input: &PlanInput<'_>, model: &ProjectModel, draft: &mut Draft) {
    for (key, spec) in &model.networks {
        let current = record(input).and_then(|record| record.networks.get(key));
        let step = Facts::of_network(spec).step(current.map(Facts::of_network).as_ref());
        if let Some((step, cause)) = step {
            let kind = match step {
                Step::Create => OperationKind::CreateNetwork,
                Step::Record => OperationKind::UpdateRecord,
            };
            draft.add(network(&spec.engine_name), kind, cause, []);
        }
    }
    for (key, spec) in &model.volumes {
        let current = record(input).and_then(|record| record.volumes.get(key));
        let step = Facts::of_volume(spec).step(current.map(Facts::of_volume).as_ref());
        if let Some((step, cause)) = step {
            let kind = match step {
                Step::Create => OperationKind::CreateVolume,
                Step::Record => OperationKind::UpdateRecord,
            };
            draft.add(volume(&spec.engine_name), kind, cause, []);
        }
    }
}

/// Networks that nothing of the project uses any more, after the services that leave them.
pub(super) fn removals(input: &PlanInput<'_>, model: &ProjectModel, draft: &mut Draft) {
    for (key, spec) in record(input)
        .into_iter()
        .flat_map(|record| &record.networks)
    {
        let desired = model.networks.get(key);
        let gone = desired.is_none_or(|desired| desired.engine_name != spec.engine_name);
        let still_named = model
            .networks
            .values()
            .any(|other| other.engine_name == spec.engine_name);
        if !gone || spec.external || still_named {
            continue;
        }
        let cause = match desired {
            None => PlanCause::NotInFile,
            Some(_) => PlanCause::Changed {
                attributes: vec!["name".to_owned()],
            },
        };
        let users = input.current.services.iter().filter(|(_, (_, task))| {
            task.networks
                .iter()
                .any(|joined| joined.engine_name == spec.engine_name)
        });
        let users: Vec<String> = users.map(|(name, _)| service_resource(name)).collect();
        draft.add(
            network(&spec.engine_name),
            OperationKind::RemoveNetwork,
            cause,
            users,
        );
    }
}
