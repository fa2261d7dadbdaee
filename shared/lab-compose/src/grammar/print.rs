//! The canonical tree as `config` prints it: Docker Compose's keys in its order.

use super::{FILE, Field, Object, Own, Print, Shape};
use crate::doc::Doc;
use crate::yaml::{Map, Node, Value};

/// Where the two forms differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Json,
    Yaml,
}

/// The whole file.
pub(crate) fn file(root: &Map, style: Style) -> Doc {
    let mut entries = fields(root, &FILE, style);
    if style == Style::Json {
        entries.retain(|(key, _)| key != "models");
        // The user's own keys are printed here and nowhere else in JSON.
        entries.extend(own(root, &FILE, style));
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    Doc::Map(entries)
}

/// The attributes that are printed, with the user's own keys in YAML.
fn fields(map: &Map, object: &Object, style: Style) -> Vec<(String, Doc)> {
    let mut entries: Vec<(String, Doc)> = Vec::new();
    for field in object.keys {
        if style == Style::Yaml && is_own(field.key) {
            continue;
        }
        if let Some(doc) = printed(map.get(field.key), field, style) {
            let key = match style {
                Style::Json => field.json,
                Style::Yaml => field.key,
            };
            entries.push((key.to_owned(), doc));
        }
    }
    if style == Style::Yaml {
        entries.extend(own(map, object, style));
    }
    entries
}

/// The user's own keys, Tercio's among them.
fn own(map: &Map, object: &Object, style: Style) -> Vec<(String, Doc)> {
    if object.own != Own::Kept {
        return Vec::new();
    }
    let own = map.0.iter().filter(|entry| is_own(&entry.key));
    let mut own: Vec<_> = own
        .map(|entry| {
            let doc = match object.field(&entry.key) {
                Some(field) => value(&entry.node, &field.shape, style),
                None => Doc::of_user(&entry.node, style),
            };
            (entry.key.clone(), doc)
        })
        .collect();
    sort(&mut own, style);
    own
}

fn is_own(key: &str) -> bool {
    key.starts_with("x-")
}

/// Sorts by key as Go does: JSON by bytes, YAML so that `a9` comes before `a10`.
pub(crate) fn sort(entries: &mut [(String, Doc)], style: Style) {
    entries.sort_by(|(a, _), (b, _)| match style {
        Style::Json => a.cmp(b),
        Style::Yaml => super::natural::compare(a, b),
    });
}

fn printed(node: Option<&Node>, field: &Field, style: Style) -> Option<Doc> {
    let given = node.filter(|node| node.value != Value::Null);
    match field.print {
        Print::Never => None,
        Print::Given => given.map(|node| value(node, &field.shape, style)),
        Print::Said => {
            let doc = value(given?, &field.shape, style);
            let says = match field.shape {
                Shape::Size(_) => doc != Doc::text("0"),
                Shape::Duration => doc != Doc::text("0s"),
                _ => !is_zero(&doc),
            };
            says.then_some(doc)
        }
        Print::Always => Some(match given {
            Some(node) => value(node, &field.shape, style),
            None => zero(&field.shape),
        }),
        Print::AlwaysInJson => match (style, &field.shape) {
            (Style::Json, Shape::Words) => {
                Some(given.map_or(Doc::Null, |node| value(node, &field.shape, style)))
            }
            (Style::Yaml, Shape::Words) => given.map(|node| value(node, &field.shape, style)),
            (Style::Json, shape) => {
                let none = Node::new(crate::sink::Place::default(), Value::Map(Map::default()));
                Some(value(given.unwrap_or(&none), shape, style))
            }
            (Style::Yaml, shape) => {
                let doc = value(given?, shape, style);
                (!is_zero(&doc)).then_some(doc)
            }
        },
    }
}

fn is_zero(doc: &Doc) -> bool {
    match doc {
        Doc::Null => true,
        Doc::Bool(value) => !value,
        Doc::Int(value) => *value == 0,
        Doc::Float(value) => *value == 0.0,
        Doc::Text(text) | Doc::Moment(text) => text.is_empty(),
        Doc::List(items) => items.is_empty(),
        Doc::Map(entries) => entries.is_empty(),
    }
}

fn zero(shape: &Shape) -> Doc {
    match shape {
        Shape::Boolean | Shape::StrictBoolean => Doc::Bool(false),
        Shape::Integer(_) => Doc::Int(0),
        Shape::Size(_) => Doc::text("0"),
        Shape::Named(_) => Doc::Map(Vec::new()),
        _ => Doc::text(""),
    }
}

fn value(node: &Node, shape: &Shape, style: Style) -> Doc {
    match (&node.value, shape) {
        (Value::Map(map), Shape::Object(object) | Shape::ObjectOrText(object, _)) => {
            Doc::Map(fields(map, object, style))
        }
        (Value::Map(map), Shape::Driven(object)) => Doc::Map(fields(map, object, style)),
        (Value::Map(map), Shape::ObjectOrNumber(object)) => limits(map, object, style),
        // Docker Compose takes a limit of 0 for one that is not there.
        (Value::Int(0), Shape::ObjectOrNumber(object)) => limits(&Map::default(), object, style),
        (Value::Map(map), Shape::Table(table) | Shape::Named(table)) => {
            by_name(map, style, |node| value(node, &table.entry, style))
        }
        (Value::Map(map), Shape::Pairs(rule)) if rule.bare == super::Bare::Absent => keys(map),
        (Value::Map(map), Shape::MultiOptions) => {
            let given = map
                .0
                .iter()
                .filter(|entry| entry.node.as_list() != Some(&[]));
            let given = Map(given.cloned().collect());
            by_name(&given, style, options)
        }
        (Value::List(items), Shape::Items(list)) => {
            let shape = Shape::Object(list.object);
            Doc::List(
                items
                    .iter()
                    .map(|item| value(item, &shape, style))
                    .collect(),
            )
        }
        (Value::List(items), Shape::Hosts) => {
            let mut hosts: Vec<&str> = items.iter().filter_map(Node::as_text).collect();
            hosts.sort_unstable();
            Doc::List(hosts.into_iter().map(Doc::text).collect())
        }
        (Value::Int(bits), Shape::Mode) => Doc::text(format!("0{bits:o}")),
        (Value::Float(value), Shape::Float) => short_float(*value),
        _ => Doc::of(node, style),
    }
}

/// The two limits: YAML has both, JSON what is not zero.
fn limits(map: &Map, object: &Object, style: Style) -> Doc {
    let limit = |field: &Field| {
        let number = map.get(field.key).and_then(Node::as_int).unwrap_or(0);
        (field.key.to_owned(), Doc::Int(number))
    };
    let limits = object.keys.iter().map(limit);
    Doc::Map(
        limits
            .filter(|(_, doc)| style == Style::Yaml || !is_zero(doc))
            .collect(),
    )
}

fn by_name(map: &Map, style: Style, doc: impl Fn(&Node) -> Doc) -> Doc {
    let entries = map
        .0
        .iter()
        .map(|entry| (entry.key.clone(), doc(&entry.node)));
    let mut entries: Vec<_> = entries.collect();
    sort(&mut entries, style);
    Doc::Map(entries)
}

/// Keys for SSH: `ID`, or `ID: PATH` as one text.
fn keys(map: &Map) -> Doc {
    let key = |entry: &crate::yaml::Entry| match entry.node.as_text() {
        None | Some("") => entry.key.clone(),
        Some(path) => format!("{}: {path}", entry.key),
    };
    let mut keys: Vec<String> = map.0.iter().map(key).collect();
    keys.sort_unstable();
    Doc::texts(&keys)
}

/// An option that can be repeated.
fn options(node: &Node) -> Doc {
    let lone = std::slice::from_ref(node);
    let values = node.as_list().unwrap_or(lone).iter();
    Doc::List(
        values
            .filter_map(|value| value.value.scalar_text())
            .map(Doc::Text)
            .collect(),
    )
}

/// A number that Go keeps in 32 bits, with no more digits than that takes.
fn short_float(value: f64) -> Doc {
    #[expect(clippy::cast_possible_truncation, reason = "Go does the same")]
    let short = value as f32;
    Doc::Float(short.to_string().parse().unwrap_or(value))
}
