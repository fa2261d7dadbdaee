//! Mappings: of known keys, and by names.

use std::collections::BTreeMap;

use super::Canonical;
use crate::codes;
use crate::grammar::{Object, Shape, Table};
use crate::sink::{Finding, Place};
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Node, Value};

impl Canonical<'_> {
    pub(super) fn object(&mut self, node: Node, object: &Object, trail: &Trail<'_>) -> Node {
        let place = node.place;
        if node.as_map().is_none() {
            return self.refuse(&node, "a mapping", trail);
        }
        let Value::Map(map) = node.value else {
            return Node::invalid(place);
        };
        let mut out = Map::default();
        for entry in map.0 {
            match object.shape(&entry.key) {
                Some(Shape::Ignored) => {
                    let message =
                        format!("`{}` has no meaning any more and is left out", entry.key);
                    self.sink
                        .add(Finding::warning(codes::OBSOLETE, entry.place, message));
                }
                Some(Shape::External) if entry.node.as_map().is_some() => {
                    self.external(entry, &mut out, trail);
                }
                Some(shape) => {
                    let node = self.node(entry.node, shape, &trail.key(&entry.key));
                    out.0.push(Entry { node, ..entry });
                }
                None => self.unknown_key(&entry, object),
            }
        }
        Node::new(place, Value::Map(out))
    }

    /// `external: {name: NAME}` is an older form of `external: true` and `name: NAME`.
    fn external(&mut self, entry: Entry, out: &mut Map, trail: &Trail<'_>) {
        let place = entry.node.place;
        let trail = trail.key(&entry.key);
        let older = entry.node.as_map().and_then(|map| map.get("name")).cloned();
        if let Some(name) = older {
            let message = format!("{trail}.name is an older form");
            self.sink.add(
                Finding::warning(codes::OBSOLETE, name.place, message)
                    .help("write `external: true`, and `name` beside it"),
            );
            out.0.push(Entry {
                key: OLDER_NAME.to_owned(),
                place: entry.place,
                node: self.node(name, &Shape::Text, &trail.key("name")),
            });
        }
        let node = Node::new(place, Value::Bool(true));
        out.0.push(Entry { node, ..entry });
    }

    /// `[a, b]` as `{a: …, b: …}`.
    pub(super) fn listed(&mut self, node: Node, table: &Table, trail: &Trail<'_>) -> Node {
        let place = node.place;
        let node = self.texts(node, "a list of texts", trail);
        let Value::List(items) = node.value else {
            return Node::invalid(place);
        };
        let mut map = Map::default();
        let mut seen: BTreeMap<String, Place> = BTreeMap::new();
        for item in items {
            let name = item.as_text().unwrap_or_default().to_owned();
            if let Some(first) = seen.get(&name) {
                let message = format!("{trail} holds \"{name}\" twice");
                self.sink
                    .add(Finding::error(codes::LISTED_TWICE, item.place, message).related(*first));
                continue;
            }
            map.put(&name, Node::new(item.place, (table.listed)(item.place)));
            seen.insert(name, item.place);
        }
        Node::new(place, Value::Map(map))
    }

    pub(super) fn named(&mut self, node: Node, table: &Table, trail: &Trail<'_>) -> Node {
        let place = node.place;
        if node.as_map().is_none() {
            return self.refuse(&node, "a mapping", trail);
        }
        let Value::Map(map) = node.value else {
            return Node::invalid(place);
        };
        let entries = map.0.into_iter().map(|entry| {
            if table.plain_names && !is_plain(&entry.key) {
                let message = format!("the name `{}` in {trail} is not allowed", entry.key);
                self.sink.add(
                    Finding::error(codes::BAD_NAME, entry.place, message)
                        .help("use letters, digits, '.', '_' and '-'"),
                );
            }
            let node = self.node(entry.node, &table.entry, &trail.key(&entry.key));
            Entry { node, ..entry }
        });
        Node::new(place, Value::Map(Map(entries.collect())))
    }
}

/// Where the name of the older form of `external` waits until all files are merged: a `name` beside
/// it goes before.
pub(crate) const OLDER_NAME: &str = "external.name";

/// Whether only letters, digits, `.`, `_` and `-` make the name.
pub(crate) fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.is_empty() && name.chars().all(allowed)
}
