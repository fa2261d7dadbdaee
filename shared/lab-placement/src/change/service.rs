//! Creating, scaling and removing a single service.

use std::collections::BTreeMap;

use lab_types::{
    Endpoint, EngineName, EventWhat, MountSource, NetworkAttachment, NetworkMode, NetworkName,
    NetworkSpec, Problem, ProjectName, ProjectRecord, ServiceName, ServiceRecord, TaskSpec,
    VolumeSpec,
};

use super::finding::{Finding, refuse_if_any};
use super::ports::{self, After, Wanted};
use super::{ChangeContext, Delta, model, project};
use crate::codes;
use crate::key::Key;
use crate::lab::Lab;
use crate::record::{Answer, Record};

/// A service to be made.
pub(super) struct New<'a> {
    pub(super) project: &'a ProjectName,
    pub(super) name: &'a ServiceName,
    pub(super) task: &'a TaskSpec,
    pub(super) replicas: u32,
}

pub(super) fn create(lab: &Lab, new: &New<'_>, context: &ChangeContext) -> Result<Delta, Problem> {
    let (owner, name) = (new.project, new.name);
    let service_key = (owner.clone(), name.clone());
    if lab.desired.services.contains_key(&service_key) {
        let message = format!("service {owner}/{name} exists already");
        return Err(
            Problem::new(codes::SERVICE_EXISTS, message).help("scale it, or remove it first")
        );
    }
    let task = with_default_network(lab, (owner, name), new.task)?;
    let record = project_with(lab, owner, &task, context);
    let mut findings = sound(lab, &record, name, &task);
    findings.extend(model::replicas(owner, name, new.replicas));
    if project::services_of(lab, owner).count() >= super::SERVICES_MAX {
        findings.push(Finding::new(
            codes::TOO_MUCH,
            format!("project {owner} has as many services as one project may have"),
            "make the service in another project",
        ));
    }
    let wanted = Wanted {
        replicas: new.replicas,
        task: &task,
    };
    let after = After::now(lab).with((owner, name), wanted);
    findings.extend(ports::findings(lab, &after, [(owner, name)]));
    refuse_if_any(&format!("service {owner}/{name}"), findings)?;

    let digest = task.digest();
    let (networks, volumes) = project::needs(&task);
    let service = ServiceRecord {
        project: owner.clone(),
        name: name.clone(),
        spec: digest.clone(),
        replicas: new.replicas,
        depends_on: BTreeMap::new(),
        networks,
        volumes,
        revision: 1,
        tries: 0,
        created_at: context.now,
    };
    let message = project::created_message(owner, name, new.replicas);
    let mut event = context.service_event(EventWhat::ServiceCreated, (owner, name), message);
    event
        .details
        .insert("replicas".to_owned(), new.replicas.to_string());
    event.details.insert("image".to_owned(), task.image.clone());
    let answer = changed((owner, name), record.revision, true);
    let mut puts = Vec::new();
    if !lab.desired.specs.contains_key(&digest) {
        puts.push((Key::Spec(digest), Record::Spec(Box::new(task))));
    }
    puts.push((
        Key::Service(owner.clone(), name.clone()),
        Record::Service(service),
    ));
    puts.push((Key::Project(owner.clone()), Record::Project(record)));
    Ok(Delta {
        puts,
        removes: Vec::new(),
        events: vec![event],
        answer,
    })
}

pub(super) fn scale(
    lab: &Lab,
    (owner, name): (&ProjectName, &ServiceName),
    replicas: u32,
    context: &ChangeContext,
) -> Result<Delta, Problem> {
    let (old, record) = found(lab, owner, name)?;
    let mut findings: Vec<Finding> = model::replicas(owner, name, replicas).into_iter().collect();
    if let Some(task) = lab.desired.specs.get(&old.spec)
        && replicas > old.replicas
    {
        let after = After::now(lab).with((owner, name), Wanted { replicas, task });
        findings.extend(ports::findings(lab, &after, [(owner, name)]));
    }
    refuse_if_any(&format!("service {owner}/{name}"), findings)?;

    if old.replicas == replicas {
        let answer = changed((owner, name), record.revision, false);
        return Ok(Delta::unchanged(answer));
    }
    let record = touched(record, context);
    let message = project::scaled_message(owner, name, old.replicas, replicas);
    let mut event = context.service_event(EventWhat::ServiceScaled, (owner, name), message);
    event
        .details
        .insert("replicas".to_owned(), replicas.to_string());
    let service = ServiceRecord {
        replicas,
        revision: old.revision.saturating_add(1),
        ..old.clone()
    };
    Ok(Delta {
        answer: changed((owner, name), record.revision, true),
        puts: vec![
            (
                Key::Service(owner.clone(), name.clone()),
                Record::Service(service),
            ),
            (Key::Project(owner.clone()), Record::Project(record)),
        ],
        removes: Vec::new(),
        events: vec![event],
    })
}

