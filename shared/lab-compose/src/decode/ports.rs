//! Published ports.

use lab_types::PortProtocol;

use super::Decoder;
use crate::codes;
use crate::project::Port;
use crate::sink::Finding;
use crate::trail::Trail;
use crate::yaml::{Map, Node};

/// Ports of one service. Passive FTP and media servers publish a few hundred; each costs the engine
/// a firewall rule, and ten thousand of them minutes.
const PORTS_MAX: usize = 1_000;

impl Decoder<'_> {
    pub(super) fn ports(
        &mut self,
        service: &str,
        map: &Map,
        replicas: Option<u32>,
        trail: &Trail<'_>,
    ) -> Vec<Port> {
        let items = map.get("ports").and_then(Node::as_list).unwrap_or_default();
        let trail = trail.key("ports");
        let mut ports = Vec::new();
        if let (Some(first), true) = (items.first(), items.len() > PORTS_MAX) {
            let message = format!("{trail} holds more than {PORTS_MAX} ports");
            self.refuse(codes::BAD_PORT, first.place, message);
            return ports;
        }
        for (index, item) in items.iter().enumerate() {
            let Some(port) = item
                .as_map()
                .and_then(|map| self.port(map, &trail.item(index)))
            else {
                continue;
            };
            self.published
                .add(&port, service, item.place, replicas, self.sink);
            ports.push(port);
        }
        ports
    }

    fn port(&mut self, map: &Map, trail: &Trail<'_>) -> Option<Port> {
        self.mode(map, trail);
        let protocol = self.protocol(map, trail);
        let target = self.target(map, trail);
        let published = match map.get("published") {
            Some(node) => Some(self.published_port(node, trail)?),
            None => None,
        };
        let host_ip = map.get("host_ip").and_then(Node::as_text);
        Some(Port {
            host_ip: host_ip.map(str::to_owned),
            published,
            target: target?,
            protocol: protocol?,
        })
    }

    fn mode(&mut self, map: &Map, trail: &Trail<'_>) {
        let Some(node) = map.get("mode") else { return };
        match node.as_text() {
            None | Some("ingress") => {}
            Some("host") => {
                let message = format!("Tercio does not support the mode host of {trail} yet");
                self.sink.add(
                    Finding::refusal(codes::NOT_SUPPORTED, node.place, message)
                        .help("leave it out, or write ingress"),
                );
            }
            Some(other) => {
                let message =
                    format!("the mode of {trail} must be ingress or host, not \"{other}\"");
                self.refuse(codes::BAD_CHOICE, node.place, message);
            }
        }
    }

    fn protocol(&mut self, map: &Map, trail: &Trail<'_>) -> Option<PortProtocol> {
        let Some(node) = map.get("protocol") else {
            return Some(PortProtocol::Tcp);
        };
        match node.as_text()?.to_ascii_lowercase().as_str() {
            "tcp" => Some(PortProtocol::Tcp),
            "udp" => Some(PortProtocol::Udp),
            "sctp" => {
                let message = format!("Tercio does not support the protocol sctp of {trail} yet");
                self.refuse(codes::NOT_SUPPORTED, node.place, message);
                None
            }
            other => {
                let message =
                    format!("the protocol of {trail} must be tcp or udp, not \"{other}\"");
                self.refuse(codes::BAD_PORT, node.place, message);
                None
            }
        }
    }

    fn target(&mut self, map: &Map, trail: &Trail<'_>) -> Option<u16> {
        let node = map.get("target")?;
        let number = node.as_int()?;
        let port = u16::try_from(number).ok().filter(|port| *port != 0);
        if port.is_none() {
            let message = format!("the target of {trail} must be from 1 to 65535, not {number}");
            self.refuse(codes::BAD_PORT, node.place, message);
        }
        port
    }

    fn published_port(&mut self, node: &Node, trail: &Trail<'_>) -> Option<u16> {
        let word = node.as_text()?;
        let port = word.parse().ok();
        if port.is_some() {
            return port;
        }
        let finding = if word.split_once('-').is_some() {
            let message = format!("Tercio does not support a range of host ports in {trail} yet");
            Finding::refusal(codes::NOT_SUPPORTED, node.place, message)
                .help("name one host port, or none for any free one")
        } else {
            let message =
                format!("the host port of {trail} must be from 0 to 65535, not \"{word}\"");
            Finding::refusal(codes::BAD_PORT, node.place, message)
        };
        self.sink.add(finding);
        None
    }
}
