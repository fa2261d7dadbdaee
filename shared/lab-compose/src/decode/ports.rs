//! Published ports.

use std::net::IpAddr;

use lab_types::PortProtocol;

use super::Decoder;
use crate::codes;
use crate::project::Port;
use crate::sink::Finding;
use crate::trail::Trail;
use crate::yaml::{Map, Node};

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
        let host_ip = match map.get("host_ip") {
            Some(node) => Some(self.host_ip(node, trail)?),
            None => None,
        };
        Some(Port {
            host_ip,
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
                    Finding::error(codes::NOT_SUPPORTED, node.place, message)
                        .help("leave it out, or write ingress"),
                );
            }
            Some(other) => {
                let message =
                    format!("the mode of {trail} must be ingress or host, not \"{other}\"");
                self.error(codes::BAD_CHOICE, node.place, message);
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
                self.error(codes::NOT_SUPPORTED, node.place, message);
                None
            }
            other => {
                let message =
                    format!("the protocol of {trail} must be tcp or udp, not \"{other}\"");
                self.error(codes::BAD_PORT, node.place, message);
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
            self.error(codes::BAD_PORT, node.place, message);
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
            Finding::error(codes::NOT_SUPPORTED, node.place, message)
                .help("name one host port, or none for any free one")
        } else {
            let message =
                format!("the host port of {trail} must be from 0 to 65535, not \"{word}\"");
            Finding::error(codes::BAD_PORT, node.place, message)
        };
        self.sink.add(finding);
        None
    }

    fn host_ip(&mut self, node: &Node, trail: &Trail<'_>) -> Option<String> {
        let address = node.as_text()?;
        if address.parse::<IpAddr>().is_ok() {
            return Some(address.to_owned());
        }
        let message = format!("the host_ip of {trail} is not an IP address: \"{address}\"");
        self.error(codes::BAD_PORT, node.place, message);
        None
    }
}
