//! Applying and removing a project.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    ConfirmationId, EngineName, Event, EventWhat, MountSource, NetworkName, PlanHash, Problem,
    ProjectModel, ProjectName, ProjectRecord, ServiceModel, ServiceName, ServiceRecord, TaskSpec,
    VolumeName,
};

use super::finding::{Finding, refuse_if_any};
use super::ports::{self, After, Wanted};
use super::volumes::{self, Meant};
use super::{ChangeContext, Delta, model, retry};
use crate::codes;
use crate::key::Key;
use crate::lab::Lab;
use crate::record::{Answer, Record};
use crate::words::count;

/// A request to make a project what a model says.
pub(super) struct Apply<'a> {
    pub(super) project: &'a ProjectName,
    pub(super) plan: Option<&'a PlanHash>,
    pub(super) base_revision: u64,
    pub(super) model: &'a ProjectModel,
}

pub(super) fn apply(
    lab: &Lab,
    request: &Apply<'_>,
    context: &ChangeContext,
) -> Result<Delta, Problem> {
    let (project, model) = (request.project, request.model);
    let revision = revision(lab, project);
    if request.base_revision != revision {
        return Err(stale(project, request.base_revision, revision));
    }
    let mut findings = model::findings(lab, project, model);
    if findings.is_empty() {
        findings = port_findings(lab, project, model);
    }
    refuse_if_any(&format!("project {project}"), findings)?;

    let mut delta = Delta::unchanged(Answer::ProjectApplied {
        project: project.clone(),
        revision,
        changed: false,
        retried: BTreeMap::new(),
    });
    let mut retried = BTreeMap::new();
    for (name, service) in &model.services {
        let again = upsert(lab, (project, name), service, context, &mut delta);
        if !again.is_empty() {
            retried.insert(name.clone(), again);
        }
    }
    for name in services_of(lab, project) {
        if !model.services.contains_key(name) {
            drop_service((project, name), context, &mut delta);
        }
    }
    let old = lab.desired.projects.get(project);
    if delta.is_empty() && old.is_some_and(|old| same_frame(old, model)) {
        return Ok(delta);
    }
    let record = ProjectRecord {
        name: project.clone(),
        revision: revision.saturating_add(1),
        applied_at: context.now,
        applied_by: context.user.as_str().to_owned(),
        networks: model.networks.clone(),
        volumes: model.volumes.clone(),
        working_dir: model.working_dir.clone(),
        config_files: model.config_files.clone(),
    };
    let message = format!(
        "project {project} was applied as revision {}",
        record.revision
    );
    delta.answer = Answer::ProjectApplied {
        project: project.clone(),
        revision: record.revision,
        changed: true,
        retried,
    };
    delta
        .events
        .push(context.project_event(EventWhat::ProjectApplied, project, message));
    for event in &mut delta.events {
        event.cause.plan = request.plan.cloned();
    }
    delta
        .puts
        .push((Key::Project(project.clone()), Record::Project(record)));
    Ok(delta)
}

