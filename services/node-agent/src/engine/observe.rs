//! A snapshot of the engine: what is this lab's, and what stands in its way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::{ContainerSummary, Network, Volume};
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptionsBuilder, ListNetworksOptions, ListVolumesOptions,
};
use futures::{StreamExt as _, TryStreamExt as _};
use lab_converge::observed::ContainerLabels;
use lab_converge::{
    ContainerId, EngineReach, Observed, ObservedContainer, ObservedNetwork, ObservedVolume, labels,
};
use lab_types::{EngineName, LabId, NodeId, Platform, UnixMillis};

use super::connect::Engine;
use super::container;
use super::error::{Error, Kind};

/// How many containers are looked at side by side: enough to hide the round trips, few enough to
/// leave the engine to others.
const SIDE_BY_SIDE: usize = 8;

/// Who looks: what bears another lab's or node's labels is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The lab.
    pub lab: LabId,
    /// The node.
    pub node: NodeId,
}

/// Looks at everything, and at `images` by name. It never fails: an engine that does not answer is
/// what was observed.
pub async fn observe(engine: &Engine, site: &Site, images: &BTreeSet<String>) -> Observed {
    match look(engine, site, images).await {
        Ok(observed) => observed,
        Err(error) => unreachable(error.to_string()),
    }
}

/// The observation of an engine that does not answer.
#[must_use]
pub fn unreachable(message: String) -> Observed {
    Observed {
        engine: EngineReach::Unreachable { message },
        ..Observed::default()
    }
}

async fn look(engine: &Engine, site: &Site, images: &BTreeSet<String>) -> Result<Observed, Error> {
    let docker = engine.docker();
    let (all, networks, volumes, images) = futures::try_join!(
        list_containers(engine),
        async {
            let all = docker.list_networks(None::<ListNetworksOptions>).await;
            all.map_err(engine.failed("list networks"))
        },
        async {
            let all = docker.list_volumes(None::<ListVolumesOptions>).await;
            all.map_err(engine.failed("list volumes"))
        },
        present(engine, images),
    )?;
    let mut observed = Observed {
        facts: Some(engine.facts().clone()),
        images,
        ..Observed::default()
    };
    let mut ours = Vec::new();
    for summary in &all {
        let (name, labels) = (name_of(summary), labels_of(summary.labels.as_ref()));
        match labels::container_owner(&site.lab, &site.node, &name, &labels) {
            Ok(identity) => ours.push((summary.clone(), name, identity)),
            Err(owner) => {
                observed.foreign_containers.insert(name, owner);
            }
        }
    }
    observed.containers = inspect_all(engine, site, ours).await?;
    observed.networks = observe_networks(site, networks, &all);
    observed.volumes = observe_volumes(site, volumes.volumes.unwrap_or_default(), &all);
    Ok(observed)
}

pub(super) async fn list_containers(engine: &Engine) -> Result<Vec<ContainerSummary>, Error> {
    let options = ListContainersOptionsBuilder::new().all(true).build();
    let all = engine.docker().list_containers(Some(options)).await;
    all.map_err(engine.failed("list containers"))
}

/// Looks at each. One that the engine cannot show is taken as it is listed: the others are not to
/// suffer for it.
async fn inspect_all(
    engine: &Engine,
    site: &Site,
    ours: Vec<(ContainerSummary, String, ContainerLabels)>,
) -> Result<BTreeMap<ContainerId, ObservedContainer>, Error> {
    let looks = futures::stream::iter(ours).map(|(summary, name, identity)| async move {
        let Some(id) = &summary.id else {
            return Ok(None);
        };
        match inspect(engine, site, id).await {
            Err(error) if !error.is_loss() => {
                tracing::warn!(container = name, %error, "a container cannot be looked at");
                Ok(container::unreadable(&summary, name, identity))
            }
            found => found,
        }
    });
    let found = looks
        .buffer_unordered(SIDE_BY_SIDE)
        .try_filter_map(|found| async { Ok(found) });
    found
        .map_ok(|container| (container.id.clone(), container))
        .try_collect()
        .await
}

