//! What aliases refer to.

use super::{Node, Value};

/// A value with an anchor.
pub(super) struct Anchored {
    pub(super) node: Node,
    pub(super) size: Size,
}

/// How large a tree is.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    /// Values in it, itself included.
    pub(super) nodes: usize,
    /// Bytes of its texts.
    pub(super) bytes: usize,
    /// Collections inside one another.
    pub(super) height: usize,
}

impl Size {
    /// Measures `node`, which is no deeper than a file may be.
    pub(super) fn of(node: &Node) -> Self {
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
                for entry in &map.0 {
                    size.contain(Self::of(&entry.node));
                    size.bytes += entry.key.len();
                }
                size.height += 1;
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Invalid => {}
        }
        size.nodes += 1;
        size
    }

    fn contain(&mut self, child: Self) {
        self.nodes += child.nodes;
        self.bytes += child.bytes;
        self.height = self.height.max(child.height);
    }
}
