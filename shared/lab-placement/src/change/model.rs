//! Whether a model is sound: the planner has checked it, but a script may have sent it.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    EngineName, HealthTest, MountSource, NetworkMode, NetworkName, NetworkSpec, ProjectModel,
    ProjectName, ServiceModel, ServiceName, TaskSpec, VolumeName, VolumeSpec,
};
use serde::Serialize;

use super::finding::Finding;
use super::{REPLICAS_MAX, SERVICES_MAX, SPEC_BYTES_MAX};
use crate::codes;
use crate::lab::Lab;

/// Everything that is wrong with a model in itself and beside the other projects.
pub(super) fn findings(lab: &Lab, project: &ProjectName, model: &ProjectModel) -> Vec<Finding> {
    let mut found = Vec::new();
    if model.name != *project {
        found.push(Finding::new(
            codes::BAD_MODEL,
            format!(
                "the request is for project {project}, but its model names project {}",
                model.name
            ),
            "send the model to its own project",
        ));
    }
    if model.services.len() > SERVICES_MAX {
        found.push(Finding::new(
            codes::TOO_MUCH,
            format!(
                "project {project} has {} services; one project may have {SERVICES_MAX}",
                model.services.len()
            ),
            "split it into several projects",
        ));
    }
    found.extend(declarations(project, model));
    found.extend(names_taken(lab, project, &model.networks, &model.volumes));
    for (name, service) in &model.services {
        let declared = Declared {
            networks: &model.networks,
            volumes: &model.volumes,
        };
        found.extend(task(project, name, &service.task, &declared));
        found.extend(replicas(project, name, service.replicas));
        found.extend(dependencies(project, name, service, model));
    }
    found.extend(cycle(project, &model.services));
    found
}

/// The networks and volumes that specs may refer to.
pub(super) struct Declared<'a> {
    pub(super) networks: &'a BTreeMap<NetworkName, NetworkSpec>,
    pub(super) volumes: &'a BTreeMap<VolumeName, VolumeSpec>,
}

fn declarations(project: &ProjectName, model: &ProjectModel) -> Vec<Finding> {
    let networks = model.networks.iter();
    let networks = networks
        .filter(|(key, spec)| **key != spec.network)
        .map(|(key, spec)| ("network", key.to_string(), spec.network.to_string()));
    let volumes = model.volumes.iter();
    let volumes = volumes
        .filter(|(key, spec)| **key != spec.volume)
        .map(|(key, spec)| ("volume", key.to_string(), spec.volume.to_string()));
    networks
        .chain(volumes)
        .map(|(kind, key, inner)| {
            Finding::new(
                codes::BAD_MODEL,
                format!("{kind} {key} of project {project} calls itself {inner}"),
                "give it the same name in both places",
            )
        })
        .collect()
}

/// A network or volume on an engine belongs to one project, or `down -v` of one would destroy the
/// data of another: `a` with `b_c` and `a_b` with `c` both make `a_b_c`.
pub(super) fn names_taken(
    lab: &Lab,
    project: &ProjectName,
    networks: &BTreeMap<NetworkName, NetworkSpec>,
    volumes: &BTreeMap<VolumeName, VolumeSpec>,
) -> Vec<Finding> {
    let ours: BTreeSet<(&str, &EngineName)> = engine_names(networks, volumes).collect();
    let others = lab.desired.projects.values();
    let others = others.filter(|record| record.name != *project);
    others
        .flat_map(|record| {
            let theirs = engine_names(&record.networks, &record.volumes);
            theirs.map(move |name| (record, name))
        })
        .filter(|(_, name)| ours.contains(name))
        .map(|(record, (kind, name))| {
            Finding::new(
                codes::NAME_TAKEN,
                format!(
                    "{kind} {name} of project {project} belongs to project {} already",
                    record.name
                ),
                format!(
                    "give it another `name:`, or mark it `external: true` to share that {kind}"
                ),
            )
        })
        .collect()
}

