//! Changing a tree in place.

use crate::sink::Place;
use crate::yaml::{Map, Node, Value};

impl Map {
    /// The value of `key`, to be changed.
    pub(super) fn value_mut(&mut self, key: &str) -> Option<&mut Node> {
        let entry = self.0.iter_mut().find(|entry| entry.key == key);
        entry.map(|entry| &mut entry.node)
    }

    /// The mapping under `key`, to be changed.
    pub(super) fn map_mut(&mut self, key: &str) -> Option<&mut Map> {
        self.value_mut(key).and_then(Node::map_mut)
    }

    /// Gives `key` a value, whether it had one or not.
    pub(super) fn set(&mut self, key: &str, node: Node) {
        match self.value_mut(key) {
            Some(value) => *value = node,
            None => self.put(key, node),
        }
    }

    /// Gives `key` a value when it has none.
    pub(super) fn set_default(&mut self, key: &str, node: Node) {
        match self.value_mut(key) {
            Some(Node {
                value: Value::Null, ..
            })
            | None => self.set(key, node),
            Some(_) => {}
        }
    }

    /// The text of `key`.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Node::as_text)
    }

    /// The mapping under `key`.
    pub(crate) fn map(&self, key: &str) -> Option<&Self> {
        self.get(key).and_then(Node::as_map)
    }

    /// The items under `key`.
    pub(crate) fn list(&self, key: &str) -> &[Node] {
        self.get(key).and_then(Node::as_list).unwrap_or_default()
    }
}

impl Node {
    /// The mapping, to be changed.
    pub(super) const fn map_mut(&mut self) -> Option<&mut Map> {
        if let Value::Map(map) = &mut self.value {
            Some(map)
        } else {
            None
        }
    }

    /// The items, to be changed.
    pub(super) const fn list_mut(&mut self) -> Option<&mut Vec<Self>> {
        if let Value::List(items) = &mut self.value {
            Some(items)
        } else {
            None
        }
    }

    /// A truth value made by us.
    pub(super) const fn boolean(place: Place, value: bool) -> Self {
        Self::new(place, Value::Bool(value))
    }

    /// A mapping made by us.
    pub(super) fn mapping(place: Place) -> Self {
        Self::new(place, Value::Map(Map::default()))
    }
}
