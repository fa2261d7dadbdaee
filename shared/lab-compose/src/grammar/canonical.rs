//! One file's tree against the grammar: unknown keys and wrong types are reported, short forms
//! written out. What comes out holds only what the grammar allows; what was refused is invalid.

mod single;
mod unknown;

use std::collections::BTreeMap;

use super::{Expansion, Items, Object, Shape, Table, pairs};
use crate::codes;
use crate::sink::{Finding, Place, Sink};
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Node, Value};

/// `node`, which stands at `trail`, in the full form of `shape`. An absent value stays absent:
/// in a later file it leaves the earlier one's as it is.
pub(crate) fn canonical(node: Node, shape: &Shape, trail: &Trail<'_>, sink: &mut Sink) -> Node {
    Canonical { sink, expanded: 0 }.node(node, shape, trail)
}

/// Entries that the short forms of one file may stand for; ranges make many of one.
const EXPANDED_MAX: usize = 20_000;

struct Canonical<'a> {
    sink: &'a mut Sink,
    expanded: usize,
}

impl Canonical<'_> {
    fn node(&mut self, node: Node, shape: &Shape, trail: &Trail<'_>) -> Node {
        let free = matches!(shape, Shape::Anything | Shape::Ignored);
        if free || matches!(node.value, Value::Null | Value::Invalid) {
            return node;
        }
        if let Value::Date(date) = &node.value {
            super::refuse_date(date, node.place, trail, self.sink);
            return Node::invalid(node.place);
        }
        match shape {
            Shape::Anything | Shape::Ignored => node,
            Shape::Text => self.text(node, trail),
            Shape::TextOrNumber => match node.as_int() {
                Some(number) => Node::text(node.place, number.to_string()),
                None => self.text(node, trail),
            },
            Shape::Duration => match node.as_int() {
                Some(number) => self.unitless(&node, number, trail),
                None => self.text(node, trail),
            },
            Shape::Integer => self.integer(node, trail),
            Shape::Boolean => self.boolean(node, trail),
            Shape::Words => self.words(node, trail),
            Shape::Test => self.test(node, trail),
            Shape::Pairs(bare) => pairs::canonical(node, *bare, trail, self.sink),
            Shape::Names => self.texts(node, "a list of texts", trail),
            Shape::Object(object) => self.object(node, object, trail),
            Shape::ObjectOrText(object, expand) => match node.as_text() {
                Some(text) => Node::new(node.place, Value::Map(expand(text, node.place))),
                None if node.as_map().is_none() => self.refuse(&node, "a text or a mapping", trail),
                None => self.object(node, object, trail),
            },
            Shape::Items(items) => self.items(node, items, trail),
            Shape::Table(table) if node.as_list().is_some() => self.listed(node, table, trail),
            Shape::Table(_) if node.as_map().is_none() => {
                self.refuse(&node, "a list or a mapping", trail)
            }
            Shape::Table(table) | Shape::Named(table) => self.named(node, table, trail),
        }
    }

    /// Reports that `node` is not what was `wanted`.
    fn refuse(&mut self, node: &Node, wanted: &str, trail: &Trail<'_>) -> Node {
        let message = format!("{trail} must be {wanted}, not {}", node.value.kind());
        let mut finding = Finding::error(codes::WRONG_TYPE, node.place, message);
        if let (true, Some(text)) = (wanted.starts_with("a text"), node.value.scalar_text()) {
            finding = finding.help(format!("put it in quotes: \"{text}\""));
        }
        self.sink.add(finding);
        Node::invalid(node.place)
    }

    fn text(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        match node.as_text() {
            Some(_) => node,
            None => self.refuse(&node, "a text", trail),
        }
    }

    fn object(&mut self, node: Node, object: &Object, trail: &Trail<'_>) -> Node {
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
                Some(shape) => {
                    let node = self.node(entry.node, shape, &trail.key(&entry.key));
                    out.0.push(Entry { node, ..entry });
                }
                None => self.unknown_key(&entry, object, trail),
            }
        }
        Node::new(place, Value::Map(out))
    }

    fn items(&mut self, node: Node, items: &Items, trail: &Trail<'_>) -> Node {
        let place = node.place;
        let list = if items.lone && node.as_text().is_some() {
            vec![node]
        } else if node.as_list().is_none() {
            return self.refuse(
                &node,
                if items.lone {
                    "a text or a list"
                } else {
                    "a list"
                },
                trail,
            );
        } else if let Value::List(list) = node.value {
            list
        } else {
            Vec::new()
        };
        let mut out: Vec<Node> = Vec::new();
        let mut seen: BTreeMap<String, Place> = BTreeMap::new();
        for (index, item) in list.into_iter().enumerate() {
            for full in self.item(item, items, &trail.item(index)) {
                let Some(map) = full.as_map() else {
                    out.push(full);
                    continue;
                };
                let identity = (items.identity)(map);
                match (seen.get(&identity), items.twice) {
                    (None, _) => {
                        seen.insert(identity, full.place);
                        out.push(full);
                    }
                    (Some(first), Some(code)) => {
                        let message = format!("two entries of {trail} have the target {identity}");
                        self.sink
                            .add(Finding::error(code, full.place, message).related(*first));
                    }
                    (Some(_), None) => {}
                }
            }
        }
        Node::new(place, Value::List(out))
    }

    fn item(&mut self, item: Node, items: &Items, trail: &Trail<'_>) -> Vec<Node> {
        let place = item.place;
        let number = item.as_int().filter(|_| items.numbers);
        let short = number.map(|number| number.to_string());
        let Some(short) = short.or_else(|| item.as_text().map(str::to_owned)) else {
            if item.as_map().is_some() || item.value == Value::Invalid {
                return vec![self.node(item, &Shape::Object(items.object), trail)];
            }
            return vec![self.refuse(&item, "a text or a mapping", trail)];
        };
        let mut expansion = Expansion {
            place,
            trail,
            sink: self.sink,
        };
        let maps = (items.expand)(&mut expansion, &short);
        self.expanded += maps.len();
        if self.expanded > EXPANDED_MAX {
            let message = format!("the ranges in {trail} stand for too many entries");
            self.sink
                .add(Finding::error(codes::TOO_LARGE, place, message));
            return Vec::new();
        }
        if maps.is_empty() {
            // It was reported; the entries after it keep their numbers.
            return vec![Node::invalid(place)];
        }
        maps.into_iter()
            .map(|map| Node::new(place, Value::Map(map)))
            .collect()
    }

    /// `[a, b]` as `{a: …, b: …}`.
    fn listed(&mut self, node: Node, table: &Table, trail: &Trail<'_>) -> Node {
        let place = node.place;
        let node = self.texts(node, "a list of texts", trail);
        let Value::List(items) = node.value else {
            return Node::invalid(place);
        };
        let mut map = Map::default();
        let mut seen = std::collections::BTreeSet::new();
        for item in items {
            let name = item.as_text().unwrap_or_default().to_owned();
            if seen.insert(name.clone()) {
                map.put(&name, Node::new(item.place, (table.listed)(item.place)));
            }
        }
        Node::new(place, Value::Map(map))
    }

    fn named(&mut self, node: Node, table: &Table, trail: &Trail<'_>) -> Node {
        let place = node.place;
        if node.as_map().is_none() {
            return self.refuse(&node, "a mapping", trail);
        }
        let Value::Map(map) = node.value else {
            return Node::invalid(place);
        };
        let entries = map.0.into_iter().map(|entry| {
            let node = self.node(
                entry.node,
                &Shape::Object(table.object),
                &trail.key(&entry.key),
            );
            Entry { node, ..entry }
        });
        Node::new(place, Value::Map(Map(entries.collect())))
    }
}
