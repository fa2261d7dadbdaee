//! What stands on the lab's containers, networks and volumes, and how it is read back.
//!
//! | label | on | value |
//! |---|---|---|
//! | `io.tercio.lab` | all | the lab's id; nothing without it is ever touched |
//! | `io.tercio.node` | containers | the node's id |
//! | `io.tercio.task` | containers | the task's id |
//! | `io.tercio.spec` | containers | the spec's digest |
//! | `io.tercio.project`, `.service`, `.slot` | containers | what it is part of |
//! | `io.tercio.stop-grace-ms` | containers | how long it may take to stop: known without its spec |
//! | `io.tercio.project` | networks, volumes | what it is part of |
//! | `com.docker.compose.*` | all | what docker-compose would write, so that Docker's tools see it |
//!
//! The user's labels come first and never replace one of these.

use std::collections::BTreeMap;

use lab_types::assignment;
use lab_types::{
    AssignedTask, DurationMs, EngineName, InvalidId, LabId, NetworkSpec, NodeId, ProjectName,
    ServiceName, SpecDigest, TaskId, TaskSpec, VolumeSpec,
};

use crate::observed::{ContainerLabels, Owner};

/// The lab's id: on everything that is the lab's.
pub const LAB: &str = "io.tercio.lab";
/// The node's id.
pub const NODE: &str = "io.tercio.node";
/// The task's id.
pub const TASK: &str = "io.tercio.task";
/// The spec's digest.
pub const SPEC: &str = "io.tercio.spec";
/// The project.
pub const PROJECT: &str = "io.tercio.project";
/// The service.
pub const SERVICE: &str = "io.tercio.service";
/// The slot, from 1.
pub const SLOT: &str = "io.tercio.slot";
/// How long the container may take to stop, in milliseconds.
pub const STOP_GRACE: &str = "io.tercio.stop-grace-ms";
/// docker-compose's project.
pub const COMPOSE_PROJECT: &str = "com.docker.compose.project";

/// The labels of a task's container.
#[must_use]
pub fn container(
    lab: &LabId,
    node: &NodeId,
    task: &AssignedTask,
    spec: &TaskSpec,
) -> BTreeMap<String, String> {
    let ours = [
        (LAB, lab.to_string()),
        (NODE, node.to_string()),
        (TASK, task.id.to_string()),
        (SPEC, task.spec.to_string()),
        (PROJECT, task.project.to_string()),
        (SERVICE, task.service.to_string()),
        (SLOT, task.slot.to_string()),
        (STOP_GRACE, spec.stop_grace.0.to_string()),
        (COMPOSE_PROJECT, task.project.to_string()),
        ("com.docker.compose.service", task.service.to_string()),
        ("com.docker.compose.container-number", task.slot.to_string()),
        ("com.docker.compose.config-hash", task.spec.to_string()),
        ("com.docker.compose.oneoff", "False".to_owned()),
    ];
    with(&spec.labels, ours)
}

/// The labels of a project's network.
#[must_use]
pub fn network(lab: &LabId, project: &ProjectName, spec: &NetworkSpec) -> BTreeMap<String, String> {
    let ours = [
        (LAB, lab.to_string()),
        (PROJECT, project.to_string()),
        (COMPOSE_PROJECT, project.to_string()),
        ("com.docker.compose.network", spec.network.to_string()),
    ];
    with(&spec.labels, ours)
}

/// The labels of a project's volume.
#[must_use]
pub fn volume(lab: &LabId, project: &ProjectName, spec: &VolumeSpec) -> BTreeMap<String, String> {
    let ours = [
        (LAB, lab.to_string()),
        (PROJECT, project.to_string()),
        (COMPOSE_PROJECT, project.to_string()),
        ("com.docker.compose.volume", spec.volume.to_string()),
    ];
    with(&spec.labels, ours)
}

fn with<const N: usize>(
    users: &BTreeMap<String, String>,
    ours: [(&str, String); N],
) -> BTreeMap<String, String> {
    let mut labels = users.clone();
    labels.extend(ours.map(|(key, value)| (key.to_owned(), value)));
    labels
}

/// The name of a task's container: `PROJECT-SERVICE-N`, as docker-compose's.
///
/// # Errors
/// When project and service together are too long for a name.
pub fn container_name(task: &AssignedTask) -> Result<EngineName, InvalidId> {
    EngineName::new(task.container_name())
}

/// The name of a task's container while another task of its slot has the slot's own name: nothing gives
/// it yet, but whoever does may be newer than an agent that finds it.
fn passing_name(of_slot: &str, task: &TaskId) -> String {
    format!("{of_slot}-{task}")
}

/// Whose an object with these labels is.
#[must_use]
pub fn owner(lab: &LabId, labels: &BTreeMap<String, String>) -> Owner {
    match labels.get(LAB) {
        Some(label) if label == lab.as_str() => match parsed::<ProjectName>(labels, PROJECT) {
            Some(project) => Owner::Ours { project },
            None => Owner::Foreign,
        },
        Some(other) => Owner::OtherLab { lab: other.clone() },
        None => match labels.get(COMPOSE_PROJECT) {
            Some(project) => Owner::Compose {
                project: project.clone(),
            },
            None => Owner::Foreign,
        },
    }
}

/// Whose a container with this name and these labels is, and, if it is this node's, what it is.
///
/// A container whose labels are not complete is foreign: what cannot be understood is not touched.
/// So is one whose name is not one of those its labels ask for (the slot's, or the slot's with the task's
/// id): it was renamed by a person, or made from an image that was committed from one of ours and so
/// inherited the labels. Which of the two it bears says nothing: what it is, its task's id says.
///
/// # Errors
/// The owner, when it is not a container of this node of this lab.
pub fn container_owner(
    lab: &LabId,
    node: &NodeId,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> Result<ContainerLabels, Owner> {
    let project = match owner(lab, labels) {
        Owner::Ours { project } => project,
        other => return Err(other),
    };
    if let Some(other) = labels.get(NODE).filter(|label| *label != node.as_str()) {
        return Err(Owner::OtherNode {
            node: other.clone(),
        });
    }
    let read = || {
        let service = parsed::<ServiceName>(labels, SERVICE)?;
        let slot = parsed::<u32>(labels, SLOT)?;
        let task = parsed::<TaskId>(labels, TASK)?;
        let slots = assignment::container_name(&project, &service, slot);
        let named_so = name == slots || name == passing_name(&slots, &task);
        let complete = named_so && labels.contains_key(NODE);
        complete.then_some(())?;
        Some(ContainerLabels {
            task,
            spec: parsed::<SpecDigest>(labels, SPEC)?,
            project,
            service,
            slot,
            stop_grace: DurationMs(parsed::<u64>(labels, STOP_GRACE)?),
        })
    };
    read().ok_or(Owner::Foreign)
}

fn parsed<T: std::str::FromStr>(labels: &BTreeMap<String, String>, key: &str) -> Option<T> {
    labels.get(key)?.parse().ok()
}

#[cfg(test)]
mod tests;
