//! A later file over an earlier one, both in full form.
//!
//! Mappings merge key by key, lists append, single values replace; the exceptions are in the
//! shapes. A key without a value leaves the earlier file's as it is.

mod pools;

use std::collections::BTreeMap;

use super::canonical::lists;
use super::{Object, Same, Shape};
use crate::codes;
use crate::sink::{Finding, Sink};
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Node, Value};

/// `over` laid over `base`.
pub(crate) fn merge(
    base: Node,
    over: Node,
    shape: &Shape,
    trail: &Trail<'_>,
    sink: &mut Sink,
) -> Node {
    if over.value == Value::Null {
        // Only a command can be taken back by saying nothing: the image's own then runs.
        return if matches!(shape, Shape::Words) {
            over
        } else {
            base
        };
    }
    if over.value == Value::Invalid || matches!(base.value, Value::Null | Value::Invalid) {
        return over;
    }
    match shape {
        Shape::Text
        | Shape::Choice(_)
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
        | Shape::Words
        | Shape::Test
        | Shape::ObjectOrNumber(_)
        | Shape::Ignored => over,
        Shape::Pairs(_) => maps(base, over, &|_, over, _, _| over, trail, sink),
        Shape::Names(names) => match names.same {
            Same::Replaced => items(base, over, &lists::name_identity),
            Same::Kept | Same::Refused => append(base, over),
        },
        Shape::Hosts => items(base, over, &|node| {
            node.as_text().unwrap_or_default().to_owned()
        }),
        Shape::Items(list) if std::ptr::eq(*list, super::pools()) => pools::merge(base, over, sink),
        Shape::Items(list) => match list.identity {
            Some(identity) => items(base, over, &|node| {
                node.as_map().map(identity).unwrap_or_default()
            }),
            None => append(base, over),
        },
        Shape::Driven(_) if differ(&base, &over) => over,
        Shape::Object(object) | Shape::ObjectOrText(object, _) | Shape::Driven(object) => {
            self::object(base, over, object, trail, sink)
        }
        Shape::Table(table) | Shape::Named(table) => {
            let entry = |base, over, trail: &Trail<'_>, sink: &mut Sink| {
                merge(base, over, &table.entry, trail, sink)
            };
            maps(base, over, &entry, trail, sink)
        }
        Shape::MultiOptions | Shape::Anything => anything(base, over, trail, sink),
    }
}

/// Whether both name a driver, and not the same one.
fn differ(base: &Node, over: &Node) -> bool {
    let driver = |node: &Node| {
        let driver = node.as_map().and_then(|map| map.get("driver"));
        driver.and_then(Node::as_text).map(str::to_owned)
    };
    matches!((driver(base), driver(over)), (Some(one), Some(two)) if one != two)
}

fn object(base: Node, over: Node, object: &Object, trail: &Trail<'_>, sink: &mut Sink) -> Node {
    let entry = |base: Node, over: Node, trail: &Trail<'_>, sink: &mut Sink| {
        let shape = trail.last_key().and_then(|key| object.shape(key));
        match shape {
            Some(shape) => merge(base, over, shape, trail, sink),
            None => over,
        }
    };
    maps(base, over, &entry, trail, sink)
}

type MergeEntry<'a> = dyn Fn(Node, Node, &Trail<'_>, &mut Sink) -> Node + 'a;

/// Key by key; keys of the earlier file keep their order and come first.
fn maps(
    base: Node,
    over: Node,
    entry: &MergeEntry<'_>,
    trail: &Trail<'_>,
    sink: &mut Sink,
) -> Node {
    let place = over.place;
    let (Value::Map(lower), Value::Map(upper)) = (base.value, over.value) else {
        return Node::invalid(place);
    };
    let mut coming: BTreeMap<String, Entry> = BTreeMap::new();
    let mut order = Vec::new();
    for entry in upper.0 {
        order.push(entry.key.clone());
        coming.insert(entry.key.clone(), entry);
    }
    let mut merged = Map::default();
    for lower in lower.0 {
        let node = match coming.remove(&lower.key) {
            Some(upper) => entry(lower.node, upper.node, &trail.key(&lower.key), sink),
            None => lower.node,
        };
        merged.0.push(Entry { node, ..lower });
    }
    merged
        .0
        .extend(order.into_iter().filter_map(|key| coming.remove(&key)));
    Node::new(place, Value::Map(merged))
}

/// The earlier items, then the later ones; of items with the same identity the later one stays, in
/// the place of the earlier.
fn items(base: Node, over: Node, identity: &dyn Fn(&Node) -> String) -> Node {
    let place = over.place;
    let (Value::List(lower), Value::List(upper)) = (base.value, over.value) else {
        return Node::invalid(place);
    };
    let mut index_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut merged: Vec<Node> = Vec::new();
    for item in lower.into_iter().chain(upper) {
        match index_of.get(&identity(&item)) {
            Some(index) => merged[*index] = item,
            None => {
                index_of.insert(identity(&item), merged.len());
                merged.push(item);
            }
        }
    }
    Node::new(place, Value::List(merged))
}

/// The user's own data: by the general rules, which cannot lay a text over a mapping.
fn anything(base: Node, over: Node, trail: &Trail<'_>, sink: &mut Sink) -> Node {
    if over.value == Value::Null {
        return base;
    }
    if base.as_map().is_some() && over.as_map().is_some() {
        return maps(base, over, &anything, trail, sink);
    }
    if base.as_list().is_some() && over.as_list().is_some() {
        return append(base, over);
    }
    let is_collection = base.as_map().is_some() || base.as_list().is_some();
    if is_collection {
        let (is, was) = (over.value.kind(), base.value.kind());
        let message = format!("{trail} is {is} here and {was} in an earlier file");
        sink.add(Finding::error(codes::CANNOT_MERGE, over.place, message).related(base.place));
        return Node::invalid(over.place);
    }
    over
}

fn append(base: Node, over: Node) -> Node {
    let place = over.place;
    let (Value::List(mut lower), Value::List(upper)) = (base.value, over.value) else {
        return Node::invalid(place);
    };
    lower.extend(upper);
    Node::new(place, Value::List(lower))
}