fn engine_names<'a>(
    networks: &'a BTreeMap<NetworkName, NetworkSpec>,
    volumes: &'a BTreeMap<VolumeName, VolumeSpec>,
) -> impl Iterator<Item = (&'static str, &'a EngineName)> {
    let networks = networks.values().filter(|spec| !spec.external);
    let volumes = volumes.values().filter(|spec| !spec.external);
    networks
        .map(|spec| ("network", &spec.engine_name))
        .chain(volumes.map(|spec| ("volume", &spec.engine_name)))
}

/// What is wrong with one service's spec.
pub(super) fn task(
    project: &ProjectName,
    name: &ServiceName,
    task: &TaskSpec,
    declared: &Declared<'_>,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let size = text_bytes(task);
    if size > SPEC_BYTES_MAX {
        found.push(Finding::new(
            codes::TOO_MUCH,
            format!(
                "the spec of {project}/{name} holds {size} bytes of text; {SPEC_BYTES_MAX} fit"
            ),
            "move large values from the environment into a file or a volume",
        ));
    }
    if task.image.is_empty() {
        found.push(Finding::new(
            codes::BAD_MODEL,
            format!("service {project}/{name} names no image"),
            "name the image to run",
        ));
    }
    if task.network_mode != NetworkMode::Networks && !task.networks.is_empty() {
        found.push(Finding::new(
            codes::BAD_MODEL,
            format!("service {project}/{name} has a network mode of its own and joins networks"),
            "say either `network_mode` or `networks`",
        ));
    }
    for attachment in &task.networks {
        let known = declared.networks.get(&attachment.network);
        if known.is_none_or(|spec| spec.engine_name != attachment.engine_name) {
            found.push(undeclared(
                (project, name),
                "network",
                &attachment.network.to_string(),
                &attachment.engine_name,
            ));
        }
    }
    for mount in &task.mounts {
        let MountSource::Volume {
            volume,
            engine_name,
            ..
        } = &mount.source
        else {
            continue;
        };
        let known = declared.volumes.get(volume);
        if known.is_none_or(|spec| spec.engine_name != *engine_name) {
            let key = volume.to_string();
            found.push(undeclared((project, name), "volume", &key, engine_name));
        }
    }
    found
}

fn undeclared(
    service: (&ProjectName, &ServiceName),
    kind: &str,
    key: &str,
    engine_name: &EngineName,
) -> Finding {
    let (project, name) = service;
    Finding::new(
        codes::BAD_MODEL,
        format!(
            "service {project}/{name} uses {kind} {key} ({engine_name}), which the project does not declare so"
        ),
        format!("declare {kind} {key} with that name on the engine"),
    )
}

/// A number of tasks beyond the limit.
pub(super) fn replicas(
    project: &ProjectName,
    name: &ServiceName,
    replicas: u32,
) -> Option<Finding> {
    (replicas > REPLICAS_MAX).then(|| {
        Finding::new(
            codes::TOO_MUCH,
            format!(
                "service {project}/{name} shall have {replicas} tasks; {REPLICAS_MAX} are the most"
            ),
            "ask for fewer, or make several services",
        )
    })
}

fn dependencies(
    project: &ProjectName,
    name: &ServiceName,
    service: &ServiceModel,
    model: &ProjectModel,
) -> Vec<Finding> {
    let missing = service
        .depends_on
        .iter()
        .filter(|(other, dependency)| dependency.required && !model.services.contains_key(*other));
    missing
        .map(|(other, dependency)| {
            Finding::new(
                codes::BAD_MODEL,
                format!(
                    "service {project}/{name} waits for {other} ({}), which the project does not have",
                    dependency.condition
                ),
                format!("add service {other}, or mark the dependency `required: false`"),
            )
        })
        .collect()
}

