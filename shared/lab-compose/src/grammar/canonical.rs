//! One file's tree against the grammar: unknown keys and wrong types are reported, short forms
//! written out. What comes out holds only what the grammar allows; what was refused is invalid.

pub(super) mod lists;
mod numbers;
pub(super) mod objects;
mod single;
mod unknown;

use super::{Shape, pairs};
use crate::codes;
use crate::sink::{Finding, Sink};
use crate::trail::Trail;
use crate::yaml::{Node, Value};

/// `node`, which stands at `trail`, in the full form of `shape`. An absent value stays absent:
/// in a later file it leaves the earlier one's as it is.
pub(crate) fn canonical(node: Node, shape: &Shape, trail: &Trail<'_>, sink: &mut Sink) -> Node {
    Canonical { sink, expanded: 0 }.node(node, shape, trail)
}

/// Entries that the short forms of one file may stand for; ranges make many of one, and all ports
/// there are fit.
const EXPANDED_MAX: usize = 70_000;

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
            Shape::Choice(choices) => self.choice(node, choices, trail),
            Shape::Matching(matches, wanted) => self.matching(node, *matches, wanted, trail),
            Shape::TextOrNumber => self.text_or_number(node, trail),
            Shape::TextOrBoolean => match node.as_bool() {
                Some(value) => Node::text(node.place, value.to_string()),
                None => self.text(node, trail),
            },
            Shape::Duration => self.duration(node, trail),
            Shape::Size(numbers) => self.size(node, *numbers, trail),
            Shape::Integer(range) => self.integer(node, *range, trail),
            Shape::Float => self.float(node, trail),
            Shape::Count => self.count(node, trail),
            Shape::Mode => self.mode(node, trail),
            Shape::Boolean | Shape::External => self.boolean(node, trail),
            Shape::StrictBoolean => match node.as_bool() {
                Some(_) => node,
                None => self.refuse(&node, "true or false", trail),
            },
            Shape::Words => self.words(node, trail),
            Shape::Test => self.test(node, trail),
            Shape::Pairs(rule) => pairs::canonical(node, *rule, trail, self.sink),
            Shape::MultiOptions => self.multi_options(node, trail),
            Shape::Hosts => self.hosts(node, trail),
            Shape::Names(names) => self.names(node, *names, trail),
            Shape::Object(object) | Shape::Driven(object) => self.object(node, object, trail),
            Shape::ObjectOrText(object, expand) => match node.as_text() {
                Some(text) => Node::new(node.place, Value::Map(expand(text, node.place))),
                None if node.as_map().is_none() => self.refuse(&node, "a text or a mapping", trail),
                None => self.object(node, object, trail),
            },
            Shape::ObjectOrNumber(object) if node.as_map().is_some() => {
                self.object(node, object, trail)
            }
            Shape::ObjectOrNumber(_) => self.integer(node, super::Range::SIGNED, trail),
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
}
