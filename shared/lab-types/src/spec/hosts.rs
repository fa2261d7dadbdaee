//! Names: the container's own, and how it finds others.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A container's own name, and where it looks names up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostNames {
    /// Its host name; absent for the beginning of its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Its domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domainname: Option<String>,
    /// Further lines of its `/etc/hosts`, in order; a name may have several addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<ExtraHost>,
    /// The name servers to ask, in order; empty for those of the node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<IpAddr>,
    /// Options of the resolver: `ndots:2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_options: Vec<String>,
    /// Domains in which a short name is looked for, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_search: Vec<String>,
}

/// A line of a container's `/etc/hosts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraHost {
    /// The name.
    pub name: String,
    /// Where it is.
    pub address: HostAddress,
}

/// Where a name of a container's `/etc/hosts` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostAddress {
    /// There.
    Ip(IpAddr),
    /// The node itself as the container reaches it, written `host-gateway`.
    HostGateway,
}

/// The engine's word for the node itself. Source: Docker Engine 20.10, `--add-host`.
const HOST_GATEWAY: &str = "host-gateway";

/// Why a text is not an address of a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is neither an IP address nor host-gateway")]
pub struct InvalidHostAddress {
    /// The text.
    pub text: String,
}

impl FromStr for HostAddress {
    type Err = InvalidHostAddress;

    /// An IPv6 address may stand in brackets.
    fn from_str(text: &str) -> Result<Self, InvalidHostAddress> {
        let inside = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let ip = match inside {
            Some(inside) => inside.parse::<Ipv6Addr>().map(IpAddr::V6),
            None => text.parse::<IpAddr>(),
        };
        match ip {
            Ok(ip) => Ok(Self::Ip(ip)),
            Err(_) if text == HOST_GATEWAY => Ok(Self::HostGateway),
            Err(_) => Err(InvalidHostAddress {
                text: text.to_owned(),
            }),
        }
    }
}

impl TryFrom<String> for HostAddress {
    type Error = InvalidHostAddress;

    fn try_from(text: String) -> Result<Self, InvalidHostAddress> {
        text.parse()
    }
}

impl From<HostAddress> for String {
    fn from(address: HostAddress) -> Self {
        address.to_string()
    }
}

impl std::fmt::Display for HostAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::HostGateway => f.write_str(HOST_GATEWAY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HostAddress;

    #[test]
    fn an_address_of_a_host_is_an_ip_or_the_node_itself() {
        for (text, shown) in [
            ("10.0.0.1", "10.0.0.1"),
            ("::1", "::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("host-gateway", "host-gateway"),
        ] {
            let address: HostAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
        }
        for bad in ["", "db", "[10.0.0.1]", "[::1", "10.0.0", "host_gateway"] {
            assert!(bad.parse::<HostAddress>().is_err(), "{bad:?}");
        }
    }
}
