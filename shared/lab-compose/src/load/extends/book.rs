//! The services that an `extends` may name.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::AllExtends;
use crate::yaml::{Map, Marks, Node, Value};

/// The services of one document, or of one file that is extended.
pub(super) struct Book {
    /// The file's absolute path.
    pub(super) path: String,
    /// The folder that its own `extends.file` start from.
    pub(super) dir: String,
    /// The names of its services.
    pub(super) names: BTreeSet<String>,
    /// Its documents as they were read; none for the project's own, whose services are in full form.
    pub(super) raw: Vec<(Node, Marks)>,
    /// Services in full form, those that extend others without what they extend.
    pub(super) services: BTreeMap<String, Node>,
    pub(super) extends: AllExtends,
    /// What its last document takes away from what is extended.
    pub(super) marks: Marks,
    /// Services that have what they extend.
    pub(super) whole: BTreeMap<String, Node>,
}

/// A section of a file.
pub(super) fn section<'m>(root: &'m mut Map, name: &str) -> Option<&'m mut Value> {
    let entry = root.0.iter_mut().find(|entry| entry.key == name)?;
    Some(&mut entry.node.value)
}

/// A file that holds nothing but this service.
pub(super) fn in_file(name: &str, service: Node) -> Map {
    let place = service.place;
    let mut services = Map::default();
    services.put(name, service);
    let mut root = Map::default();
    root.put("services", Node::new(place, Value::Map(services)));
    root
}

/// The service of a file that holds nothing else.
pub(super) fn of_file(mut root: Map) -> Option<Node> {
    match section(&mut root, "services")? {
        Value::Map(services) => Some(services.0.pop()?.node),
        _ => None,
    }
}
