//! What aliases refer to.

use super::keys::Valued;
use super::{Map, Node, Value};

/// A value with an anchor.
pub(super) struct Anchored {
    pub(super) valued: Valued,
    pub(super) size: Size,
}

/// How large a tree is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    /// Values in it, itself included.
    pub(crate) nodes: usize,
    /// Bytes of its texts.
    pub(crate) bytes: usize,
    /// Collections inside one another.
    pub(super) height: usize,
}

impl Size {
    /// Measures `node`, which is no deeper than a file may be.
    pub(crate) fn of(node: &Node) -> Self {
        let mut size = Self::default();
        match &node.value {
            Value::Text(text) => size.bytes = text.text.len(),
            Value::Date(text) => size.bytes = text.len(),
            Value::List(items) => {
                for item in items {
                    size.contain(Self::of(item));
                }
                size.height += 1;
            }
            Value::Map(map) => {
                size = Self::of_map(map);
                size.height += 1;
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Invalid => {}
        }
        size.nodes += 1;
        size
    }

    /// Measures what a mapping holds.
    pub(crate) fn of_map(map: &Map) -> Self {
        let mut size = Self::default();
        for entry in &map.0 {
            size.contain(Self::of(&entry.node));
            size.bytes += entry.key.len();
        }
        size
    }

    /// Adds a tree that stands beside the others.
    pub(crate) fn add(&mut self, other: Self) {
        self.contain(other);
    }

    pub(super) fn contain(&mut self, child: Self) {
        self.nodes += child.nodes;
        self.bytes += child.bytes;
        self.height = self.height.max(child.height);
    }
}
