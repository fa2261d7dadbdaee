//! YAML as a tree of values that know their places.
//!
//! The tree is what every later step works on. It is read with go-yaml's rules (what is a number,
//! what `<<` means), because those are the rules users of Compose files know; aliases are already
//! replaced by what they stand for, and all of it is bounded ([`limits`]).

mod anchored;
mod keys;
mod marks;
mod read;
mod scalar;
mod tag;

pub(crate) use anchored::Size;
pub(crate) use marks::Marks;
pub(crate) use read::read;
pub(crate) use scalar::float_text;

use crate::sink::Place;

/// Limits on one file, against files made to exhaust the reader.
pub(crate) mod limits {
    /// Bytes of a file. The largest real Compose files known hold 1,000 services in 1 MB.
    pub(crate) const SOURCE_BYTES_MAX: usize = 16 << 20;
    /// Values of a file with its aliases expanded; the same figure as Docker Compose's.
    pub(crate) const NODES_MAX: usize = 100_000;
    /// Collections inside one another. Compose's own format needs 9; the rest is for `x-` data.
    pub(crate) const DEPTH_MAX: usize = 64;
    /// Bytes of text that aliases may add.
    pub(crate) const ALIAS_BYTES_MAX: usize = 16 << 20;
}

/// One document of a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) root: Node,
    /// What it takes away from the documents before it.
    pub(crate) marks: Marks,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// Within `i64::MIN..=u64::MAX`; what is beyond is a float, as in go-yaml.
    Int(i128),
    Float(f64),
    Text(Text),
    /// An unquoted date or time, which no attribute takes.
    Date(String),
    List(Vec<Node>),
    Map(Map),
    /// Something stood here and was reported; whoever meets it stays silent.
    Invalid,
}

/// A text, and what is needed to point into it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// How many characters after the place the text begins, when each of its characters stands for
    /// itself in the source; absent for escapes and several lines.
    pub(crate) inset: Option<u32>,
}

/// Entries in the order of the file; keys are unique.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Map(pub(crate) Vec<Entry>);

/// One entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Map {
    /// The value of `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The entry of `key`.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    /// Adds an entry made by us; the caller knows the key to be new.
    pub(crate) fn put(&mut self, key: &str, node: Node) {
        self.0.push(Entry {
            key: key.to_owned(),
            place: node.place,
            node,
        });
    }
}

impl Node {
    pub(crate) const fn new(place: Place, value: Value) -> Self {
        Self { place, value }
    }

    /// A text made by us.
    pub(crate) fn text(place: Place, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(place, Value::Text(Text { text, inset: None }))
    }

    pub(crate) const fn invalid(place: Place) -> Self {
        Self::new(place, Value::Invalid)
    }

    /// The text, when it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value {
            Some(&text.text)
        } else {
            None
        }
    }

    /// The whole number, when it is one.
    pub(crate) const fn as_int(&self) -> Option<i128> {
        if let Value::Int(number) = self.value {
            Some(number)
        } else {
            None
        }
    }

    /// The truth value, when it is one.
    pub(crate) const fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self.value {
            Some(value)
        } else {
            None
        }
    }

    /// The mapping, when it is one.
    pub(crate) const fn as_map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value {
            Some(map)
        } else {
            None
        }
    }

    /// The items, when it is a list.
    pub(crate) fn as_list(&self) -> Option<&[Node]> {
        if let Value::List(items) = &self.value {
            Some(items)
        } else {
            None
        }
    }
}

impl Value {
    /// What it is, in words with an article.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "a number",
            Self::Float(_) => "a number with a fraction",
            Self::Text(_) => "a text",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Invalid => "an unreadable value",
        }
    }

    /// A single value as Go prints it: how numbers and truth values become texts.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Int(value) => Some(value.to_string()),
            Self::Float(value) => Some(float_text(*value)),
            Self::Text(text) => Some(text.text.clone()),
            Self::Null | Self::Date(_) | Self::List(_) | Self::Map(_) | Self::Invalid => None,
        }
    }
}

/// Whether a text that stands without quotes is read as that text, by readers of older YAML as well.
pub(crate) fn is_plain_text(text: &str) -> bool {
    // Words that readers of YAML 1.1 take for truth values.
    const OLD_WORDS: &[&str] = &[
        "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off",
        "OFF",
    ];
    let is_text = matches!(scalar::resolve(text), Value::Text(_));
    is_text && !OLD_WORDS.contains(&text) && !is_base_60(text)
}

/// Whether readers of YAML 1.1 take the text for a number to the base of 60: `22:22`, `1:30.5`.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (number, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '_');
    let mut parts = number.split(':');
    let first = parts.next().unwrap_or_default();
    let parts: Vec<&str> = parts.collect();
    let below_60 = |part: &&str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
        _ => false,
    };
    first.starts_with(|c: char| c.is_ascii_digit())
        && digits(first)
        && digits(fraction)
        && !parts.is_empty()
        && parts.iter().all(below_60)
}
