//! An included project's resources put among those of the file that includes it.

use std::collections::BTreeMap;

use crate::codes;
use crate::sink::{Finding, Sink};
use crate::yaml::{Entry, Map, Node, Value};

/// The sections that are brought in; the others are the included project's own affair.
const SECTIONS: &[&str] = &[
    "services", "volumes", "networks", "secrets", "configs", "models",
];

/// Puts what included projects define into the file that includes them.
pub(super) struct Importer<'r> {
    root: &'r mut Map,
    /// Section → name → which entry of the section it is.
    known: BTreeMap<String, BTreeMap<String, usize>>,
}

impl<'r> Importer<'r> {
    pub(super) fn new(root: &'r mut Map) -> Self {
        let known = BTreeMap::new();
        Self { root, known }
    }

    /// Brings in what `model` defines. The same thing twice is one thing; two things of one name are
    /// reported.
    pub(super) fn import(&mut self, model: Map, sink: &mut Sink) {
        for section in model.0 {
            let Value::Map(entries) = section.node.value else {
                continue;
            };
            if !SECTIONS.contains(&section.key.as_str()) {
                continue;
            }
            if self.root.get(&section.key).is_none() {
                let empty = Value::Map(Map::default());
                self.root
                    .put(&section.key, Node::new(section.node.place, empty));
            }
            let own = self.root.0.iter_mut().find(|own| own.key == section.key);
            let Some(own) = own.map(|own| &mut own.node) else {
                continue;
            };
            if own.value == Value::Null {
                own.value = Value::Map(Map::default());
            }
            // Anything but a mapping was reported.
            if let Value::Map(into) = &mut own.value {
                let known = self.known.entry(section.key.clone());
                let known = known.or_insert_with(|| index(into));
                add(entries, into, known, &section.key, sink);
            }
        }
    }
}

fn index(map: &Map) -> BTreeMap<String, usize> {
    let entries = map.0.iter().enumerate();
    entries
        .map(|(index, entry)| (entry.key.clone(), index))
        .collect()
}

fn add(
    entries: Map,
    into: &mut Map,
    known: &mut BTreeMap<String, usize>,
    section: &str,
    sink: &mut Sink,
) {
    for entry in entries.0 {
        match known.get(&entry.key) {
            None => {
                known.insert(entry.key.clone(), into.0.len());
                into.0.push(entry);
            }
            Some(index) => {
                let there = &into.0[*index];
                if !same(&there.node, &entry.node) {
                    report(there, &entry, section, sink);
                }
            }
        }
    }
}

fn report(there: &Entry, entry: &Entry, section: &str, sink: &mut Sink) {
    let message = format!("{section}.{} conflicts with imported resource", entry.key);
    sink.add(
        Finding::error(codes::INCLUDE_CONFLICT, there.place, message)
            .help("rename one of the two; what is included can be changed only by a file that is laid over it: `include: [{path: [FILE, OVERRIDE]}]`")
            .related(entry.place),
    );
}

/// Whether two values are the same, wherever they stand.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Text(a), Value::Text(b)) => a.text == b.text,
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            let by_key = |map: &Map| -> Vec<usize> {
                let mut order: Vec<usize> = (0..map.0.len()).collect();
                order.sort_by(|left, right| map.0[*left].key.cmp(&map.0[*right].key));
                order
            };
            a.0.len() == b.0.len()
                && by_key(a).into_iter().zip(by_key(b)).all(|(left, right)| {
                    let (left, right) = (&a.0[left], &b.0[right]);
                    left.key == right.key && same(&left.node, &right.node)
                })
        }
        (a, b) => a == b,
    }
}
