//! The lists of cases that do not come out as the tool has it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::case::{root, text};

/// Characters of a reason: enough to tell what is missing.
const REASON_CHARACTERS_MAX: usize = 150;

/// Names of cases, each with a reason: a line each, in the order of the names, `#` for comments.
pub(super) struct List(BTreeMap<String, String>);

impl List {
    pub(super) fn read(file: &str) -> Self {
        let text = text(file);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let split = |line: &str| {
            let (name, reason) = line.split_once(": ").expect("NAME: REASON");
            (name.to_owned(), reason.to_owned())
        };
        Self(lines.map(split).collect())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Writes the list anew under the comments that it has.
    pub(super) fn write(file: &str, entries: &BTreeMap<&str, &str>) {
        let mut all = String::new();
        for line in text(file).lines().filter(|line| line.starts_with('#')) {
            let _ = writeln!(all, "{line}");
        }
        for (name, reason) in entries {
            let reason = reason.lines().next().unwrap_or_default();
            let reason: String = reason.chars().take(REASON_CHARACTERS_MAX).collect();
            let _ = writeln!(all, "{name}: {}", reason.trim_end());
        }
        std::fs::write(root().join(file), all).expect("the list is written");
    }
}
