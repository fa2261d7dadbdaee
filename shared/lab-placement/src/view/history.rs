//! What a project was: its changes, and its state after each of those that are kept.

use std::collections::BTreeMap;

use lab_types::row::{RevisionChange, RevisionRow, ServiceChange};
use lab_types::{
    Before, Problem, ProjectModel, ProjectName, ProjectRecord, RevisionRecord, ServiceBefore,
    ServiceModel, ServiceName,
};

use crate::codes;
use crate::lab::Lab;

/// A project's state, on the way back through its changes.
struct Then<'a> {
    services: BTreeMap<&'a ServiceName, ServiceBefore>,
    record: ProjectRecord,
}

impl<'a> Then<'a> {
    fn now(lab: &'a Lab, project: &ProjectName) -> Option<Self> {
        let record = lab.desired.projects.get(project)?.clone();
        let services = lab.desired.services.iter();
        let own = services.filter(|((of, _), _)| of == project);
        let services = own.map(|((_, name), service)| {
            let state = ServiceBefore {
                spec: service.spec.clone(),
                replicas: service.replicas,
                depends_on: service.depends_on.clone(),
            };
            (name, state)
        });
        Some(Self {
            services: services.collect(),
            record,
        })
    }

    /// Goes back behind a change.
    fn undo(&mut self, change: &'a RevisionRecord) {
        let before = &change.before;
        for (name, service) in &before.services {
            match service {
                Some(service) => drop(self.services.insert(name, service.clone())),
                None => drop(self.services.remove(name)),
            }
        }
        let record = &mut self.record;
        if let Some(networks) = &before.networks {
            record.networks.clone_from(networks);
        }
        if let Some(volumes) = &before.volumes {
            record.volumes.clone_from(volumes);
        }
        if let Some(working_dir) = &before.working_dir {
            record.working_dir.clone_from(working_dir);
        }
        if let Some(config_files) = &before.config_files {
            record.config_files.clone_from(config_files);
        }
    }
}

/// The kept changes of a project, the newest first; empty for a project that the lab does not know.
#[must_use]
pub fn history(lab: &Lab, project: &ProjectName) -> Vec<RevisionRow> {
    let kept = lab.desired.revisions.get(project);
    let (Some(kept), Some(mut then)) = (kept, Then::now(lab, project)) else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    for change in kept.values().rev() {
        let services = change.before.services.iter();
        let services = services.filter_map(|(name, before)| {
            let change = kind(before.as_ref(), then.services.get(name))?;
            let service = name.clone();
            Some(ServiceChange { service, change })
        });
        rows.push(RevisionRow {
            revision: change.revision,
            at: change.at,
            by: change.by.clone(),
            plan: change.plan.clone(),
            services: services.collect(),
            others: others(&change.before),
        });
        then.undo(change);
    }
    rows
}

fn kind(before: Option<&ServiceBefore>, after: Option<&ServiceBefore>) -> Option<RevisionChange> {
    Some(match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => RevisionChange::Created,
        (Some(_), None) => RevisionChange::Removed,
        (Some(old), Some(new)) if old.spec == new.spec && old.depends_on == new.depends_on => {
            RevisionChange::Scaled {
                from: old.replicas,
                to: new.replicas,
            }
        }
        (Some(_), Some(_)) => RevisionChange::Updated,
    })
}

fn others(before: &Before) -> Vec<String> {
    let files = before.working_dir.is_some() || before.config_files.is_some();
    let parts = [
        (before.networks.is_some(), "networks"),
        (before.volumes.is_some(), "volumes"),
        (files, "files"),
    ];
    let changed = parts.into_iter().filter(|(changed, _)| *changed);
    changed.map(|(_, name)| name.to_owned()).collect()
}

/// A project as it was after the change that made `revision`.
///
/// # Errors
/// There is no such project or revision, or the way back to it is not kept any more.
pub fn project_at(
    lab: &Lab,
    project: &ProjectName,
    revision: u64,
) -> Result<ProjectModel, Problem> {
    let refuse = |why: &str, help: String| {
        let message = format!("project {project} cannot be told as of revision {revision}: {why}");
        Err(Problem::new(codes::NO_REVISION, message).help(help))
    };
    let Some(mut then) = Then::now(lab, project) else {
        let help = "`tercio ls` lists the projects".to_owned();
        return refuse("the lab does not know it", help);
    };
    let now = then.record.revision;
    if revision == 0 || revision > now {
        return refuse(
            "there is none of that number",
            format!("it is at revision {now}"),
        );
    }
    let kept = lab.desired.revisions.get(project);
    for number in (revision + 1..=now).rev() {
        let Some(change) = kept.and_then(|kept| kept.get(&number)) else {
            let help = format!("the oldest that can be told is {number}");
            return refuse("what was changed since is not kept any more", help);
        };
        then.undo(change);
    }
    let mut services = BTreeMap::new();
    for (name, service) in then.services {
        let Some(task) = lab.desired.specs.get(&service.spec) else {
            let help = "this is a fault of Tercio: report it with `tercio project history`";
            return refuse(&format!("the spec of {name} is lost"), help.to_owned());
        };
        let model = ServiceModel {
            task: task.clone(),
            replicas: service.replicas,
            depends_on: service.depends_on,
        };
        services.insert(name.clone(), model);
    }
    Ok(ProjectModel {
        name: project.clone(),
        services,
        networks: then.record.networks,
        volumes: then.record.volumes,
        working_dir: then.record.working_dir,
        config_files: then.record.config_files,
    })
}
