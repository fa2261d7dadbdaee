//! The short forms: one text that stands for a mapping.

mod mount;
mod port;

pub(super) use mount::mount;
pub(super) use port::{port_identity, ports};

use super::Expansion;
use crate::codes;
use crate::sink::{Finding, Place};
use crate::yaml::{Map, Node, Value};

/// `build: DIR`
pub(super) fn build(context: &str, place: Place) -> Map {
    one("context", context, place)
}

fn one(key: &str, text: &str, place: Place) -> Map {
    let mut map = Map::default();
    map.put(key, Node::text(place, text));
    map
}

/// `env_file: FILE`
pub(super) fn env_file(expansion: &mut Expansion<'_>, path: &str) -> Vec<Map> {
    let place = expansion.place;
    let mut map = one("path", path, place);
    map.put("required", Node::new(place, Value::Bool(true)));
    vec![map]
}

/// `include: [FILE]`
pub(super) fn include(expansion: &mut Expansion<'_>, path: &str) -> Vec<Map> {
    let place = expansion.place;
    let mut map = Map::default();
    map.put(
        "path",
        Node::new(place, Value::List(vec![Node::text(place, path)])),
    );
    vec![map]
}

/// `configs: [NAME]`, `secrets: [NAME]`
pub(super) fn file(expansion: &mut Expansion<'_>, source: &str) -> Vec<Map> {
    vec![one("source", source, expansion.place)]
}

/// `devices: [SOURCE[:TARGET[:PERMISSIONS]]]`
pub(super) fn device(expansion: &mut Expansion<'_>, text: &str) -> Vec<Map> {
    let place = expansion.place;
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, permissions) = match parts.as_slice() {
        [source] => (*source, "", "rwm"),
        [source, target] => (*source, *target, "rwm"),
        [source, target, permissions] => (*source, *target, *permissions),
        _ => {
            let trail = expansion.trail;
            let message = format!("the device \"{text}\" in {trail} has too many colons");
            expansion.sink.add(
                Finding::error(codes::BAD_DEVICE, place, message)
                    .help("write SOURCE[:TARGET[:PERMISSIONS]], or the long form"),
            );
            return Vec::new();
        }
    };
    let target = if target.is_empty() { source } else { target };
    let mut map = one("source", source, place);
    map.put("target", Node::text(place, target));
    map.put("permissions", Node::text(place, permissions));
    vec![map]
}

/// `gpus: all`
pub(super) fn gpus(expansion: &mut Expansion<'_>, text: &str) -> Vec<Map> {
    let (place, trail) = (expansion.place, expansion.trail);
    if text != "all" {
        let message = format!("{trail} must be `all` or a list of requests, not \"{text}\"");
        let finding = Finding::error(codes::BAD_CHOICE, place, message);
        expansion.sink.add(finding);
        return Vec::new();
    }
    let mut map = Map::default();
    map.put("count", Node::new(place, Value::Int(-1)));
    vec![map]
}

/// `depends_on: [NAME]`
pub(super) fn dependency(place: Place) -> Value {
    let mut map = Map::default();
    map.put("condition", Node::text(place, "service_started"));
    map.put("required", Node::new(place, Value::Bool(true)));
    Value::Map(map)
}

/// The text of `key`, empty when there is none.
pub(crate) fn text_of(map: &Map, key: &str) -> String {
    map.get(key)
        .and_then(|node| node.value.scalar_text())
        .unwrap_or_default()
}
