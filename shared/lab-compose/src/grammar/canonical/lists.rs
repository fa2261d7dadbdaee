//! Lists: of texts, of mappings with short forms, of hosts.

use std::collections::BTreeMap;

use super::{Canonical, EXPANDED_MAX};
use crate::codes;
use crate::grammar::{Expansion, Items, Names, Same, Shape};
use crate::sink::{Finding, Place};
use crate::trail::Trail;
use crate::yaml::{Node, Value};

impl Canonical<'_> {
    pub(super) fn items(&mut self, node: Node, items: &Items, trail: &Trail<'_>) -> Node {
        let place = node.place;
        let list = if items.lone && node.as_text().is_some() {
            vec![node]
        } else if node.as_list().is_none() {
            let wanted = if items.lone {
                "a text or a list"
            } else {
                "a list"
            };
            return self.refuse(&node, wanted, trail);
        } else if let Value::List(list) = node.value {
            list
        } else {
            Vec::new()
        };
        let mut out: Vec<Node> = Vec::new();
        let mut seen: BTreeMap<String, (usize, Place)> = BTreeMap::new();
        for (index, item) in list.into_iter().enumerate() {
            for full in self.item(item, items, &trail.item(index)) {
                let (Some(map), Some(identity)) = (full.as_map(), items.identity) else {
                    out.push(full);
                    continue;
                };
                let identity = identity(map);
                let Some((at, first)) = seen.get(&identity).copied() else {
                    seen.insert(identity, (out.len(), full.place));
                    out.push(full);
                    continue;
                };
                if let Some(code) = items.twice {
                    let message = format!("two entries of {trail} have the target {identity}");
                    self.sink
                        .add(Finding::refusal(code, full.place, message).related(first));
                }
                // As in Docker Compose the last one wins, in the place of the first.
                out[at] = full;
            }
        }
        Node::new(place, Value::List(out))
    }

    fn item(&mut self, item: Node, items: &Items, trail: &Trail<'_>) -> Vec<Node> {
        let place = item.place;
        let number = item.as_int().filter(|_| items.numbers);
        let short = number.map(|number| number.to_string());
        let short = short.or_else(|| item.as_text().map(str::to_owned));
        let (Some(short), Some(expand)) = (short, items.expand) else {
            if item.as_map().is_some() || item.value == Value::Invalid {
                return vec![self.node(item, &Shape::Object(items.object), trail)];
            }
            let wanted = match items.expand {
                Some(_) => "a text or a mapping",
                None => "a mapping",
            };
            return vec![self.refuse(&item, wanted, trail)];
        };
        let mut expansion = Expansion {
            place,
            trail,
            sink: self.sink,
        };
        let maps = expand(&mut expansion, &short);
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

    pub(super) fn names(&mut self, node: Node, names: Names, trail: &Trail<'_>) -> Node {
        let place = node.place;
        let node = if names.lone && node.as_text().is_some() {
            Node::new(place, Value::List(vec![node]))
        } else {
            node
        };
        let node = if names.numbers {
            numbers_as_texts(node)
        } else {
            node
        };
        let wanted = if names.lone {
            "a text or a list of texts"
        } else {
            "a list of texts"
        };
        let mut node = self.texts(node, wanted, trail);
        if let (Value::List(items), true) = (&mut node.value, names.filled) {
            items.retain(|item| item.as_text() != Some(""));
        }
        if names.same == Same::Replaced {
            return once(node);
        }
        node
    }

    /// `HOST=ADDRESS` or `HOST:ADDRESS`, or a mapping from hosts to their addresses.
    pub(super) fn hosts(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        let place = node.place;
        let mut out = Vec::new();
        if let Some(map) = node.as_map() {
            for entry in &map.0 {
                let trail = trail.key(&entry.key);
                let lone = std::slice::from_ref(&entry.node);
                for address in entry.node.as_list().unwrap_or(lone) {
                    match address.as_text() {
                        Some(text) => {
                            out.extend(self.host(&entry.key, text, address.place, &trail));
                        }
                        None => {
                            self.refuse(address, "a text", &trail);
                        }
                    }
                }
            }
            return Node::new(place, Value::List(out));
        }
        let node = self.texts(node, "a list of texts or a mapping", trail);
        crate::grammar::complete::listed_twice(
            node.as_list().unwrap_or_default(),
            trail,
            self.sink,
        );
        for (index, item) in node.as_list().unwrap_or_default().iter().enumerate() {
            let (text, trail) = (item.as_text().unwrap_or_default(), trail.item(index));
            let Some((host, addresses)) = text.split_once('=').or_else(|| text.split_once(':'))
            else {
                let message = format!("{trail} has no address: \"{text}\"");
                self.sink.add(
                    Finding::error(codes::BAD_PAIR, item.place, message)
                        .help("write HOST=ADDRESS, as in \"db=10.0.0.5\""),
                );
                continue;
            };
            for address in addresses.split(',') {
                out.extend(self.host(host, address, item.place, &trail));
            }
        }
        if node.value == Value::Invalid {
            return node;
        }
        Node::new(place, Value::List(out))
    }

    fn host(&mut self, host: &str, address: &str, place: Place, trail: &Trail<'_>) -> Option<Node> {
        if host.is_empty() || host.contains([':', '=']) {
            let message = format!("\"{host}\" in {trail} is not the name of a host");
            self.sink
                .add(Finding::error(codes::BAD_PAIR, place, message));
            return None;
        }
        let inner = address
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        let bare = inner.filter(|text| !text.is_empty()).unwrap_or(address);
        Some(Node::text(place, format!("{host}={bare}")))
    }

    /// A list of texts and nothing else.
    pub(super) fn texts(&mut self, node: Node, wanted: &str, trail: &Trail<'_>) -> Node {
        let mut refused = node.as_list().is_none();
        if refused {
            self.refuse(&node, wanted, trail);
        }
        for (index, item) in node.as_list().unwrap_or_default().iter().enumerate() {
            if item.as_text().is_none() {
                refused = true;
                if item.value != Value::Invalid {
                    self.refuse(item, "a text", &trail.item(index));
                }
            }
        }
        if refused {
            Node::invalid(node.place)
        } else {
            node
        }
    }
}

fn numbers_as_texts(mut node: Node) -> Node {
    if let Value::List(items) = &mut node.value {
        for item in items {
            if let Some(number) = item.as_int() {
                *item = Node::text(item.place, number.to_string());
            }
        }
    }
    node
}

/// Each text once: the last of those that are equal before a `=` stands where the first stood.
fn once(mut node: Node) -> Node {
    if let Value::List(items) = &mut node.value {
        let mut at: BTreeMap<String, usize> = BTreeMap::new();
        let mut kept: Vec<Node> = Vec::new();
        for item in std::mem::take(items) {
            let identity = name_identity(&item);
            match at.get(&identity) {
                Some(index) => kept[*index] = item,
                None => {
                    at.insert(identity, kept.len());
                    kept.push(item);
                }
            }
        }
        *items = kept;
    }
    node
}

/// What makes two texts of a list the same.
pub(crate) fn name_identity(item: &Node) -> String {
    let text = item.as_text().unwrap_or_default();
    text.split_once('=').map_or(text, |(key, _)| key).to_owned()
}
