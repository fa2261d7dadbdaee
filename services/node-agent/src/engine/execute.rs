//! One action, one call: no choice is made here.
//!
//! What an action wanted gone and is gone already counts as done.

use std::path::Path;
use std::time::Duration;

use bollard::models::{
    ContainerStateStatusEnum, ContainerSummaryStateEnum, NetworkConnectRequest,
    NetworkCreateRequest, VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, InspectNetworkOptions,
    RemoveContainerOptionsBuilder, RemoveVolumeOptions, RenameContainerOptions,
    StartContainerOptions, StopContainerOptionsBuilder,
};
use lab_converge::{
    ActionError, ActionKind, ContainerId, CreateContainer, ObservedContainer, labels,
};
use lab_types::DurationMs;

use super::connect::Engine;
use super::create;
use super::error::{Error, Kind};
use super::observe::{Site, inspect, labels_of, list_containers, name_of};
use super::published::published;
use crate::facts::ports;
use crate::image;

/// What follows the name of a container that has not joined all of its networks yet. The engine
/// allows it in names, and a Compose service that ends so would still get `-N` behind it.
const UNFINISHED: &str = ".unfinished";

/// Performs `action`; returns the container as it is afterwards, where it is about one that stays.
///
/// # Errors
/// What the engine said; the error's kind tells whether trying again may help.
pub async fn execute(
    engine: &Engine,
    site: &Site,
    action: &ActionKind,
) -> Result<Option<ObservedContainer>, Error> {
    match action {
        ActionKind::PullImage { image } => {
            image::pull::pull(engine, image, None).await.map(|_| None)
        }
        ActionKind::FetchImage { image, .. } => Err(Error::new(
            Kind::Other,
            format!("cannot fetch image {image}: it comes by the bus, not from the engine"),
        )),
        ActionKind::CreateNetwork { name, labels } => {
            let labels = labels.clone().into_iter().collect();
            create_network(engine, name.as_str(), labels)
                .await
                .map(|()| None)
        }
        ActionKind::CreateVolume { name, labels } => {
            let request = VolumeCreateRequest {
                name: Some(name.to_string()),
                labels: Some(labels.clone().into_iter().collect()),
                ..VolumeCreateRequest::default()
            };
            let made = engine.changing(Duration::ZERO).create_volume(request).await;
            made.map(|_| None)
                .map_err(engine.failed(&format!("create volume {name}")))
        }
        ActionKind::CreateContainer(create) => create_container(engine, site, create).await,
        ActionKind::StartContainer {
            container, name, ..
        } => start(engine, site, container, name).await,
        ActionKind::StopContainer {
            container,
            name,
            grace,
            ..
        } => stop(engine, site, (container, name), *grace).await,
        ActionKind::RemoveContainer {
            container, name, ..
        } => {
            let options = RemoveContainerOptionsBuilder::new()
                .v(false)
                .force(false)
                .build();
            let docker = engine.changing(Duration::ZERO);
            let removed = docker.remove_container(&container.0, Some(options)).await;
            gone(removed.map_err(engine.failed(&format!("remove container {name}"))))
        }
        ActionKind::RemoveNetwork { name } => {
            let removed = engine
                .changing(Duration::ZERO)
                .remove_network(name.as_str())
                .await;
            gone(removed.map_err(engine.failed(&format!("remove network {name}"))))
        }
        ActionKind::RemoveVolume { name, .. } => {
            let options = RemoveVolumeOptions { force: false };
            let docker = engine.changing(Duration::ZERO);
            let removed = docker.remove_volume(name.as_str(), Some(options)).await;
            gone(removed.map_err(engine.failed(&format!("remove volume {name}"))))
        }
    }
}

/// The error as a decision takes it: with its help, because it is shown beside the task.
#[must_use]
pub fn action_error(error: &Error) -> ActionError {
    ActionError {
        retryable: error.kind.is_transient(),
        message: match error.help {
            Some(help) => format!("{error}; {help}"),
            None => error.to_string(),
        },
    }
}

