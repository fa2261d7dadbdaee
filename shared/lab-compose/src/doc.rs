//! A value to be printed: as JSON or as YAML, keys in the order they were put in.

use crate::grammar::print::{Style, sort};
use crate::yaml::{Node, Value};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Doc {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Another number.
    Float(f64),
    /// A text.
    Text(String),
    /// A point in time, as RFC 3339 writes it.
    Moment(String),
    /// Several values.
    List(Vec<Self>),
    /// Values by key.
    Map(Vec<(String, Self)>),
}

impl Doc {
    /// A text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of texts.
    pub(crate) fn texts(texts: &[String]) -> Self {
        Self::List(texts.iter().map(Self::text).collect())
    }

    /// The user's own data. Docker Compose makes nothing of an empty list in it, which YAML does not
    /// show.
    pub(crate) fn of_user(node: &Node, style: Style) -> Self {
        fn without_empty(doc: Doc) -> Doc {
            match doc {
                Doc::List(items) if items.is_empty() => Doc::Null,
                Doc::List(items) => Doc::List(items.into_iter().map(without_empty).collect()),
                Doc::Map(entries) => {
                    let entries = entries.into_iter();
                    Doc::Map(
                        entries
                            .map(|(key, one)| (key, without_empty(one)))
                            .collect(),
                    )
                }
                single => single,
            }
        }
        let doc = Self::of(node, style);
        match style {
            Style::Json => without_empty(doc),
            Style::Yaml => doc,
        }
    }

    /// Data as it stands: keys sorted, as Go prints maps.
    pub(crate) fn of(node: &Node, style: Style) -> Self {
        match &node.value {
            Value::Null | Value::Invalid => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Float(value) => Self::Float(*value),
            Value::Text(text) => Self::text(&text.text),
            Value::Date(text) => Self::Moment(moment(text)),
            Value::List(items) => {
                Self::List(items.iter().map(|item| Self::of(item, style)).collect())
            }
            Value::Map(map) => {
                let entries = map.0.iter();
                let mut entries: Vec<_> = entries
                    .map(|entry| (entry.key.clone(), Self::of(&entry.node, style)))
                    .collect();
                sort(&mut entries, style);
                Self::Map(entries)
            }
        }
    }
}

/// A date as Go prints the point in time that YAML makes of it: midnight in Greenwich.
fn moment(date: &str) -> String {
    let parts: Vec<&str> = date.split('-').collect();
    match parts.as_slice() {
        [year, month, day] if day.len() <= 2 => format!("{year}-{month:0>2}-{day:0>2}T00:00:00Z"),
        _ => date.to_owned(),
    }
}
