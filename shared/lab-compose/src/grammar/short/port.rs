//! `[[ADDRESS:][HOST[-HOST]:]]CONTAINER[-CONTAINER][/PROTOCOL]`

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::text_of;
use crate::codes;
use crate::grammar::Expansion;
use crate::sink::Finding;
use crate::yaml::{Map, Node, Value};

/// A port in its short form; a range gives one mapping a port.
pub(in crate::grammar) fn ports(expansion: &mut Expansion<'_>, text: &str) -> Vec<Map> {
    match parse(text) {
        Ok(ports) => ports
            .into_iter()
            .map(|port| port.into_map(expansion))
            .collect(),
        Err(fault) => {
            let trail = expansion.trail;
            let Fault(why) = fault;
            let message = format!("the port \"{text}\" in {trail} cannot be read: {why}");
            let finding = Finding::error(codes::BAD_PORT, expansion.place, message)
                .help("write [[ADDRESS:]HOST:]CONTAINER[/tcp|/udp], as in \"8080:80\"");
            expansion.sink.add(finding);
            Vec::new()
        }
    }
}

/// Two ports of equal identity are the same publication.
pub(in crate::grammar) fn port_identity(port: &Map) -> String {
    let or = |key, default: &str| match text_of(port, key) {
        text if text.is_empty() => default.to_owned(),
        text => text,
    };
    format!(
        "{}:{}:{}/{}",
        or("host_ip", "0.0.0.0"),
        text_of(port, "published"),
        text_of(port, "target"),
        or("protocol", "tcp")
    )
}

/// Why a text is no port.
#[derive(Debug, PartialEq, Eq)]
struct Fault(&'static str);

#[derive(Debug, PartialEq, Eq)]
struct Port {
    host_ip: Option<String>,
    /// A port of the host, or a range of which the engine takes one.
    published: Option<String>,
    target: u16,
    protocol: String,
}

impl Port {
    fn into_map(self, expansion: &Expansion<'_>) -> Map {
        let place = expansion.place;
        let mut map = Map::default();
        map.put("mode", Node::text(place, "ingress"));
        if let Some(host_ip) = self.host_ip {
            map.put("host_ip", Node::text(place, host_ip));
        }
        map.put(
            "target",
            Node::new(place, Value::Int(i128::from(self.target))),
        );
        if let Some(published) = self.published {
            map.put("published", Node::text(place, published));
        }
        map.put("protocol", Node::text(place, self.protocol));
        map
    }
}

fn parse(text: &str) -> Result<Vec<Port>, Fault> {
    let (rest, target) = match text.rsplit_once(':') {
        Some((rest, target)) => (Some(rest), target),
        None => (None, text),
    };
    let (target, protocol) = match target.split_once('/') {
        Some((target, protocol)) => (target, protocol.split('/').next().unwrap_or_default()),
        None => (target, ""),
    };
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "" => "tcp".to_owned(),
        known @ ("tcp" | "udp" | "sctp") => known.to_owned(),
        _ => return Err(Fault("the protocol must be tcp or udp")),
    };
    let (host_ip, published) = match rest.map(|rest| rest.rsplit_once(':').unwrap_or(("", rest))) {
        Some((host_ip, published)) => (address(host_ip)?, published),
        None => (None, ""),
    };
    let targets = range(target, 1)?;
    let hosts = match published {
        "" => None,
        published => Some(range(published, 0)?),
    };
    let any_of = hosts
        .clone()
        .filter(|hosts| hosts.len() > 1 && targets.len() == 1);
    if let Some(hosts) = &hosts
        && any_of.is_none()
        && hosts.len() != targets.len()
    {
        return Err(Fault("the two ranges differ in length"));
    }
    let mut hosts = hosts.into_iter().flatten();
    let mut ports: Vec<Port> = targets
        .map(|target| Port {
            host_ip: host_ip.clone(),
            published: match &any_of {
                Some(range) => Some(format!("{}-{}", range.start(), range.end())),
                None => hosts.next().map(|host| host.to_string()),
            },
            target,
            protocol: protocol.clone(),
        })
        .collect();
    // Docker Compose sorts the ports of a range as texts: 10 before 9.
    ports.sort_by_key(|port| port.target.to_string());
    Ok(ports)
}

fn address(text: &str) -> Result<Option<String>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    match bare.parse::<IpAddr>() {
        Ok(_) => Ok(Some(bare.to_owned())),
        Err(_) => Err(Fault("the part before the host port is not an IP address")),
    }
}

fn range(text: &str, least: u16) -> Result<RangeInclusive<u16>, Fault> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (number(from, least)?, number(to, least)?);
    if from > to {
        return Err(Fault("the range ends before it begins"));
    }
    Ok(from..=to)
}

fn number(text: &str, least: u16) -> Result<u16, Fault> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if plain { text.parse().ok() } else { None };
    number
        .filter(|number| *number >= least)
        .ok_or(Fault("ports are numbers from 1 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::{Fault, parse};

    fn shown(text: &str) -> String {
        let port = |port: super::Port| {
            let host_ip = port.host_ip.unwrap_or_else(|| "*".to_owned());
            let published = port.published.unwrap_or("?".to_owned());
            format!("{host_ip} {published}>{}/{}", port.target, port.protocol)
        };
        match parse(text) {
            Ok(ports) => ports.into_iter().map(port).collect::<Vec<_>>().join(", "),
            Err(Fault(why)) => why.to_owned(),
        }
    }

    #[test]
    fn every_short_form_is_read() {
        let cases = [
            ("80", "* ?>80/tcp"),
            ("8080:80", "* 8080>80/tcp"),
            ("0:80", "* 0>80/tcp"),
            (":80", "* ?>80/tcp"),
            ("127.0.0.1:8080:80/udp", "127.0.0.1 8080>80/udp"),
            ("127.0.0.1::5000", "127.0.0.1 ?>5000/tcp"),
            ("[::1]:90:90", "::1 90>90/tcp"),
            ("::1:90:90", "::1 90>90/tcp"),
            ("3000-3001", "* ?>3000/tcp, * ?>3001/tcp"),
            ("3000-3001:4000-4001", "* 3000>4000/tcp, * 3001>4001/tcp"),
            ("80/UDP", "* ?>80/udp"),
            ("8000-8010:80", "* 8000-8010>80/tcp"),
            ("9-10", "* ?>10/tcp, * ?>9/tcp"),
            ("80/sctp", "* ?>80/sctp"),
            ("80/", "* ?>80/tcp"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_port_is_refused_with_the_reason() {
        let numbers = "ports are numbers from 1 to 65535";
        let cases = [
            ("", numbers),
            ("http", numbers),
            ("0", numbers),
            ("70000:80", numbers),
            ("80:", numbers),
            ("-80", numbers),
            ("+80", numbers),
            (
                "localhost:80:80",
                "the part before the host port is not an IP address",
            ),
            ("1-2:3-5", "the two ranges differ in length"),
            ("9-8", "the range ends before it begins"),
            ("80/x", "the protocol must be tcp or udp"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }
}
