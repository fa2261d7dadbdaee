//! What the engine says of one container, as data.

use std::collections::BTreeSet;

use bollard::models::{
    ContainerInspectResponse, ContainerState as EngineState, ContainerStateStatusEnum as Status,
    ContainerSummary, ContainerSummaryStateEnum as Listed, HealthStatusEnum, PortMap,
};
use lab_converge::observed::ContainerLabels;
use lab_converge::{ContainerId, ContainerState, ObservedContainer, labels};
use lab_types::{Health, PortProtocol, PortPublish, UnixMillis};

use super::observe::{Site, labels_of};
use crate::logs::line::unix_ns;

/// Nanoseconds in a millisecond.
const NANOS: u64 = 1_000_000;

/// The container, if it is one of `site`'s.
pub(super) fn observed(found: ContainerInspectResponse, site: &Site) -> Option<ObservedContainer> {
    let name = found.name?.trim_start_matches('/').to_owned();
    let labels = labels_of(
        found
            .config
            .as_ref()
            .and_then(|config| config.labels.as_ref()),
    );
    let identity = labels::container_owner(&site.lab, &site.node, &name, &labels).ok()?;
    let state = found.state.unwrap_or_default();
    let ports = found.network_settings.and_then(|settings| settings.ports);
    Some(ObservedContainer {
        id: ContainerId(found.id?),
        name,
        identity,
        started_at: state.started_at.as_deref().and_then(millis),
        finished_at: state.finished_at.as_deref().and_then(millis),
        signalled_at: None,
        told_end_at: None,
        health: health(&state),
        state: state_of(state),
        ports: ports.map(bound).unwrap_or_default(),
    })
}

/// One of our containers that the engine lists and cannot show: as much as the list tells. One that
/// does not run is of no use any more: it can only be removed.
pub(super) fn unreadable(
    summary: &ContainerSummary,
    name: String,
    identity: ContainerLabels,
) -> Option<ObservedContainer> {
    let state = match summary.state {
        Some(Listed::RUNNING) => ContainerState::Running,
        Some(Listed::PAUSED) => ContainerState::Paused,
        Some(Listed::RESTARTING) => ContainerState::Restarting,
        Some(Listed::REMOVING) => ContainerState::Removing,
        _ => ContainerState::Dead,
    };
    Some(ObservedContainer {
        id: ContainerId(summary.id.clone()?),
        name,
        identity,
        state,
        started_at: None,
        finished_at: None,
        signalled_at: None,
        told_end_at: None,
        health: Health::None,
        ports: Vec::new(),
    })
}

pub(super) fn millis(text: &str) -> Option<UnixMillis> {
    unix_ns(text).map(|ns| UnixMillis(ns / NANOS))
}

fn state_of(state: EngineState) -> ContainerState {
    match state.status {
        // One that is being stopped runs until it has ended, and only then has an exit code.
        Some(Status::RUNNING | Status::STOPPING) => ContainerState::Running,
        Some(Status::PAUSED) => ContainerState::Paused,
        Some(Status::RESTARTING) => ContainerState::Restarting,
        Some(Status::REMOVING) => ContainerState::Removing,
        Some(Status::DEAD) => ContainerState::Dead,
        Some(Status::EXITED) => ContainerState::Exited {
            code: state.exit_code.unwrap_or_default(),
            oom_killed: state.oom_killed.unwrap_or_default(),
            error: state.error.filter(|error| !error.is_empty()),
        },
        Some(Status::CREATED | Status::EMPTY) | None => ContainerState::Created,
    }
}

fn health(state: &EngineState) -> Health {
    match state.health.as_ref().and_then(|health| health.status) {
        Some(HealthStatusEnum::STARTING) => Health::Starting,
        Some(HealthStatusEnum::HEALTHY) => Health::Healthy,
        Some(HealthStatusEnum::UNHEALTHY) => Health::Unhealthy,
        Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => Health::None,
    }
}

/// The published ports as they are bound, each once: the engine tells IPv4 and IPv6 apart.
fn bound(ports: PortMap) -> Vec<PortPublish> {
    let mut all = BTreeSet::new();
    for (key, bindings) in ports {
        let Some((target, protocol)) = port_of(&key) else {
            continue;
        };
        for binding in bindings.into_iter().flatten() {
            let published = binding.host_port.and_then(|port| port.parse().ok());
            let host_ip = binding
                .host_ip
                .filter(|ip| !matches!(ip.as_str(), "" | "0.0.0.0" | "::"));
            if published.is_some() {
                all.insert(PortPublish {
                    host_ip,
                    published,
                    target,
                    protocol,
                });
            }
        }
    }
    all.into_iter().collect()
}

/// `80/tcp`; SCTP is none of ours.
pub(super) fn port_of(key: &str) -> Option<(u16, PortProtocol)> {
    let (port, protocol) = key.split_once('/')?;
    let protocol = match protocol {
        "tcp" => PortProtocol::Tcp,
        "udp" => PortProtocol::Udp,
        _ => return None,
    };
    Some((port.parse().ok()?, protocol))
}
