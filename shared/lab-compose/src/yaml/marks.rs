//! Which values of earlier files a document takes away: `!reset` and `!override`.

use std::collections::BTreeMap;

use super::anchored::Size;
use super::{Map, Value};

/// A document's marks, in the shape of the document: only what leads to a mark is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Marks {
    /// Whether what earlier files say here is taken away.
    clears: bool,
    below: BTreeMap<String, Marks>,
}

impl Marks {
    /// None.
    pub(super) const fn new() -> Self {
        Self {
            clears: false,
            below: BTreeMap::new(),
        }
    }

    /// Here and whatever is below.
    pub(super) fn clearing() -> Self {
        Self {
            clears: true,
            below: BTreeMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.clears && self.below.is_empty()
    }

    /// Adds what was found at `key`, which may have been met before: in a merged mapping and as a key
    /// of its own.
    pub(super) fn put(&mut self, key: &str, marks: Self) {
        if !marks.is_empty() {
            self.below.entry(key.to_owned()).or_default().include(marks);
        }
    }

    /// Adds the marks of a mapping that is merged into this one.
    pub(super) fn include(&mut self, other: Self) {
        self.clears |= other.clears;
        for (key, marks) in other.below {
            self.below.entry(key).or_default().include(marks);
        }
    }

    /// Whether everything is taken away.
    pub(super) const fn is_whole(&self) -> bool {
        self.clears
    }

    /// The marks below `key`.
    pub(crate) fn at(&self, key: &str) -> Option<&Self> {
        self.below.get(key)
    }

    /// Removes from an earlier file's mapping what these marks take away. Items of lists have no names
    /// to be found by and stay.
    pub(crate) fn clear(&self, earlier: &mut Map) {
        if self.below.is_empty() {
            return;
        }
        let taken = |key: &str| self.below.get(key).is_some_and(|marks| marks.clears);
        earlier.0.retain(|entry| !taken(&entry.key));
        for entry in &mut earlier.0 {
            if let (Some(marks), Value::Map(map)) =
                (self.below.get(&entry.key), &mut entry.node.value)
            {
                marks.clear(map);
            }
        }
    }

    /// How large they are, for aliases that repeat them.
    pub(super) fn size(&self) -> Size {
        let mut size = Size::default();
        for (key, marks) in &self.below {
            size.contain(marks.size());
            size.nodes += 1;
            size.bytes += key.len();
        }
        size
    }
}
