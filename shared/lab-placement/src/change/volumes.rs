//! A project's volumes: which there are, and handing them over to be removed.
//!
//! A volume that the files no longer have stays on its nodes with its data. It is not among those that a
//! consent to the project's volumes means: it goes only when the consent names it.

use std::collections::BTreeSet;

use lab_types::{
    ConfirmationId, EngineName, MountSource, Problem, ProjectName, ProjectRecord, TaskTarget,
};

use super::finding::{Finding, refuse_if_any};
use super::{ChangeContext, Delta};
use crate::codes;
use crate::key::Key;
use crate::lab::Lab;
use crate::record::Record;

/// Those that a removal of the project means, and those that stay.
#[derive(Default)]
pub(super) struct Meant {
    /// These go with their data.
    pub(super) go: BTreeSet<EngineName>,
    /// The files no longer have these, and the consent does not name them.
    pub(super) stay: BTreeSet<EngineName>,
}

/// What a consent means; `shown` are the volumes that it names, where it names any.
pub(super) fn meant(
    lab: &Lab,
    project: &ProjectRecord,
    shown: Option<&BTreeSet<EngineName>>,
) -> Meant {
    let is_shown = |name: &EngineName| shown.is_some_and(|shown| shown.contains(name));
    let (named, stay) = dropped(lab, project).into_iter().partition(is_shown);
    let mut go: BTreeSet<EngineName> = named;
    go.extend(declared(lab, project));
    Meant { go, stay }
}

/// The project's own volumes that stand on some node.
pub(super) fn declared(lab: &Lab, project: &ProjectRecord) -> BTreeSet<EngineName> {
    let own = project.volumes.values().filter(|spec| !spec.external);
    own.map(|spec| &spec.engine_name)
        .filter(|name| {
            let mut assignments = lab.desired.assignments.values();
            assignments.any(|assignment| assignment.volumes.contains_key(*name))
        })
        .cloned()
        .collect()
}

/// Volumes that the project has on some node, made for it, and that its record no longer has.
pub(crate) fn dropped(lab: &Lab, project: &ProjectRecord) -> BTreeSet<EngineName> {
    let known: BTreeSet<&EngineName> = project.volumes.values().map(|v| &v.engine_name).collect();
    let assignments = lab.desired.assignments.values();
    let listed = assignments.flat_map(|assignment| &assignment.volumes);
    listed
        .filter(|(name, volume)| {
            volume.project == project.name && !volume.spec.external && !known.contains(name)
        })
        .map(|(name, _)| name.clone())
        .collect()
}

/// Refuses to remove the data of another project's service.
pub(super) fn shared_with_others(
    lab: &Lab,
    project: &ProjectName,
    volumes: &BTreeSet<EngineName>,
) -> Result<(), Problem> {
    let others = lab.desired.services.iter();
    let others = others.filter(|(key, _)| key.0 != *project);
    let users = others.flat_map(|((other, service), record)| {
        let spec = lab.desired.specs.get(&record.spec);
        let mounts = spec.into_iter().flat_map(|spec| &spec.mounts);
        mounts.filter_map(move |mount| match &mount.source {
            MountSource::Volume { engine_name, .. } if volumes.contains(engine_name) => {
                let message =
                    format!("volume {engine_name} is also mounted by service {other}/{service}");
                let help = format!("take project {other} down first, or keep the volumes");
                Some(Finding::new(codes::STILL_NEEDED, message, help))
            }
            MountSource::Volume { .. }
            | MountSource::Anonymous { .. }
            | MountSource::Bind { .. }
            | MountSource::Tmpfs { .. } => None,
        })
    });
    refuse_if_any(
        &format!("the volumes of project {project}"),
        users.collect(),
    )
}

/// Tells each node that has them to remove the volumes, and to stop in the same breath what uses them.
pub(super) fn hand_over(
    lab: &Lab,
    project: &ProjectName,
    (volumes, consent): (&BTreeSet<EngineName>, &ConfirmationId),
    context: &ChangeContext,
    delta: &mut Delta,
) {
    for (node, assignment) in &lab.desired.assignments {
        let here = assignment.volumes.keys();
        let here: Vec<&EngineName> = here.filter(|name| volumes.contains(*name)).collect();
        if here.is_empty() {
            continue;
        }
        let mut changed = assignment.clone();
        changed.fence = context.leader.fence_after(assignment.fence);
        for name in here {
            changed.volumes.remove(name);
            changed.remove_volumes.insert(name.clone(), consent.clone());
        }
        for task in changed.tasks.values_mut() {
            if task.project == *project {
                task.target = TaskTarget::Stop;
            }
        }
        delta
            .puts
            .push((Key::Assignment(node.clone()), Record::Assignment(changed)));
    }
}
