//! What a service depends on without saying so.

use std::collections::BTreeSet;

use crate::sink::Place;
use crate::yaml::{Entry, Map, Node};

/// Attributes that may say `service:NAME`.
const NAMESPACES: [&str; 5] = ["network_mode", "ipc", "pid", "uts", "cgroup"];

/// Writes the defaults of dependencies out, and adds those that follow from other attributes.
pub(super) fn complete(service: &mut Map) {
    if let Some(dependencies) = service.map_mut("depends_on") {
        for entry in &mut dependencies.0 {
            let place = entry.place;
            if let Some(map) = entry.node.map_mut() {
                map.set_default("required", Node::boolean(place, true));
            }
        }
    }
    let implied = implied(service);
    let Some((_, first, _)) = implied.first() else {
        return;
    };
    service.set_default("depends_on", Node::mapping(*first));
    let Some(dependencies) = service.map_mut("depends_on") else {
        return;
    };
    let said = dependencies.0.iter().map(|entry| entry.key.clone());
    let mut said: BTreeSet<String> = said.collect();
    for (name, place, restart) in implied {
        if !said.insert(name.clone()) {
            continue;
        }
        let mut node = Node::mapping(place);
        if let Some(map) = node.map_mut() {
            map.put("condition", Node::text(place, "service_started"));
            map.put("restart", Node::boolean(place, restart));
            map.put("required", Node::boolean(place, true));
        }
        dependencies.0.push(Entry {
            key: name,
            place,
            node,
        });
    }
}

/// The services that are named elsewhere, where, and whether their restart is this one's too.
fn implied(service: &Map) -> Vec<(String, Place, bool)> {
    let mut implied = Vec::new();
    for link in service.list("links") {
        let text = link.as_text().unwrap_or_default();
        // `NAME:ALIAS`
        let name = match text.split_once(':') {
            Some((name, alias)) if !alias.contains(':') => name,
            _ => text,
        };
        implied.push((name.to_owned(), link.place, true));
    }
    for namespace in NAMESPACES {
        if let Some(node) = service.get(namespace)
            && let Some(name) = node
                .as_text()
                .and_then(|text| text.strip_prefix("service:"))
        {
            implied.push((name.to_owned(), node.place, true));
        }
    }
    for from in service.list("volumes_from") {
        let text = from.as_text().unwrap_or_default();
        if !text.starts_with("container:") {
            let name = text.split(':').next().unwrap_or_default();
            implied.push((name.to_owned(), from.place, false));
        }
    }
    implied
}