fn gone(removed: Result<(), Error>) -> Result<Option<ObservedContainer>, Error> {
    match removed {
        Err(error) if error.kind != Kind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(None),
    }
}

async fn create_network(
    engine: &Engine,
    name: &str,
    labels: std::collections::HashMap<String, String>,
) -> Result<(), Error> {
    let docker = engine.changing(Duration::ZERO);
    // The engine takes one name for several networks; a container could then join the wrong one.
    let found = docker
        .inspect_network(name, None::<InspectNetworkOptions>)
        .await;
    match found.map_err(engine.failed(&format!("look for network {name}"))) {
        // It may also be one whose id begins so.
        Ok(found) if found.name.as_deref() == Some(name) => {
            return Err(Error::new(
                Kind::InUse,
                format!("cannot create network {name}: it exists already"),
            ));
        }
        Ok(_) => {}
        Err(error) if error.kind == Kind::NotFound => {}
        // Whether there is one is not known, and a second one would be worse than none.
        Err(error) => return Err(error),
    }
    let request = NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        labels: Some(labels),
        ..NetworkCreateRequest::default()
    };
    let made = docker.create_network(request).await;
    made.map(|_| ())
        .map_err(engine.failed(&format!("create network {name}")))
}

/// Makes the container under a name that shows it unfinished, joins it to its networks, and only
/// then gives it its own: whoever finds it by that name, after whatever crash, finds it whole.
async fn create_container(
    engine: &Engine,
    site: &Site,
    wanted: &CreateContainer,
) -> Result<Option<ObservedContainer>, Error> {
    let networks = &wanted.spec.networks;
    let docker = engine.changing(Duration::ZERO);
    let name = match networks.len() {
        // Made and joined in one call.
        0 | 1 => wanted.name.to_string(),
        _ => {
            let name = format!("{}{UNFINISHED}", wanted.name);
            remove_leftover(engine, site, &name).await?;
            name
        }
    };
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let request = create::request(wanted, engine.api())?;
    let carrier = request.carrier(docker);
    let made = carrier.create_container(Some(options), request.body).await;
    let made = made.map_err(engine.failed(&format!("create container {}", wanted.name)))?;
    for warning in &made.warnings {
        tracing::warn!(task_id = %wanted.task, warning, "the engine makes less of the container");
    }
    let id = made.id;
    if networks.len() > 1
        && let Err(error) = finish(engine, wanted, &id).await
    {
        remove_unfinished(engine, &id, &name).await?;
        return Err(error);
    }
    inspect(engine, site, &id).await
}

async fn finish(engine: &Engine, wanted: &CreateContainer, id: &str) -> Result<(), Error> {
    let docker = engine.changing(Duration::ZERO);
    for attachment in wanted.spec.networks.iter().skip(1) {
        let network = &attachment.engine_name;
        let request = NetworkConnectRequest {
            container: id.to_owned(),
            endpoint_config: Some(create::endpoint(attachment)),
        };
        let joined = docker.connect_network(network.as_str(), request).await;
        let doing = format!("join container {} to network {network}", wanted.name);
        joined.map_err(engine.failed(&doing))?;
    }
    let name = wanted.name.to_string();
    let renamed = docker
        .rename_container(id, RenameContainerOptions { name })
        .await;
    renamed.map_err(engine.failed(&format!("create container {}", wanted.name)))
}

/// It never ran: its volumes without a name are as new as it is.
async fn remove_unfinished(engine: &Engine, id: &str, name: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::new()
        .v(true)
        .force(true)
        .build();
    let removed = engine
        .changing(Duration::ZERO)
        .remove_container(id, Some(options))
        .await;
    gone(removed.map_err(engine.failed(&format!("remove container {name}")))).map(|_| ())
}