/// A circle of services that wait for each other, the first in the order of names.
fn cycle(project: &ProjectName, services: &BTreeMap<ServiceName, ServiceModel>) -> Option<Finding> {
    let mut waiting: BTreeMap<&ServiceName, BTreeSet<&ServiceName>> = services
        .iter()
        .map(|(name, service)| {
            let others = service.depends_on.keys();
            (name, others.filter(|o| services.contains_key(*o)).collect())
        })
        .collect();
    // Take away, round by round, what waits for nothing; what stays waits for a circle.
    loop {
        let free: BTreeSet<&ServiceName> = waiting
            .iter()
            .filter(|(_, others)| others.is_empty())
            .map(|(name, _)| *name)
            .collect();
        if free.is_empty() {
            break;
        }
        waiting.retain(|name, _| !free.contains(name));
        for others in waiting.values_mut() {
            others.retain(|other| !free.contains(other));
        }
    }
    // Following what is left never ends, so it comes back to a service it has passed.
    let mut path = vec![*waiting.keys().next()?];
    loop {
        let last = path[path.len() - 1];
        let next = *waiting.get(last)?.iter().next()?;
        if let Some(start) = path.iter().position(|seen| *seen == next) {
            path.push(next);
            let names: Vec<&str> = path[start..].iter().map(|name| name.as_str()).collect();
            return Some(Finding::new(
                codes::CYCLE,
                format!(
                    "services of project {project} wait for each other in a circle: {}",
                    names.join(" → ")
                ),
                "take one of these out of `depends_on`",
            ));
        }
        path.push(next);
    }
}

/// About how many bytes a spec takes: all that a person may write into it, and some for each entry.
pub(crate) fn text_bytes(task: &TaskSpec) -> usize {
    let lists = [&task.command, &task.entrypoint];
    let lists = lists.into_iter().flatten().flatten().map(String::len);
    let maps = task.environment.iter().chain(&task.labels);
    let maps = maps.map(|(key, value)| key.len() + value.len());
    let mounts = task.mounts.iter().map(|mount| {
        let source = match &mount.source {
            MountSource::Volume {
                volume,
                engine_name,
                options,
            } => volume.as_str().len() + engine_name.as_str().len() + written(options),
            MountSource::Anonymous { labels, .. } => written(labels),
            MountSource::Bind { path, options, .. } => path.len() + written(options),
            MountSource::Tmpfs { .. } => 0,
        };
        ENTRY_BYTES + mount.target.len() + source
    });
    let networks = task.networks.iter().map(|network| {
        let aliases: usize = network.aliases.iter().map(String::len).sum();
        let names = network.network.as_str().len() + network.engine_name.as_str().len();
        ENTRY_BYTES + names + aliases + written(&network.endpoint)
    });
    let ports = task.ports.iter().map(|port| {
        let address = port.host_ip.as_ref().map_or(0, String::len);
        ENTRY_BYTES + address
    });
    let check = task.healthcheck.as_ref().map(|check| match &check.test {
        HealthTest::Disabled => 0,
        HealthTest::Exec { argv } => argv.iter().map(String::len).sum(),
        HealthTest::Shell { line } => line.len(),
    });
    let parts = lists.chain(maps).chain(mounts).chain(networks);
    let settings = settings_bytes(task);
    task.image.len() + settings + parts.chain(ports).chain(check).sum::<usize>()
}

/// Those of the settings that most specs do not have.
fn settings_bytes(task: &TaskSpec) -> usize {
    let groups = [
        written(&task.process),
        written(&task.host_names),
        written(&task.limits),
        written(&task.security),
        written(&task.isolation),
        written(&task.devices),
        written(&task.storage),
        written(&task.logging),
        written(&task.annotations),
        written(&task.expose),
    ];
    groups.into_iter().sum()
}

/// What a group takes when it is written; nothing for one that says nothing.
fn written<T: Serialize + Default + PartialEq>(group: &T) -> usize {
    match *group == T::default() {
        true => 0,
        false => serde_json::to_string(group).map_or(0, |text| text.len()),
    }
}

/// What the names of the fields of one mount, network or port take.
const ENTRY_BYTES: usize = 64;
