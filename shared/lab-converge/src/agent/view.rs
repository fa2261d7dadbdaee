//! How a snapshot of the engine changes: by a newer snapshot, by what a call did.

use std::collections::BTreeSet;

use lab_types::{LabId, MountSource};

use crate::action::{Action, ActionKind, Subject};
use crate::labels;
use crate::observed::{Observed, ObservedContainer, ObservedNetwork, ObservedVolume};

/// The new snapshot, with the old one's view of what is newer than it.
pub(super) fn merged(mut new: Observed, old: Observed, newer: &BTreeSet<Subject>) -> Observed {
    for subject in newer {
        match subject {
            Subject::Task(task) => {
                new.containers
                    .retain(|_, container| container.identity.task != *task);
                let ours = old
                    .containers
                    .iter()
                    .filter(|(_, c)| c.identity.task == *task);
                new.containers
                    .extend(ours.map(|(id, c)| (id.clone(), c.clone())));
            }
            Subject::Image(image) => {
                new.images.remove(image);
                new.images.extend(old.images.get(image).cloned());
            }
            Subject::Network(name) => {
                new.networks.remove(name);
                let network = old.networks.get(name).cloned();
                new.networks
                    .extend(network.map(|network| (name.clone(), network)));
            }
            Subject::Volume(name) => {
                new.volumes.remove(name);
                let volume = old.volumes.get(name).cloned();
                new.volumes
                    .extend(volume.map(|volume| (name.clone(), volume)));
            }
        }
    }
    new
}

/// Takes what a call did into the snapshot; false when only a look can show it.
pub(super) fn show(
    observed: &mut Observed,
    lab: &LabId,
    action: &Action,
    view: Option<ObservedContainer>,
) -> bool {
    match &action.kind {
        ActionKind::PullImage { image } => {
            observed.images.insert(image.clone());
        }
        ActionKind::FetchImage { id, .. } => {
            observed.images.insert(id.clone());
        }
        ActionKind::CreateNetwork { name, labels } => {
            let owner = labels::owner(lab, labels);
            let network = ObservedNetwork {
                owner,
                attached: BTreeSet::new(),
            };
            observed.networks.insert(name.clone(), network);
        }
        ActionKind::CreateVolume { name, labels } => {
            let owner = labels::owner(lab, labels);
            let volume = ObservedVolume {
                owner,
                used_by: BTreeSet::new(),
            };
            observed.volumes.insert(name.clone(), volume);
        }
        ActionKind::CreateContainer(create) => {
            let Some(view) = view else { return false };
            for attachment in &create.spec.networks {
                if let Some(network) = observed.networks.get_mut(&attachment.engine_name) {
                    network.attached.insert(view.name.clone());
                }
            }
            for mount in &create.spec.mounts {
                if let MountSource::Volume { engine_name, .. } = &mount.source
                    && let Some(volume) = observed.volumes.get_mut(engine_name)
                {
                    volume.used_by.insert(view.name.clone());
                }
            }
            observed.containers.insert(view.id.clone(), view);
        }
        ActionKind::StartContainer { .. } | ActionKind::StopContainer { .. } => {
            let Some(view) = view else { return false };
            observed.containers.insert(view.id.clone(), view);
        }
        ActionKind::RemoveContainer {
            container, name, ..
        } => {
            observed.containers.remove(container);
            for network in observed.networks.values_mut() {
                network.attached.remove(name);
            }
            for volume in observed.volumes.values_mut() {
                volume.used_by.remove(name);
            }
        }
        ActionKind::RemoveNetwork { name } => {
            observed.networks.remove(name);
        }
        ActionKind::RemoveVolume { name, .. } => {
            observed.volumes.remove(name);
        }
    }
    true
}
