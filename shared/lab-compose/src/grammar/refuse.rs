//! What the files say and Tercio cannot act on: found by the tables, told by name and place.

use super::{Field, Object, Print, Shape, Support};
use crate::codes;
use crate::sink::{Finding, Sink};
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Node, Value};

/// Reports every attribute below `map` that is not acted on. One that says nothing, such as
/// `privileged: false`, is none.
pub(crate) fn refuse(map: &Map, object: &'static Object, trail: &Trail<'_>, sink: &mut Sink) {
    for entry in &map.0 {
        let Some(field) = object.field(&entry.key) else {
            continue;
        };
        let trail = trail.key(&entry.key);
        match field.support {
            Support::Refused { why, instead } => {
                if says_something(&entry.node, field) {
                    tell(entry, why, instead, &trail, sink);
                }
            }
            Support::Applied | Support::Constraint(_) | Support::Partly(_) => {
                below(&entry.node, &field.shape, &trail, sink);
            }
            Support::Read | Support::Note(_) => {}
        }
    }
}

fn below(node: &Node, shape: &Shape, trail: &Trail<'_>, sink: &mut Sink) {
    match (&node.value, shape) {
        (
            Value::Map(map),
            Shape::Object(object) | Shape::ObjectOrText(object, _) | Shape::Driven(object),
        ) => refuse(map, object, trail, sink),
        (Value::Map(map), Shape::Table(table) | Shape::Named(table)) => {
            for entry in &map.0 {
                below(&entry.node, &table.entry, &trail.key(&entry.key), sink);
            }
        }
        (Value::List(list), Shape::Items(items)) => {
            for (index, item) in list.iter().enumerate() {
                if let Some(map) = item.as_map() {
                    refuse(map, items.object, &trail.item(index), sink);
                }
            }
        }
        _ => {}
    }
}

/// Whether leaving the attribute out would change what runs.
fn says_something(node: &Node, field: &Field) -> bool {
    match &node.value {
        Value::Null | Value::Invalid => false,
        _ if matches!(field.print, Print::Given) => true,
        Value::Bool(value) => *value,
        Value::Int(value) => *value != 0,
        Value::Float(value) => *value != 0.0,
        Value::Text(text) => !text.text.is_empty(),
        Value::Date(_) => true,
        Value::List(items) => !items.is_empty(),
        Value::Map(map) => !map.0.is_empty(),
    }
}

fn tell(entry: &Entry, why: &str, instead: &str, trail: &Trail<'_>, sink: &mut Sink) {
    let message = format!("Tercio does not support {trail} yet");
    let help = if instead.is_empty() {
        format!(
            "remove `{}`, or prefix it with x- to keep it as a note",
            entry.key
        )
    } else {
        format!("{why}; {instead}")
    };
    sink.add(Finding::refusal(codes::NOT_SUPPORTED, entry.place, message).help(help));
}
