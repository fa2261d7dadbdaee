//! The short forms: one text that stands for a mapping.

mod mount;
mod port;

pub(super) use mount::mount;
pub(super) use port::{port_identity, ports};

use super::Expansion;
use crate::sink::Place;
use crate::yaml::{Map, Node, Value};

/// `build: DIR`
pub(super) fn build(context: &str, place: Place) -> Map {
    let mut map = Map::default();
    map.put("context", Node::text(place, context));
    map
}

/// `env_file: FILE`
pub(super) fn env_file(expansion: &mut Expansion<'_>, path: &str) -> Vec<Map> {
    let place = expansion.place;
    let mut map = Map::default();
    map.put("path", Node::text(place, path));
    map.put("required", Node::new(place, Value::Bool(true)));
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
pub(super) fn text_of(map: &Map, key: &str) -> String {
    map.get(key)
        .and_then(|node| node.value.scalar_text())
        .unwrap_or_default()
}
