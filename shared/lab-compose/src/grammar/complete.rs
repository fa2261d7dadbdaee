//! What must hold once all files are merged: values for keys, required keys, no entry twice, texts that
//! can be read.

mod values;

use std::collections::BTreeMap;

use super::canonical::objects::OLDER_NAME;
use super::{Object, Same, Shape, Table};
use crate::codes;
use crate::sink::{Finding, Place, Sink};
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Node, Value};

/// Reports what is missing in `node` and makes it invalid there.
pub(crate) fn complete(node: &mut Node, shape: &Shape, trail: &Trail<'_>, sink: &mut Sink) {
    if node.value == Value::Null {
        return without_value(node, shape, trail, sink);
    }
    match shape {
        Shape::Size(_) => return values::size(node, trail, sink),
        Shape::Duration => return values::duration(node, trail, sink),
        Shape::Words => return values::command(node, trail, sink),
        _ => {}
    }
    let place = node.place;
    match (&mut node.value, shape) {
        (
            Value::Map(map),
            Shape::Object(object)
            | Shape::ObjectOrText(object, _)
            | Shape::ObjectOrNumber(object)
            | Shape::Driven(object),
        ) => self::object(map, object, place, trail, sink),
        (Value::Map(map), Shape::Table(table) | Shape::Named(table)) => {
            named(map, table, trail, sink);
        }
        (Value::List(list), Shape::Items(items)) => {
            for (index, item) in list.iter_mut().enumerate() {
                complete(item, &Shape::Object(items.object), &trail.item(index), sink);
            }
        }
        (Value::List(list), Shape::Names(names)) if names.same == Same::Refused => {
            listed_twice(list, trail, sink);
        }
        _ => {}
    }
}

/// Reports texts that a list must not hold twice.
pub(super) fn listed_twice(list: &[Node], trail: &Trail<'_>, sink: &mut Sink) {
    let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
    for item in list {
        let text = item.as_text().unwrap_or_default();
        match seen.get(text) {
            Some(first) => {
                let message = format!("{trail} holds \"{text}\" twice");
                sink.add(Finding::error(codes::LISTED_TWICE, item.place, message).related(*first));
            }
            None => {
                seen.insert(text, item.place);
            }
        }
    }
}

fn named(map: &mut Map, table: &Table, trail: &Trail<'_>, sink: &mut Sink) {
    for entry in &mut map.0 {
        if entry.node.value != Value::Null || !table.bare {
            at_its_key(entry);
            let trail = trail.key(&entry.key);
            complete(&mut entry.node, &table.entry, &trail, sink);
        }
    }
}

/// A value that is not there is missed at its key.
fn at_its_key(entry: &mut Entry) {
    if entry.node.value == Value::Null {
        entry.node.place = entry.place;
    }
}

fn without_value(node: &mut Node, shape: &Shape, trail: &Trail<'_>, sink: &mut Sink) {
    if may_be_absent(shape, trail) {
        return;
    }
    let message = format!("{trail} has no value");
    sink.add(
        Finding::error(codes::WRONG_TYPE, node.place, message).help(
            "give it a value or remove the key; what belongs to it must be indented below it",
        ),
    );
    node.value = Value::Invalid;
}

/// Attributes whose key may stand alone, as if it were not there.
fn may_be_absent(shape: &Shape, trail: &Trail<'_>) -> bool {
    const KEYS: [&str; 3] = ["deploy", "develop", "pid"];
    match shape {
        // The engine then takes the image's own.
        Shape::Words | Shape::Anything | Shape::Ignored => true,
        Shape::Object(_) | Shape::Text => trail.last_key().is_some_and(|key| KEYS.contains(&key)),
        Shape::Choice(_)
        | Shape::Matching(..)
        | Shape::TextOrNumber
        | Shape::TextOrBoolean
        | Shape::Duration
        | Shape::Size(_)
        | Shape::Integer(_)
        | Shape::Float
        | Shape::Count
        | Shape::Mode
        | Shape::Boolean
        | Shape::StrictBoolean
        | Shape::External
        | Shape::Test
        | Shape::Pairs(_)
        | Shape::MultiOptions
        | Shape::Hosts
        | Shape::Names(_)
        | Shape::ObjectOrText(..)
        | Shape::ObjectOrNumber(_)
        | Shape::Driven(_)
        | Shape::Items(_)
        | Shape::Table(_)
        | Shape::Named(_) => false,
    }
}

fn object(map: &mut Map, object: &Object, place: Place, trail: &Trail<'_>, sink: &mut Sink) {
    for required in object.required {
        if map.get(required).is_none() {
            let message = format!("{trail} lacks `{required}`");
            sink.add(Finding::error(codes::BAD_DEFINITION, place, message));
            map.put(required, Node::invalid(place));
        }
    }
    older_name(map, trail, sink);
    for entry in &mut map.0 {
        if let Some(shape) = object.shape(&entry.key) {
            at_its_key(entry);
            complete(&mut entry.node, shape, &trail.key(&entry.key), sink);
        }
    }
}

/// The name of the older form of `external` is the name, unless there is another.
fn older_name(map: &mut Map, trail: &Trail<'_>, sink: &mut Sink) {
    let Some(at) = map.0.iter().position(|entry| entry.key == OLDER_NAME) else {
        return;
    };
    let older = map.0.remove(at);
    match map.get("name") {
        None => map.put("name", older.node),
        Some(name) if name.as_text() == older.node.as_text() => {}
        Some(name) => {
            let message = format!("{trail} has a `name` and another one in `external`");
            sink.add(
                Finding::error(codes::BAD_DEFINITION, older.node.place, message)
                    .related(name.place)
                    .help("write only `name`, and `external: true`"),
            );
        }
    }
}
