//! `environment`, `labels`, `args`: a mapping, or a list of `KEY=VALUE`.

use std::collections::BTreeMap;

use super::{Bare, Pairs, Values};
use crate::codes;
use crate::sink::{Finding, Place, Sink};
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Node, Value};

/// The pairs as a mapping to texts; a null is a value to be taken from the environment, or none.
pub(super) fn canonical(node: Node, rule: Pairs, trail: &Trail<'_>, sink: &mut Sink) -> Node {
    let place = node.place;
    let kind = node.value.kind();
    let entries = if let Value::Map(map) = node.value {
        from_map(map, rule, trail, sink)
    } else if let (Value::List(items), true) = (node.value, rule.listed) {
        from_list(items, rule, trail, sink)
    } else {
        let wanted = if rule.listed {
            "a mapping or a list of KEY=VALUE"
        } else {
            "a mapping"
        };
        let message = format!("{trail} must be {wanted}, not {kind}");
        sink.add(Finding::error(codes::WRONG_TYPE, place, message));
        return Node::invalid(place);
    };
    Node::new(place, Value::Map(Map(entries)))
}

fn absent(bare: Bare, place: Place) -> Node {
    match bare {
        Bare::FromEnvironment | Bare::Absent => Node::new(place, Value::Null),
        Bare::Empty => Node::text(place, ""),
    }
}

fn from_map(map: Map, rule: Pairs, trail: &Trail<'_>, sink: &mut Sink) -> Vec<Entry> {
    let full = |entry: Entry| {
        let place = entry.node.place;
        if entry.key.is_empty() {
            let message = format!("{trail} has an empty key");
            sink.add(Finding::error(codes::BAD_PAIR, entry.place, message));
        }
        let node = match (&entry.node.value, entry.node.value.scalar_text()) {
            (value, _) if !is_allowed(value, rule.values) => {
                let path = trail.key(&entry.key);
                let message = format!("{path} must be a text, not {}", value.kind());
                sink.add(Finding::error(codes::WRONG_TYPE, place, message));
                Node::invalid(place)
            }
            (Value::Null, _) => absent(rule.bare, place),
            (_, Some(text)) => Node::text(place, text),
            (Value::Invalid, _) => Node::invalid(place),
            (Value::Date(date), _) => {
                super::refuse_date(date, place, &trail.key(&entry.key), sink);
                Node::invalid(place)
            }
            (other, None) => {
                let path = trail.key(&entry.key);
                let message = format!("{path} must be a single value, not {}", other.kind());
                sink.add(Finding::error(codes::WRONG_TYPE, place, message));
                Node::invalid(place)
            }
        };
        Entry { node, ..entry }
    };
    map.0.into_iter().map(full).collect()
}

/// Whether a value other than a text can stand for one; what is no single value is told elsewhere.
const fn is_allowed(value: &Value, values: Values) -> bool {
    match value {
        Value::Bool(_) => matches!(values, Values::All),
        Value::Null => matches!(values, Values::All | Values::NumbersOrNone),
        Value::Int(_) | Value::Float(_) => !matches!(values, Values::Texts),
        Value::Text(_) | Value::Date(_) | Value::List(_) | Value::Map(_) | Value::Invalid => true,
    }
}

fn from_list(items: Vec<Node>, rule: Pairs, trail: &Trail<'_>, sink: &mut Sink) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut index_of: BTreeMap<String, usize> = BTreeMap::new();
    for (index, item) in items.into_iter().enumerate() {
        let place = item.place;
        let Some(text) = item.as_text() else {
            if item.value != Value::Invalid {
                let path = trail.item(index);
                let message = format!("{path} must be KEY=VALUE, not {}", item.value.kind());
                let finding = Finding::error(codes::BAD_PAIR, place, message);
                sink.add(match item.as_map() {
                    Some(_) => {
                        finding.help("write `- KEY=VALUE`, or leave out the `-` of every line")
                    }
                    None => finding,
                });
            }
            continue;
        };
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (text, None),
        };
        let path = trail.item(index);
        let fault = if key.is_empty() {
            Some(format!("{path} has no key before the `=`"))
        } else if key.ends_with(char::is_whitespace) && rule.bare == Bare::FromEnvironment {
            Some(format!("{path} has a blank before the `=`"))
        } else if rule.bare == Bare::Absent && value.is_none() && key != "default" {
            Some(format!("{path} has no path; only `default` needs none"))
        } else if rule.valued && value.is_none() {
            Some(format!("{path} has no `=` with a value after it"))
        } else {
            None
        };
        if let Some(message) = fault {
            sink.add(Finding::error(codes::BAD_PAIR, place, message));
            continue;
        }
        let node = value.map_or_else(
            || absent(rule.bare, place),
            |value| Node::text(place, value),
        );
        match index_of.get(key) {
            // The last one wins and stands where the first one stood.
            Some(at) => {
                if rule.unique && entries[*at].node.as_text() == node.as_text() {
                    let message = format!("{trail} holds \"{text}\" twice");
                    let first = entries[*at].place;
                    sink.add(Finding::error(codes::LISTED_TWICE, place, message).related(first));
                }
                entries[*at].node = node;
            }
            None => {
                index_of.insert(key.to_owned(), entries.len());
                entries.push(Entry {
                    key: key.to_owned(),
                    place,
                    node,
                });
            }
        }
    }
    entries
}