/// Takes a project down; its volumes go with their data when there is a consent to that.
pub(super) fn remove(
    lab: &Lab,
    project: &ProjectName,
    (consent, shown): (Option<&ConfirmationId>, Option<&BTreeSet<EngineName>>),
    context: &ChangeContext,
) -> Result<Delta, Problem> {
    let Some(old) = lab.desired.projects.get(project) else {
        return Err(unknown(lab, project));
    };
    let services: Vec<ServiceName> = services_of(lab, project).cloned().collect();
    let Meant { go, stay } = match consent {
        Some(_) => volumes::meant(lab, old, shown),
        None => Meant::default(),
    };
    volumes::shared_with_others(lab, project, &go)?;
    if let Some(shown) = shown {
        let unnamed: Vec<&str> = go.difference(shown).map(EngineName::as_str).collect();
        if !unnamed.is_empty() {
            return Err(not_shown(project, &unnamed.join(", ")));
        }
    }
    let forgets_volumes = consent.is_some() && !old.volumes.is_empty();
    let removes_data = forgets_volumes || !go.is_empty();
    let changed = !services.is_empty() || !old.networks.is_empty() || removes_data;
    let revision = old.revision.saturating_add(u64::from(changed));
    let networks = old.networks.values().filter(|spec| !spec.external);
    let mut delta = Delta::unchanged(Answer::ProjectRemoved {
        project: project.clone(),
        revision,
        services: services.clone(),
        networks: networks.map(|spec| spec.engine_name.clone()).collect(),
        volumes: go.iter().cloned().collect(),
        kept_volumes: stay.into_iter().collect(),
        changed,
    });
    if !changed {
        return Ok(delta);
    }
    for name in &services {
        drop_service((project, name), context, &mut delta);
    }
    if let Some(consent) = consent {
        volumes::hand_over(lab, project, (&go, consent), context, &mut delta);
    }
    let record = ProjectRecord {
        revision,
        applied_at: context.now,
        applied_by: context.user.as_str().to_owned(),
        networks: BTreeMap::new(),
        volumes: if consent.is_some() {
            BTreeMap::new()
        } else {
            old.volumes.clone()
        },
        ..old.clone()
    };
    let message = match go.len() {
        0 => format!("project {project} was taken down"),
        1 => format!("project {project} was taken down and its volume removed"),
        n => format!("project {project} was taken down and {n} volumes removed"),
    };
    delta
        .events
        .push(context.project_event(EventWhat::ProjectRemoved, project, message));
    delta
        .puts
        .push((Key::Project(project.clone()), Record::Project(record)));
    Ok(delta)
}

/// The project's revision; 0 when there never was one of that name.
pub(super) fn revision(lab: &Lab, project: &ProjectName) -> u64 {
    lab.desired.projects.get(project).map_or(0, |p| p.revision)
}

/// The names of a project's services.
pub(super) fn services_of<'a>(
    lab: &'a Lab,
    project: &'a ProjectName,
) -> impl Iterator<Item = &'a ServiceName> {
    let keys = lab.desired.services.keys();
    keys.filter(move |key| key.0 == *project).map(|key| &key.1)
}

/// The problem of a project that the lab does not know.
pub(super) fn unknown(lab: &Lab, project: &ProjectName) -> Problem {
    // One that was taken down is only remembered.
    let up = lab.desired.projects.values().filter(|record| {
        !record.networks.is_empty() || services_of(lab, &record.name).next().is_some()
    });
    let known: Vec<&str> = up.map(|record| record.name.as_str()).collect();
    let help = if known.is_empty() {
        "the lab has no project; `tercio up` makes one".to_owned()
    } else {
        format!("the lab has: {}", known.join(", "))
    };
    Problem::new(codes::NO_PROJECT, format!("there is no project {project}")).help(help)
}

fn not_shown(project: &ProjectName, volumes: &str) -> Problem {
    let message =
        format!("project {project} has volumes that the consent does not name: {volumes}");
    Problem::new(codes::NOT_SHOWN, message)
        .help("somebody changed the project meanwhile: ask again, with these volumes")
}

fn stale(project: &ProjectName, base: u64, revision: u64) -> Problem {
    let message = format!(
        "the plan for project {project} was made against revision {base}, but the project is at \
         revision {revision}"
    );
    Problem::new(codes::STALE_PLAN, message).help("somebody changed it meanwhile: plan again")
}

fn port_findings(lab: &Lab, project: &ProjectName, model: &ProjectModel) -> Vec<Finding> {
    let mut after = After::now(lab).without_project(project);
    let mut changed = Vec::new();
    for (name, service) in &model.services {
        let wanted = Wanted {
            replicas: service.replicas,
            task: &service.task,
        };
        after = after.with((project, name), wanted);
        let old = lab.desired.services.get(&(project.clone(), name.clone()));
        // What runs already is not refused for a port that was taken later.
        let same = old.is_some_and(|old| {
            old.replicas >= service.replicas && old.spec == service.task.digest()
        });
        if !same {
            changed.push((project, name));
        }
    }
    ports::findings(lab, &after, changed)
}

