//! What must be there once all files are merged: values for keys, and required keys.

use super::{Object, Shape, Table};
use crate::codes;
use crate::sink::{Finding, Place, Sink};
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Node, Value};

/// Reports what is missing in `node` and makes it invalid there.
pub(crate) fn complete(node: &mut Node, shape: &Shape, trail: &Trail<'_>, sink: &mut Sink) {
    if node.value == Value::Null {
        return without_value(node, shape, trail, sink);
    }
    let place = node.place;
    if let Value::Map(map) = &mut node.value {
        match shape {
            Shape::Object(object) | Shape::ObjectOrText(object, _) => {
                self::object(map, object, place, trail, sink);
            }
            Shape::Table(table) | Shape::Named(table) => named(map, table, trail, sink),
            Shape::Text
            | Shape::TextOrNumber
            | Shape::Duration
            | Shape::Integer
            | Shape::Boolean
            | Shape::Words
            | Shape::Test
            | Shape::Pairs(_)
            | Shape::Names
            | Shape::Items(_)
            | Shape::Anything
            | Shape::Ignored => {}
        }
    }
    if let (Value::List(list), Shape::Items(items)) = (&mut node.value, shape) {
        for (index, item) in list.iter_mut().enumerate() {
            complete(item, &Shape::Object(items.object), &trail.item(index), sink);
        }
    }
}

fn named(map: &mut Map, table: &Table, trail: &Trail<'_>, sink: &mut Sink) {
    for entry in &mut map.0 {
        if entry.node.value != Value::Null || !table.bare {
            at_its_key(entry);
            let trail = trail.key(&entry.key);
            complete(&mut entry.node, &Shape::Object(table.object), &trail, sink);
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
    match shape {
        // The engine then takes the image's own.
        Shape::Words | Shape::Anything | Shape::Ignored => return,
        Shape::Text
        | Shape::TextOrNumber
        | Shape::Duration
        | Shape::Integer
        | Shape::Boolean
        | Shape::Test
        | Shape::Pairs(_)
        | Shape::Names
        | Shape::Object(_)
        | Shape::ObjectOrText(..)
        | Shape::Items(_)
        | Shape::Table(_)
        | Shape::Named(_) => {}
    }
    let message = format!("{trail} has no value");
    sink.add(
        Finding::error(codes::WRONG_TYPE, node.place, message).help(
            "give it a value or remove the key; what belongs to it must be indented below it",
        ),
    );
    node.value = Value::Invalid;
}

fn object(map: &mut Map, object: &Object, place: Place, trail: &Trail<'_>, sink: &mut Sink) {
    for required in object.required {
        if map.get(required).is_none() {
            let message = format!("{trail} lacks `{required}`");
            sink.add(Finding::error(codes::BAD_DEFINITION, place, message));
            map.put(required, Node::invalid(place));
        }
    }
    for entry in &mut map.0 {
        if let Some(shape) = object.shape(&entry.key) {
            at_its_key(entry);
            complete(&mut entry.node, shape, &trail.key(&entry.key), sink);
        }
    }
}
