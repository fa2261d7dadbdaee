//! Fixed host ports, and when two of them cannot be on one node.

use std::fmt;

use lab_types::{ForeignPort, PortProtocol, PortPublish};

/// A port of the host that a spec asks for by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fixed<'a> {
    host_ip: Option<&'a str>,
    port: u16,
    protocol: PortProtocol,
}

/// The fixed host ports among the published ones.
pub(crate) fn fixed(ports: &[PortPublish]) -> impl Iterator<Item = Fixed<'_>> {
    ports.iter().filter_map(|publish| {
        let host_ip = publish.host_ip.as_deref();
        Some(Fixed {
            // These mean "all addresses", and so collide with every single one.
            host_ip: host_ip.filter(|ip| !matches!(*ip, "" | "0.0.0.0" | "::")),
            port: publish.published.filter(|port| *port != 0)?,
            protocol: publish.protocol,
        })
    })
}

impl Fixed<'_> {
    /// Whether a node cannot offer both.
    pub(crate) fn collides(&self, other: &Fixed<'_>) -> bool {
        let same_address = match (self.host_ip, other.host_ip) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (None, _) | (_, None) => true,
        };
        self.port == other.port && self.protocol == other.protocol && same_address
    }

    /// Whether something outside the lab holds it.
    pub(crate) fn is_held_by(&self, foreign: &ForeignPort) -> bool {
        self.port == foreign.port && self.protocol == foreign.protocol
    }
}

impl fmt::Display for Fixed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host_ip {
            Some(ip) => write!(f, "{ip}:{}/{}", self.port, self.protocol),
            None => write!(f, "{}/{}", self.port, self.protocol),
        }
    }
}

/// Who holds a port, in words.
pub(crate) fn holder_words(foreign: &ForeignPort) -> String {
    foreign
        .holder
        .clone()
        .unwrap_or_else(|| "something outside the lab".to_owned())
}
