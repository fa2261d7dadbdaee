//! A value to be printed: as JSON or as YAML, keys in the order they were put in.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

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

    /// The user's data: keys sorted, as Go prints maps.
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

impl Serialize for Doc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(small), _) => serializer.serialize_i64(small),
                (_, Ok(large)) => serializer.serialize_u64(large),
                _ => serializer.serialize_i128(*value),
            },
            // Go's JSON has no fraction where there is none; below 1e15 a float counts exactly.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it has no fraction and is small"
            )]
            Self::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
                serializer.serialize_i64(*value as i64)
            }
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) | Self::Moment(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
