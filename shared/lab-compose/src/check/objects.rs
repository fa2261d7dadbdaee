//! What the sections besides services define, and values that only together make sense.

use std::net::IpAddr;

use super::entries;
use crate::codes;
use crate::sink::{Finding, Sink};
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Node};

pub(super) fn all(root: &Map, sink: &mut Sink) {
    let trail = Trail::ROOT.key("volumes");
    for entry in entries(root, "volumes") {
        external(entry, &trail.key(&entry.key), sink);
    }
    let sections: [(&str, &[&str]); 2] = [
        ("configs", &["file", "environment", "content"]),
        ("secrets", &["file", "environment"]),
    ];
    for (section, sources) in sections {
        let trail = Trail::ROOT.key(section);
        for entry in entries(root, section) {
            source(entry, sources, &trail.key(&entry.key), sink);
        }
    }
    let trail = Trail::ROOT.key("services");
    for entry in entries(root, "services") {
        if let Some(service) = entry.node.as_map() {
            let trail = trail.key(&entry.key);
            addresses(service, &trail.key("ports"), sink);
            requests(service.list("gpus"), &trail.key("gpus"), sink);
            let resources = service.map("deploy").and_then(|map| map.map("resources"));
            let reserved = resources.and_then(|map| map.map("reservations"));
            let devices = reserved.map(|map| map.list("devices")).unwrap_or_default();
            requests(devices, &trail.key("deploy"), sink);
        }
    }
}

fn is_external(map: &Map) -> bool {
    map.get("external").and_then(Node::as_bool).unwrap_or(false)
}

/// An external volume is described where it is made.
fn external(entry: &Entry, trail: &Trail<'_>, sink: &mut Sink) {
    let Some(map) = entry.node.as_map().filter(|map| is_external(map)) else {
        return;
    };
    for entry in &map.0 {
        if ["external", "name"].contains(&entry.key.as_str()) || entry.key.starts_with("x-") {
            continue;
        }
        let message = format!(
            "{trail} is external, so `{}` cannot be given here",
            entry.key
        );
        sink.add(
            Finding::error(codes::BAD_DEFINITION, entry.place, message)
                .help("what is external is made and described elsewhere"),
        );
    }
}

/// A config or secret has exactly one source.
fn source(entry: &Entry, sources: &[&str], trail: &Trail<'_>, sink: &mut Sink) {
    let Some(map) = entry.node.as_map() else {
        return;
    };
    let mut given = sources.iter().filter_map(|key| map.entry(key));
    let all = sources.join(", ");
    match (given.next(), given.next()) {
        (Some(first), Some(second)) => {
            let message = format!("{trail} has more than one of {all}");
            sink.add(
                Finding::error(codes::BAD_DEFINITION, second.place, message)
                    .related(first.place)
                    .help("keep one of them"),
            );
        }
        (None, None) if map.get("external").is_none() => {
            let message = format!("{trail} has none of {all}");
            sink.add(
                Finding::error(codes::BAD_DEFINITION, entry.place, message)
                    .help("say where its content comes from, or write `external: true`"),
            );
        }
        _ => {}
    }
}

fn addresses(service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    for (index, port) in service.list("ports").iter().enumerate() {
        let Some(node) = port.as_map().and_then(|map| map.get("host_ip")) else {
            continue;
        };
        let address = node.as_text().unwrap_or("0.0.0.0");
        if address.parse::<IpAddr>().is_err() {
            let trail = trail.item(index);
            let message = format!("the host_ip of {trail} is not an IP address: \"{address}\"");
            sink.add(Finding::error(codes::BAD_PORT, node.place, message));
        }
    }
}

/// A request for devices names how many, or which.
fn requests(list: &[Node], trail: &Trail<'_>, sink: &mut Sink) {
    for map in list.iter().filter_map(Node::as_map) {
        if let (Some(count), Some(ids)) = (map.entry("count"), map.entry("device_ids")) {
            let message = format!("a request of {trail} has both `count` and `device_ids`");
            sink.add(
                Finding::error(codes::BAD_DEFINITION, ids.place, message)
                    .related(count.place)
                    .help("say how many, or say which"),
            );
        }
    }
}