/// One of our containers as it is; nothing when it is gone, or not ours.
///
/// # Errors
/// What the engine said.
pub async fn inspect(
    engine: &Engine,
    site: &Site,
    id: &str,
) -> Result<Option<ObservedContainer>, Error> {
    let found = engine
        .docker()
        .inspect_container(id, None::<InspectContainerOptions>)
        .await;
    match found.map_err(engine.failed(&format!("look at container {id}"))) {
        Ok(found) => Ok(container::observed(found, site)),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Those of `images` that are on the engine.
async fn present(engine: &Engine, images: &BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
    let images: Vec<String> = images.iter().cloned().collect();
    let looks = futures::stream::iter(images).map(|image| async move {
        match image_id(engine, &image).await {
            Ok(found) => Ok(found.map(|_| image)),
            Err(error) if error.is_loss() => Err(error),
            // An image that cannot be shown cannot be run either: it counts as missing.
            Err(error) => {
                tracing::warn!(image, %error, "an image cannot be looked at");
                Ok(None)
            }
        }
    });
    let found = looks
        .buffer_unordered(SIDE_BY_SIDE)
        .try_filter_map(|found| async { Ok(found) });
    found.try_collect().await
}

/// The id of an image, when it is on the engine.
///
/// # Errors
/// What the engine said.
pub async fn image_id(engine: &Engine, image: &str) -> Result<Option<String>, Error> {
    let found = found_image(engine, image).await?;
    Ok(found.map(|found| found.id))
}

/// An image on the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundImage {
    /// Its id.
    pub id: String,
    /// When it last got a name there; absent where it never did, or the engine does not tell.
    pub tagged_at: Option<UnixMillis>,
    /// On which platform it runs, where the engine tells.
    pub platform: Option<Platform>,
}

/// An image, when it is on the engine.
///
/// # Errors
/// What the engine said.
pub async fn found_image(engine: &Engine, image: &str) -> Result<Option<FoundImage>, Error> {
    match engine.docker().inspect_image(image).await {
        Ok(found) => {
            let metadata = found.metadata;
            let at = metadata.and_then(|metadata| metadata.last_tag_time);
            let tagged_at = at.and_then(|at| container::millis(&at));
            let platform = match (found.os, found.architecture) {
                (Some(os), Some(architecture)) => format!("{os}/{architecture}").parse().ok(),
                (None, _) | (_, None) => None,
            };
            Ok(found.id.map(|id| FoundImage {
                id,
                tagged_at,
                platform,
            }))
        }
        Err(error) => match engine.failed(&format!("look for image {image}"))(error) {
            // A reference that is none names no image.
            error
                if matches!(
                    error.kind,
                    Kind::ImageMissing | Kind::NotFound | Kind::BadSpec
                ) =>
            {
                Ok(None)
            }
            error => Err(error),
        },
    }
}

fn observe_networks(
    site: &Site,
    networks: Vec<Network>,
    all: &[ContainerSummary],
) -> BTreeMap<EngineName, ObservedNetwork> {
    let mut observed = BTreeMap::new();
    for network in networks {
        let name = network.name.unwrap_or_default();
        let id = network.id.unwrap_or_default();
        let labels = labels_of(network.labels.as_ref());
        // A name we could not have given is none that could stand in the way.
        let Ok(key) = EngineName::new(name.clone()) else {
            continue;
        };
        let attached = all
            .iter()
            .filter(|summary| is_attached(summary, &name, &id))
            .map(name_of);
        let network = ObservedNetwork {
            owner: labels::owner(&site.lab, &labels),
            attached: attached.collect(),
        };
        observed.insert(key, network);
    }
    observed
}

fn is_attached(summary: &ContainerSummary, name: &str, id: &str) -> bool {
    let settings = summary.network_settings.as_ref();
    let networks = settings.and_then(|settings| settings.networks.as_ref());
    networks.into_iter().flatten().any(|(key, endpoint)| {
        key == name || key == id || endpoint.network_id.as_deref().is_some_and(|by| by == id)
    })
}

fn observe_volumes(
    site: &Site,
    volumes: Vec<Volume>,
    all: &[ContainerSummary],
) -> BTreeMap<EngineName, ObservedVolume> {
    let mut observed = BTreeMap::new();
    for volume in volumes {
        let labels = labels_of(Some(&volume.labels));
        let users = all
            .iter()
            .filter(|summary| mounts(summary, &volume.name))
            .map(name_of);
        let seen = ObservedVolume {
            owner: labels::owner(&site.lab, &labels),
            used_by: users.collect(),
        };
        if let Ok(key) = EngineName::new(volume.name) {
            observed.insert(key, seen);
        }
    }
    observed
}

fn mounts(summary: &ContainerSummary, volume: &str) -> bool {
    summary.mounts.iter().flatten().any(|mount| {
        mount.typ.as_deref() == Some("volume") && mount.name.as_deref() == Some(volume)
    })
}

/// The container's own name: the others (`/web/alias`) come from links.
pub(super) fn name_of(summary: &ContainerSummary) -> String {
    let names = summary
        .names
        .iter()
        .flatten()
        .map(|name| name.trim_start_matches('/'));
    let own = names.clone().find(|name| !name.contains('/'));
    own.or_else(|| names.clone().next())
        .unwrap_or_default()
        .to_owned()
}

pub(super) fn labels_of(labels: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    let labels = labels.into_iter().flatten();
    labels
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