/// Writes a service's record where it differs; gives the slots that are tried again.
fn upsert(
    lab: &Lab,
    (project, name): (&ProjectName, &ServiceName),
    service: &ServiceModel,
    context: &ChangeContext,
    delta: &mut Delta,
) -> BTreeSet<u32> {
    let old = lab.desired.services.get(&(project.clone(), name.clone()));
    let digest = service.task.digest();
    let (networks, volumes) = needs(&service.task);
    let again = retry::again(lab, old, &digest, service.replicas);
    let tries = old.map_or(0, |old| old.tries);
    let record = ServiceRecord {
        project: project.clone(),
        name: name.clone(),
        spec: digest.clone(),
        replicas: service.replicas,
        depends_on: service.depends_on.clone(),
        networks,
        volumes,
        revision: old.map_or(0, |old| old.revision),
        tries: tries.saturating_add(u32::from(!again.is_empty())),
        created_at: old.map_or(context.now, |old| old.created_at),
    };
    if old == Some(&record) {
        return again;
    }
    if !is_retry_alone(old, &record) {
        delta
            .events
            .push(upsert_event(old, &record, service, context));
    }
    if !lab.desired.specs.contains_key(&digest) {
        let spec = Record::Spec(Box::new(service.task.clone()));
        delta.puts.push((Key::Spec(digest), spec));
    }
    let record = ServiceRecord {
        revision: record.revision.saturating_add(1),
        ..record
    };
    delta.puts.push((
        Key::Service(project.clone(), name.clone()),
        Record::Service(record),
    ));
    again
}

/// Whether nothing differs but that what failed for good is tried again.
fn is_retry_alone(old: Option<&ServiceRecord>, new: &ServiceRecord) -> bool {
    old.is_some_and(|old| {
        let tries = new.tries;
        *new == ServiceRecord {
            tries,
            ..old.clone()
        }
    })
}

fn upsert_event(
    old: Option<&ServiceRecord>,
    new: &ServiceRecord,
    service: &ServiceModel,
    context: &ChangeContext,
) -> Event {
    let (project, name) = (&new.project, &new.name);
    let (what, message) = match old {
        None => (
            EventWhat::ServiceCreated,
            created_message(project, name, new.replicas),
        ),
        Some(old) if old.spec == new.spec && old.replicas != new.replicas => (
            EventWhat::ServiceScaled,
            scaled_message(project, name, old.replicas, new.replicas),
        ),
        Some(_) => (
            EventWhat::ServiceUpdated,
            format!("service {project}/{name} was changed"),
        ),
    };
    let mut event = context.service_event(what, (project, name), message);
    event
        .details
        .insert("replicas".to_owned(), new.replicas.to_string());
    event
        .details
        .insert("image".to_owned(), service.task.image.clone());
    event
}

/// The sentence of a new service.
pub(super) fn created_message(project: &ProjectName, name: &ServiceName, replicas: u32) -> String {
    format!(
        "service {project}/{name} was created with {}",
        count(replicas.into(), "task")
    )
}

/// The sentence of a scaled service.
pub(super) fn scaled_message(
    project: &ProjectName,
    name: &ServiceName,
    from: u32,
    to: u32,
) -> String {
    format!(
        "service {project}/{name} was scaled from {from} to {}",
        count(to.into(), "task")
    )
}

/// Removes a service's record and tells it.
pub(super) fn drop_service(
    (project, name): (&ProjectName, &ServiceName),
    context: &ChangeContext,
    delta: &mut Delta,
) {
    let message = format!("service {project}/{name} was removed");
    delta
        .removes
        .push(Key::Service(project.clone(), name.clone()));
    delta
        .events
        .push(context.service_event(EventWhat::ServiceRemoved, (project, name), message));
}

/// The keys of the networks and volumes that a spec uses.
pub(super) fn needs(task: &TaskSpec) -> (Vec<NetworkName>, Vec<VolumeName>) {
    let networks: BTreeSet<_> = task.networks.iter().map(|n| n.network.clone()).collect();
    let volumes: BTreeSet<_> = task
        .mounts
        .iter()
        .filter_map(|mount| match &mount.source {
            MountSource::Volume { volume, .. } => Some(volume.clone()),
            MountSource::Anonymous { .. }
            | MountSource::Bind { .. }
            | MountSource::Tmpfs { .. } => None,
        })
        .collect();
    (
        networks.into_iter().collect(),
        volumes.into_iter().collect(),
    )
}

fn same_frame(old: &ProjectRecord, model: &ProjectModel) -> bool {
    old.networks == model.networks
        && old.volumes == model.volumes
        && old.working_dir == model.working_dir
        && old.config_files == model.config_files
}