pub(super) fn remove(
    lab: &Lab,
    (owner, name): (&ProjectName, &ServiceName),
    context: &ChangeContext,
) -> Result<Delta, Problem> {
    let (_, record) = found(lab, owner, name)?;
    let waiting: Vec<&str> = lab
        .desired
        .services
        .values()
        .filter(|service| service.project == *owner && service.name != *name)
        .filter(|service| service.depends_on.get(name).is_some_and(|d| d.required))
        .map(|service| service.name.as_str())
        .collect();
    if !waiting.is_empty() {
        let message = format!(
            "service {owner}/{name} cannot be removed, because {} depends on it",
            waiting.join(" and ")
        );
        return Err(
            Problem::new(codes::STILL_NEEDED, message).help("remove those first, or scale it to 0")
        );
    }
    let record = touched(record, context);
    let mut delta = Delta::unchanged(changed((owner, name), record.revision, true));
    project::drop_service((owner, name), context, &mut delta);
    delta
        .puts
        .push((Key::Project(owner.clone()), Record::Project(record)));
    Ok(delta)
}

fn changed(
    (project, service): (&ProjectName, &ServiceName),
    revision: u64,
    changed: bool,
) -> Answer {
    Answer::ServiceChanged {
        project: project.clone(),
        service: service.clone(),
        revision,
        changed,
    }
}

/// The service and its project, or a problem that names what there is instead.
fn found<'a>(
    lab: &'a Lab,
    owner: &ProjectName,
    name: &ServiceName,
) -> Result<(&'a ServiceRecord, &'a ProjectRecord), Problem> {
    let record = lab.desired.projects.get(owner);
    let record = record.ok_or_else(|| project::unknown(lab, owner))?;
    let service = lab.desired.services.get(&(owner.clone(), name.clone()));
    let service = service.ok_or_else(|| {
        let known: Vec<&str> = project::services_of(lab, owner)
            .map(ServiceName::as_str)
            .collect();
        let help = if known.is_empty() {
            format!("project {owner} has no service")
        } else {
            format!("project {owner} has: {}", known.join(", "))
        };
        let message = format!("there is no service {name} in project {owner}");
        Problem::new(codes::NO_SERVICE, message).help(help)
    })?;
    Ok((service, record))
}

fn touched(record: &ProjectRecord, context: &ChangeContext) -> ProjectRecord {
    ProjectRecord {
        revision: record.revision.saturating_add(1),
        applied_at: context.now,
        applied_by: context.user.as_str().to_owned(),
        ..record.clone()
    }
}

/// A spec that names no network joins its project's default one, under the service's name, as a
/// service of a Compose file does.
fn with_default_network(
    lab: &Lab,
    (owner, name): (&ProjectName, &ServiceName),
    task: &TaskSpec,
) -> Result<TaskSpec, Problem> {
    let mut task = task.clone();
    if task.networks.is_empty() && task.network_mode == NetworkMode::Networks {
        let network = NetworkName::new("default").expect("invariant: `default` is a network name");
        let project = lab.desired.projects.get(owner);
        let declared = project.and_then(|project| project.networks.get(&network));
        let engine_name = match declared {
            Some(declared) => declared.engine_name.clone(),
            None => EngineName::new(format!("{owner}_default")).map_err(|invalid| {
                Problem::new(codes::BAD_MODEL, invalid.to_string())
                    .help("use a shorter project name")
            })?,
        };
        task.networks.push(NetworkAttachment {
            network,
            engine_name,
            aliases: vec![name.as_str().to_owned()],
            endpoint: Endpoint::default(),
        });
    }
    Ok(task)
}

/// The project's record with what the spec needs and it does not have yet.
fn project_with(
    lab: &Lab,
    owner: &ProjectName,
    task: &TaskSpec,
    context: &ChangeContext,
) -> ProjectRecord {
    let mut record = match lab.desired.projects.get(owner) {
        Some(record) => touched(record, context),
        None => ProjectRecord {
            name: owner.clone(),
            revision: 1,
            applied_at: context.now,
            applied_by: context.user.as_str().to_owned(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            working_dir: String::new(),
            config_files: Vec::new(),
        },
    };
    for attachment in &task.networks {
        let spec = NetworkSpec {
            network: attachment.network.clone(),
            engine_name: attachment.engine_name.clone(),
            labels: BTreeMap::new(),
            external: false,
        };
        let networks = &mut record.networks;
        networks.entry(attachment.network.clone()).or_insert(spec);
    }
    for mount in &task.mounts {
        if let MountSource::Volume {
            volume,
            engine_name,
            ..
        } = &mount.source
        {
            let spec = VolumeSpec {
                volume: volume.clone(),
                engine_name: engine_name.clone(),
                labels: BTreeMap::new(),
                external: false,
            };
            record.volumes.entry(volume.clone()).or_insert(spec);
        }
    }
    record
}

fn sound(lab: &Lab, record: &ProjectRecord, name: &ServiceName, task: &TaskSpec) -> Vec<Finding> {
    let declared = model::Declared {
        networks: &record.networks,
        volumes: &record.volumes,
    };
    let mut found = model::task(&record.name, name, task, &declared);
    found.extend(model::names_taken(
        lab,
        &record.name,
        &record.networks,
        &record.volumes,
    ));
    found
}
