//! Keys of mappings: texts only, each once, and `<<` replaced by what it brings.

use std::collections::BTreeMap;

use super::{Entry, Map, Marks, Node, Value};
use crate::codes;
use crate::sink::{Finding, Place, Sink};

/// A value with what it takes away from earlier files.
#[derive(Clone)]
pub(super) struct Valued {
    pub(super) node: Node,
    pub(super) marks: Marks,
    /// Whether it is a `!reset`: then it leaves nothing where it stands.
    pub(super) reset: bool,
}

impl Valued {
    pub(super) const fn plain(node: Node) -> Self {
        Self {
            node,
            marks: Marks::new(),
            reset: false,
        }
    }
}

/// A key as it was read.
pub(super) struct Key {
    place: Place,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Text(String),
    /// `<<`
    Merge,
    /// Reported; its value is dropped.
    Invalid,
}

impl Key {
    /// The key that `node` makes; `merges` tells an unquoted `<<`.
    pub(super) fn of(node: Node, merges: bool, sink: &mut Sink) -> Self {
        let place = node.place;
        let kind = match node.value {
            Value::Text(_) if merges => Kind::Merge,
            Value::Text(text) => Kind::Text(text.text),
            Value::Invalid => Kind::Invalid,
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Date(_)
            | Value::List(_)
            | Value::Map(_) => {
                report_not_text(&node, sink);
                Kind::Invalid
            }
        };
        Self { place, kind }
    }
}

fn report_not_text(node: &Node, sink: &mut Sink) {
    let shown = match node.value.scalar_text() {
        Some(text) => format!("`{text}`"),
        None => "it".to_owned(),
    };
    let message = format!("the key is {}, not a text", node.value.kind());
    sink.add(
        Finding::error(codes::KEY_NOT_TEXT, node.place, message)
            .help(format!("put {shown} in quotes")),
    );
}

/// The mapping that `entries` make, with its marks: own keys win over merged ones, earlier merged
/// mappings over later ones. A key that is reset is as if it were not there.
pub(super) fn finish(entries: Vec<(Key, Valued)>, sink: &mut Sink) -> (Map, Marks) {
    let mut places: BTreeMap<Kind, Place> = BTreeMap::new();
    let mut map = Map::default();
    let mut marks = Marks::new();
    let mut merged = None;
    let mut resets = Vec::new();
    for (key, valued) in entries {
        let node = valued.node;
        if let Some(first) = places.get(&key.kind) {
            report_duplicate(&key, *first, sink);
            continue;
        }
        match &key.kind {
            Kind::Text(name) => {
                marks.put(name, valued.marks);
                if valued.reset {
                    resets.push(key.kind.clone());
                } else {
                    map.0.push(Entry {
                        key: name.clone(),
                        place: key.place,
                        node,
                    });
                }
            }
            Kind::Merge => {
                marks.include(valued.marks);
                merged = (!valued.reset).then_some(node);
            }
            Kind::Invalid => continue,
        }
        places.insert(key.kind, key.place);
    }
    for reset in resets {
        places.remove(&reset);
    }
    for brought in merged.map(|node| sources(node, sink)).unwrap_or_default() {
        for entry in brought.0 {
            let kind = Kind::Text(entry.key.clone());
            if places.insert(kind.clone(), entry.place).is_none() {
                map.0.push(entry);
            }
        }
    }
    (map, marks)
}

fn report_duplicate(key: &Key, first: Place, sink: &mut Sink) {
    let name = match &key.kind {
        Kind::Text(name) => name,
        Kind::Merge => "<<",
        // Invalid keys are never remembered.
        Kind::Invalid => return,
    };
    let message = format!("the key `{name}` is already given at line {}", first.line);
    let help = match &key.kind {
        Kind::Merge => "write one `<<` with a list: `<<: [*first, *second]`",
        Kind::Text(_) | Kind::Invalid => "remove or rename one of the two",
    };
    sink.add(
        Finding::error(codes::DUPLICATE_KEY, key.place, message)
            .help(help)
            .related(first),
    );
}

/// The mappings that a `<<` brings in: one, or a list of them.
fn sources(node: Node, sink: &mut Sink) -> Vec<Map> {
    if let Value::List(items) = node.value {
        return items
            .into_iter()
            .filter_map(|item| source(item, sink))
            .collect();
    }
    source(node, sink).into_iter().collect()
}

fn source(node: Node, sink: &mut Sink) -> Option<Map> {
    let kind = node.value.kind();
    if let Value::Map(map) = node.value {
        return Some(map);
    }
    if node.value != Value::Invalid {
        let message = format!("`<<` takes a mapping or a list of mappings, not {kind}");
        sink.add(Finding::error(codes::WRONG_TYPE, node.place, message));
    }
    None
}
