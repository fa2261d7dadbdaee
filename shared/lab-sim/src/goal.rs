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
    /// Consents that were given.
    pub(crate) consents: BTreeSet<ConfirmationId>,
    /// Volumes of projects that were taken down with their volumes, and not used since.
    pub(crate) dropped_volumes: BTreeSet<EngineName>,
    /// Requests that were refused, and the epoch of the leader that did.
    pub(crate) refused: BTreeMap<RequestId, Epoch>,
}

impl Goal {
    pub(crate) fn revision(&self, project: &ProjectName) -> u64 {
        self.revisions.get(project).copied().unwrap_or(0)
    }

    /// Takes an acknowledged change in; says what is wrong about the answer.
    pub(crate) fn acknowledge(
        &mut self,
        id: &RequestId,
        change: &Change,
        answer: &Answer,
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
            Answer::NodeRegistered { .. } | Answer::NodeChanged { .. } | Answer::Unknown => {
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
        if changed {
            self.acknowledged.insert(id.clone(), (project, revision));
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
                    let volume = EngineName::new(format!("{project}_data"));
                    self.dropped_volumes.extend(volume.ok());
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