/// Removes what an earlier try left under a name that shows it unfinished, when the engine was lost
/// in the middle of it: it would stand in the way of every later one.
async fn remove_leftover(engine: &Engine, site: &Site, name: &str) -> Result<(), Error> {
    let looked = engine.docker();
    let found = looked.inspect_container(name, None::<InspectContainerOptions>);
    let found = match found
        .await
        .map_err(engine.failed(&format!("look for container {name}")))
    {
        Ok(found) => found,
        Err(error) if error.kind == Kind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let labels = labels_of(
        found
            .config
            .as_ref()
            .and_then(|config| config.labels.as_ref()),
    );
    let status = found.state.and_then(|state| state.status);
    let own_name = name.strip_suffix(UNFINISHED).unwrap_or(name);
    let is_ours = labels::container_owner(&site.lab, &site.node, own_name, &labels).is_ok();
    let never_ran = status == Some(ContainerStateStatusEnum::CREATED);
    match (is_ours && never_ran, &found.id) {
        (true, Some(id)) => remove_unfinished(engine, id, name).await,
        _ => Ok(()),
    }
}

/// Removes what an earlier life of the agent left unfinished: containers of this node that were made,
/// never started, and never got their name. To be called before the first action of a life.
///
/// # Errors
/// What the engine said.
pub async fn sweep(engine: &Engine, site: &Site) -> Result<usize, Error> {
    let mut swept = 0;
    for summary in list_containers(engine).await? {
        let (name, labels) = (name_of(&summary), labels_of(summary.labels.as_ref()));
        let Some(own_name) = name.strip_suffix(UNFINISHED) else {
            continue;
        };
        let is_ours = labels::container_owner(&site.lab, &site.node, own_name, &labels).is_ok();
        let never_ran = summary.state == Some(ContainerSummaryStateEnum::CREATED);
        if let (true, true, Some(id)) = (is_ours, never_ran, &summary.id) {
            remove_unfinished(engine, id, &name).await?;
            swept += 1;
        }
    }
    Ok(swept)
}

async fn start(
    engine: &Engine,
    site: &Site,
    container: &ContainerId,
    name: &str,
) -> Result<Option<ObservedContainer>, Error> {
    let docker = engine.changing(Duration::ZERO);
    let started = docker
        .start_container(&container.0, None::<StartContainerOptions>)
        .await;
    match started.map_err(engine.failed(&format!("start container {name}"))) {
        Ok(()) => inspect(engine, site, &container.0).await,
        Err(error) if error.kind == Kind::PortTaken => {
            Err(naming_holder(engine, site, error).await)
        }
        Err(error) => Err(error),
    }
}

async fn stop(
    engine: &Engine,
    site: &Site,
    (container, name): (&ContainerId, &str),
    grace: DurationMs,
) -> Result<Option<ObservedContainer>, Error> {
    let seconds = i32::try_from(create::seconds(grace)).unwrap_or(i32::MAX);
    let options = StopContainerOptionsBuilder::new().t(seconds).build();
    let docker = engine.changing(grace.as_std());
    let stopped = docker.stop_container(&container.0, Some(options)).await;
    match stopped.map_err(engine.failed(&format!("stop container {name}"))) {
        Err(error) if error.kind != Kind::NotFound => Err(error),
        Ok(()) | Err(_) => inspect(engine, site, &container.0).await,
    }
}

/// Adds who holds the port, when it can be told.
async fn naming_holder(engine: &Engine, site: &Site, error: Error) -> Error {
    let Some((protocol, port)) = error.port else {
        return error;
    };
    let Ok(published) = published(engine, site).await else {
        return error;
    };
    let listed =
        tokio::task::spawn_blocking(move || ports::foreign(Path::new("/proc"), &published));
    let holder = listed.await.unwrap_or_default().into_iter();
    let holder = holder
        .filter(|row| (row.protocol, row.port) == (protocol, port))
        .find_map(|row| row.holder);
    match holder {
        Some(holder) => Error {
            message: format!("{} by {holder}", error.message),
            ..error
        },
        None => error,
    }
}
