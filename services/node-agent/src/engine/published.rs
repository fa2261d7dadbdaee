//! Which host ports containers hold.

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum, PortSummaryTypeEnum};
use bollard::query_parameters::InspectContainerOptions;
use lab_converge::labels;
use lab_types::PortProtocol;

use super::connect::Engine;
use super::container::port_of;
use super::error::{Error, Kind};
use super::observe::{Site, labels_of, list_containers, name_of};
use crate::facts::ports::{Port, Published};

/// Asks the engine.
///
/// # Errors
/// What the engine said.
pub async fn published(engine: &Engine, site: &Site) -> Result<Published, Error> {
    let mut published = Published::default();
    for summary in list_containers(engine).await? {
        let (name, labels) = (name_of(&summary), labels_of(summary.labels.as_ref()));
        let is_ours = labels::container_owner(&site.lab, &site.node, &name, &labels).is_ok();
        for port in held(&summary) {
            match is_ours {
                true => drop(published.ours.insert(port)),
                false => drop(published.others.insert(port, name.clone())),
            }
        }
        if is_ours && summary.state != Some(ContainerSummaryStateEnum::RUNNING) {
            let wanted = wanted(engine, summary.id.as_deref().unwrap_or_default()).await?;
            published.ours.extend(wanted);
        }
    }
    Ok(published)
}

fn held(summary: &ContainerSummary) -> Vec<Port> {
    let ports = summary.ports.iter().flatten().filter_map(|port| {
        let protocol = match port.typ? {
            PortSummaryTypeEnum::TCP => PortProtocol::Tcp,
            PortSummaryTypeEnum::UDP => PortProtocol::Udp,
            PortSummaryTypeEnum::SCTP | PortSummaryTypeEnum::EMPTY => return None,
        };
        Some((protocol, port.public_port?))
    });
    ports.collect()
}

/// The fixed ports that a container takes when it runs.
async fn wanted(engine: &Engine, id: &str) -> Result<Vec<Port>, Error> {
    let found = engine
        .docker()
        .inspect_container(id, None::<InspectContainerOptions>)
        .await;
    let found = match found.map_err(engine.failed(&format!("look at container {id}"))) {
        Err(error) if error.kind == Kind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let bindings = found
        .host_config
        .and_then(|config| config.port_bindings)
        .unwrap_or_default();
    let mut ports = Vec::new();
    for (key, bindings) in bindings {
        let Some((_, protocol)) = port_of(&key) else {
            continue;
        };
        for binding in bindings.into_iter().flatten() {
            let fixed = binding.host_port.and_then(|port| port.parse().ok());
            ports.extend(fixed.filter(|port| *port != 0).map(|port| (protocol, port)));
        }
    }
    Ok(ports)
}
