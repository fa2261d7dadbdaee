//! How a container is on networks.

use std::collections::HashMap;

use bollard::models::{EndpointIpamConfig, EndpointSettings, NetworkingConfig};
use lab_types::{ApiVersion, Endpoint, MacAddress, NetworkAttachment, NetworkMode, TaskSpec};

use super::{said, said_map};

/// From when on an end of a network has a hardware address of its own. Source: Docker Engine API 1.44.
const ENDS_HAVE_MACS: ApiVersion = ApiVersion::new(1, 44);

/// The driver's option that names an interface. Source: Docker Engine 28.1.
const INTERFACE_NAME: &str = "com.docker.network.endpoint.ifname";

/// The engine's word for what the container has for a network.
pub(super) fn mode(spec: &TaskSpec) -> Option<String> {
    let first = spec.networks.first();
    match spec.network_mode {
        NetworkMode::Networks => first.map(|first| first.engine_name.to_string()),
        NetworkMode::None => Some("none".to_owned()),
        NetworkMode::Host => Some("host".to_owned()),
    }
}

/// The first network; the others are joined by calls of their own.
pub(super) fn config(spec: &TaskSpec, api: ApiVersion) -> Option<NetworkingConfig> {
    let first = spec.networks.first()?;
    let mut settings = endpoint(first);
    if api < ENDS_HAVE_MACS {
        settings.mac_address = None;
    }
    Some(NetworkingConfig {
        endpoints_config: Some(HashMap::from([(first.engine_name.to_string(), settings)])),
    })
}

/// The hardware address of the container, for an API in which ends of networks have none.
pub(super) fn container_mac(spec: &TaskSpec, api: ApiVersion) -> Option<MacAddress> {
    let first = spec.networks.first().filter(|_| api < ENDS_HAVE_MACS)?;
    first.endpoint.mac_address
}

/// How the container is found on a network.
pub(in super::super) fn endpoint(attachment: &NetworkAttachment) -> EndpointSettings {
    let Endpoint {
        ipv4_address,
        ipv6_address,
        link_local_addresses,
        mac_address,
        driver_options,
        gateway_priority,
        interface_name,
    } = &attachment.endpoint;
    let ipam = EndpointIpamConfig {
        ipv4_address: ipv4_address.map(|address| address.to_string()),
        ipv6_address: ipv6_address.map(|address| address.to_string()),
        link_local_ips: said(link_local_addresses.iter().map(ToString::to_string)),
    };
    let mut driver_options = driver_options.clone();
    if let Some(name) = interface_name {
        driver_options.insert(INTERFACE_NAME.to_owned(), name.clone());
    }
    EndpointSettings {
        aliases: Some(attachment.aliases.clone()),
        ipam_config: (ipam != EndpointIpamConfig::default()).then_some(ipam),
        mac_address: mac_address.map(|address| address.to_string()),
        driver_opts: said_map(&driver_options),
        gw_priority: gateway_priority.map(i64::from),
        ..EndpointSettings::default()
    }
}
