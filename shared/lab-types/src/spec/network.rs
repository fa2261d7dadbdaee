//! How a container is on networks.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{PortProtocol, is_default};
use crate::ids::{EngineName, NetworkName};

/// What a container has for a network. Source: Compose specification, `network_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// The networks of its spec; the engine's default one if it has none.
    #[default]
    Networks,
    /// None but its own loopback.
    None,
    /// The node's own.
    Host,
}

/// A container's port that others on its networks may use; nothing is published by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExposedPort {
    /// The container's port.
    pub target: u16,
    /// Which protocol.
    pub protocol: PortProtocol,
}

/// A network that a container joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAttachment {
    /// Its key in the project.
    pub network: NetworkName,
    /// Its name on the engine.
    pub engine_name: EngineName,
    /// Names under which the container is found there, besides its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What the container's end of it is like.
    #[serde(default, skip_serializing_if = "is_default")]
    pub endpoint: Endpoint,
}

/// A container's end of a network. What is absent, the engine chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its address there, of one of the network's own subnets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_address: Option<Ipv4Addr>,
    /// Its address there, of one of the network's own subnets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_address: Option<Ipv6Addr>,
    /// Further addresses that are valid on this link alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link_local_addresses: Vec<IpAddr>,
    /// Its hardware address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<MacAddress>,
    /// Words for the network's driver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub driver_options: BTreeMap<String, String>,
    /// The network with the highest one leads out; absent for 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_priority: Option<i32>,
    /// The name of its interface in the container: `lan0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface_name: Option<String>,
}

/// A hardware address of six bytes: `02:42:ac:11:00:02`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress([u8; 6]);

/// Why a text is not a hardware address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a MAC address: write six bytes, like 02:42:ac:11:00:02")]
pub struct InvalidMacAddress {
    /// The text.
    pub text: String,
}

impl FromStr for MacAddress {
    type Err = InvalidMacAddress;

    fn from_str(text: &str) -> Result<Self, InvalidMacAddress> {
        let invalid = || InvalidMacAddress {
            text: text.to_owned(),
        };
        let separator = if text.contains('-') { '-' } else { ':' };
        let byte = |part: &str| {
            let is_byte = part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
            is_byte.then(|| u8::from_str_radix(part, 16).ok()).flatten()
        };
        let bytes: Option<Vec<u8>> = text.split(separator).map(byte).collect();
        let bytes = bytes.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(invalid)
    }
}

impl TryFrom<String> for MacAddress {
    type Error = InvalidMacAddress;

    fn try_from(text: String) -> Result<Self, InvalidMacAddress> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(address: MacAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::MacAddress;

    #[test]
    fn a_hardware_address_has_one_form_and_six_bytes() {
        for text in ["02:42:AC:11:00:02", "02-42-ac-11-00-02"] {
            let address: MacAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), "02:42:ac:11:00:02");
        }
        for bad in [
            "",
            "02:42",
            "02:42:ac:11:00:0g",
            "2:42:ac:11:00:02",
            "02:42:ac:11:00:02:03",
        ] {
            assert!(bad.parse::<MacAddress>().is_err(), "{bad:?}");
        }
    }
}
