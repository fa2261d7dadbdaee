//! What has to go: containers, then networks nobody is attached to, then volumes by consent.

use lab_types::{EngineName, Problem};

use super::{DiffPass, Standing};
use crate::action::{ActionKind, Cause, Subject};
use crate::codes::VOLUME_NOT_REMOVED;
use crate::observed::{ContainerState, Owner};

impl DiffPass<'_> {
    /// Stops and removes containers that should not be. Volumes stay, anonymous ones too.
    pub(super) fn leave_containers(&mut self) {
        if self.standing != Standing::Confirmed {
            return;
        }
        let leaving: Vec<_> = self.leaving.values().cloned().collect();
        for (container, cause) in leaving {
            let task = container.identity.task.clone();
            let (id, name) = (container.id.clone(), container.name.clone());
            let kind = match container.state {
                ContainerState::Running | ContainerState::Paused | ContainerState::Restarting => {
                    let grace = container.identity.stop_grace;
                    ActionKind::StopContainer {
                        container: id,
                        name,
                        task: task.clone(),
                        grace,
                    }
                }
                ContainerState::Created | ContainerState::Exited { .. } | ContainerState::Dead => {
                    ActionKind::RemoveContainer {
                        container: id,
                        name,
                        task: task.clone(),
                    }
                }
                ContainerState::Removing => continue,
            };
            if !self.act(kind, cause)
                && let Some(failure) = self.calls.failed.get(&Subject::Task(task.clone()))
            {
                let words = format!("the engine did not stop it yet: {}", failure.message);
                self.waits.insert(task, words);
            }
        }
    }

    /// Removes networks of this lab that the assignment does not list, once nobody is attached.
    pub(super) fn leave_networks(&mut self) {
        if self.standing != Standing::Confirmed {
            return;
        }
        let desired = &self.ledger.assignment.networks;
        let unused = self.observed.networks.iter().filter(|(name, network)| {
            network.owner.is_ours() && network.attached.is_empty() && !desired.contains_key(*name)
        });
        let names: Vec<EngineName> = unused.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.act(ActionKind::RemoveNetwork { name }, Cause::NotAssigned);
        }
    }

    /// Removes the volumes that the assignment names with a confirmation, once nobody uses them.
    pub(super) fn leave_volumes(&mut self) {
        let remove = &self.ledger.assignment.remove_volumes;
        for (name, confirmation) in remove {
            if self
                .calls
                .busy
                .values()
                .any(|busy| busy.volumes.contains(name))
            {
                continue;
            }
            let Some(volume) = self.observed.volumes.get(name) else {
                if !self.is_busy(&Subject::Volume(name.clone())) {
                    self.decision.removed_volumes.insert(name.clone());
                }
                continue;
            };
            if let Some(problem) = self.why_volume_stays(name, &volume.owner) {
                if !volume.owner.is_ours() {
                    // Nothing of the lab's is there (any more), and the name is free for who wants it.
                    self.decision.removed_volumes.insert(name.clone());
                }
                self.decision.problems.push(problem);
                continue;
            }
            if self.standing == Standing::Confirmed && volume.used_by.is_empty() {
                let (name, confirmation) = (name.clone(), confirmation.clone());
                let kind = ActionKind::RemoveVolume { name, confirmation };
                self.act(kind, Cause::Confirmed);
            }
        }
    }

    fn why_volume_stays(&self, name: &EngineName, owner: &Owner) -> Option<Problem> {
        if !owner.is_ours() {
            let message = format!("volume {name} was to be removed, but it is {owner}");
            let help = format!("remove it yourself if it is not needed: docker volume rm {name}");
            return Some(Problem::new(VOLUME_NOT_REMOVED, message).help(help));
        }
        let wanted = self.ledger.assignment.volumes.contains_key(name);
        wanted.then(|| {
            let message = format!("volume {name} is both wanted and to be removed; it stays");
            Problem::new(VOLUME_NOT_REMOVED, message)
        })
    }
}
