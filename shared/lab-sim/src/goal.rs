//! What was asked for and acknowledged: what the lab must come to, whatever went wrong on the way.

use std::collections::{BTreeMap, BTreeSet};

use lab_placement::Change;
use lab_placement::record::Answer;
use lab_types::{
    ConfirmationId, EngineName, Epoch, ProjectName, RequestId, ServiceName, SpecDigest,
};

/// One service as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) spec: SpecDigest,
    pub(crate) replicas: u32,
}

/// All acknowledged changes, applied in their order by a model that knows nothing of nodes.
#[derive(Debug, Default)]
pub(crate) struct Goal {
    pub(crate) services: BTreeMap<(ProjectName, ServiceName), Wanted>,
    pub(crate) revisions: BTreeMap<ProjectName, u64>,
    /// Requests that were answered with a change, and the revision that each made.
    pub(crate) acknowledged: BTreeMap<RequestId, (ProjectName, u64)>,
    /// Consents that were given, each to remove the volumes of which project.
    pub(crate) consents: BTreeMap<ConfirmationId, ProjectName>,
    /// Volumes of projects that were taken down with their volumes, and not used since.
    pub(crate) dropped_volumes: BTreeSet<EngineName>,
    /// Requests that changed nothing, and the epoch of the leader that said so.
    pub(crate) idle: BTreeMap<RequestId, Epoch>,
}

/// The volume of a project.
pub(crate) fn volume_of(project: &ProjectName) -> Option<EngineName> {
    EngineName::new(format!("{project}_data")).ok()
}

impl Goal {
    /// Whether a consent was given to remove this very volume.
    pub(crate) fn covers(&self, consent: &str, volume: &EngineName) -> bool {
        let mut given = self.consents.iter();
        let given = given.find(|(id, _)| id.as_str() == consent);
        given.and_then(|(_, project)| volume_of(project)).as_ref() == Some(volume)
    }

    pub(crate) fn revision(&self, project: &ProjectName) -> u64 {
        self.revisions.get(project).copied().unwrap_or(0)
    }

    /// Takes an acknowledged change in; says what is wrong about the answer.
    pub(crate) fn acknowledge(
        &mut self,
        id: &RequestId,
        change: &Change,
        answer: &Answer,
        epoch: Epoch,
    ) -> Result<(), String> {
        let (project, revision, changed) = match answer {
            Answer::ProjectApplied {
                project,
                revision,
                changed,
                ..
            }
            | Answer::ProjectRemoved {
                project,
                revision,
                changed,
                ..
            }
            | Answer::ServiceChanged {
                project,
                revision,
                changed,
                ..
            } => (project.clone(), *revision, *changed),
            Answer::NodeChanged { changed, .. } => {
                if !changed {
                    self.idle.insert(id.clone(), epoch);
                }
                return Ok(());
            }
            Answer::NodeRegistered { .. } | Answer::Unknown => {
                return Err(format!("{id} got an answer of another kind: {answer:?}"));
            }
        };
        let expected = self.revision(&project) + u64::from(changed);
        if revision != expected {
            return Err(format!(
                "{id} made revision {revision} of {project}, but what was acknowledged before makes \
                 it {expected}: an acknowledged change was lost or applied twice"
            ));
        }
        self.revisions.insert(project.clone(), revision);
        match changed {
            true => drop(self.acknowledged.insert(id.clone(), (project, revision))),
            false => drop(self.idle.insert(id.clone(), epoch)),
        }
        self.apply(change);
        Ok(())
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::ApplyProject { project, model, .. } => {
                self.services.retain(|(of, _), _| of != project);
                for (name, service) in &model.services {
                    let wanted = Wanted {
                        spec: service.task.digest(),
                        replicas: service.replicas,
                    };
                    self.services
                        .insert((project.clone(), name.clone()), wanted);
                }
                for volume in model.volumes.values() {
                    self.dropped_volumes.remove(&volume.engine_name);
                }
            }
            Change::RemoveProject {
                project,
                remove_volumes,
                shown: _,
            } => {
                self.services.retain(|(of, _), _| of != project);
                if remove_volumes.is_some() {
                    self.dropped_volumes.extend(volume_of(project));
                }
            }
            Change::CreateService {
                project,
                name,
                task,
                replicas,
            } => {
                let wanted = Wanted {
                    spec: task.digest(),
                    replicas: *replicas,
                };
                self.services
                    .insert((project.clone(), name.clone()), wanted);
            }
            Change::ScaleService {
                project,
                name,
                replicas,
            } => {
                if let Some(wanted) = self.services.get_mut(&(project.clone(), name.clone())) {
                    wanted.replicas = *replicas;
                }
            }
            Change::RemoveService { project, name } => {
                self.services.remove(&(project.clone(), name.clone()));
            }
            Change::RegisterNode { .. } | Change::UpdateNode { .. } | Change::RemoveNode { .. } => {
            }
        }
    }
}
