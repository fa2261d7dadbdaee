//! Where in a TOML file each key stands.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// Line and column of every key, both counted from 1, the column in characters.
pub(super) type Places = BTreeMap<Vec<String>, (u32, u32)>;

/// Where the keys of `text` stand; of a text that is no TOML, none.
pub(super) fn places(text: &str) -> Places {
    let mut places = Places::new();
    if let Ok(tree) = toml::from_str::<Tree>(text) {
        tree.collect(text, &mut Vec::new(), &mut places);
    }
    places
}

/// Line and column of a byte of `text`.
pub(super) fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (
        count(before.matches('\n').count()).saturating_add(1),
        count(before[line_start..].chars().count()).saturating_add(1),
    )
}

/// The keys of a TOML value with the place of each; values themselves do not matter here.
#[derive(Default)]
struct Tree(Vec<(Spanned<String>, Tree)>);

impl Tree {
    fn collect(&self, text: &str, path: &mut Vec<String>, places: &mut Places) {
        for (key, below) in &self.0 {
            let Range { start, .. } = key.span();
            path.push(key.get_ref().clone());
            places.insert(path.clone(), line_and_column(text, start));
            below.collect(text, path, places);
            path.pop();
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any TOML value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut tree = Tree::default();
        // A date is a map of the parser's own, whose key has no place: it has no keys of ours.
        while let Ok(Some(entry)) = map.next_entry() {
            tree.0.push(entry);
        }
        Ok(tree)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Tree::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::default())
    }
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn keys_are_found_in_sections_inline_tables_and_dotted() {
        let text = "a = 1\n\n[lease]\n  ttl = \"3s\"\nback = { min = \"1s\" }\n[x.y]\nz = [1]\nq.r = 2000-01-01\n";
        let found: Vec<_> = places(text)
            .into_iter()
            .map(|(path, (line, column))| format!("{} {line}:{column}", path.join(".")))
            .collect();
        let expected = [
            "a 1:1",
            "lease 3:2",
            "lease.back 5:1",
            "lease.back.min 5:10",
            "lease.ttl 4:3",
            "x 6:2",
            "x.y 6:4",
            "x.y.q 8:1",
            "x.y.q.r 8:3",
            "x.y.z 7:1",
        ];
        for place in expected {
            assert!(
                found.contains(&place.to_owned()),
                "{place} not in {found:?}"
            );
        }
    }
}
