//! No file grows past a size; what was larger before may only shrink.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use crate::finding::Finding;
use crate::source::Source;
use crate::workspace::root;

/// The most lines of a file, tests included: about ten screens, what one reads in one go.
const LINES_MAX: usize = 500;

/// Where the larger files are listed, each with the lines it may have.
const MARKS: &str = "ops/xtask/ratchet.toml";

/// The larger files and how many lines each may have.
pub(super) type Marks = BTreeMap<String, usize>;

/// Reads the list.
pub(super) fn marks() -> Result<Marks> {
    let text = std::fs::read_to_string(root().join(MARKS)).context(MARKS)?;
    parse(&text).context(MARKS)
}

fn parse(text: &str) -> Result<Marks> {
    let table: toml::Table = text.parse()?;
    let lines = table.get("lines").and_then(toml::Value::as_table);
    let lines = lines.context("there is no table [lines]")?;
    lines
        .iter()
        .map(|(path, mark)| {
            let mark = mark
                .as_integer()
                .and_then(|mark| usize::try_from(mark).ok());
            Ok((path.clone(), mark.context("a mark is a number of lines")?))
        })
        .collect()
}

/// Refuses files past their mark, and marks that are no longer needed.
pub(super) fn check(sources: &[Source], marks: &Marks) -> Vec<Finding> {
    let grown = sources.iter().filter_map(|source| {
        let lines = source.text.lines().count();
        let mark = marks.get(&source.path).copied().unwrap_or(LINES_MAX);
        let message = format!("{lines} lines, where {mark} are allowed: split it by noun");
        (lines > mark).then(|| Finding::of_file(&source.path, message))
    });
    let needless = marks.iter().filter_map(|(path, mark)| {
        let source = sources.iter().find(|source| source.path == *path);
        let lines = source.map_or(0, |source| source.text.lines().count());
        let message = match lines {
            0 => format!("{path} is gone: take it off the list"),
            lines if lines <= LINES_MAX => format!("{path} is small now: take it off the list"),
            lines if lines < *mark => format!("{path} has {lines} lines now: lower its mark"),
            _ => return None,
        };
        Some(Finding::of_file(MARKS, message))
    });
    grown.chain(needless).collect()
}

#[cfg(test)]
mod tests {
    use super::{LINES_MAX, check, parse};
    use crate::source::Source;

    fn file(path: &str, lines: usize) -> Source {
        Source::new(path, &"x\n".repeat(lines))
    }

    fn found(sources: &[Source], marks: &str) -> Vec<String> {
        let marks = parse(&format!("[lines]\n{marks}")).unwrap();
        let findings = check(sources, &marks);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_past_the_limit_is_refused_unless_it_is_listed() {
        let sources = [file("a.rs", LINES_MAX + 1), file("b.rs", LINES_MAX)];
        let message = "a.rs: 501 lines, where 500 are allowed: split it by noun";
        assert_eq!(found(&sources, ""), [message]);
        assert!(found(&sources, "'a.rs' = 501").is_empty());
    }

    #[test]
    fn a_listed_file_may_not_grow_and_its_mark_follows_it_down() {
        let sources = [file("a.rs", 600)];
        assert!(found(&sources, "'a.rs' = 599")[0].contains("where 599 are allowed"));
        assert!(found(&sources, "'a.rs' = 601")[0].contains("has 600 lines now: lower"));
        let small = [file("a.rs", 10)];
        assert!(found(&small, "'a.rs' = 600")[0].contains("is small now"));
        assert!(found(&[], "'a.rs' = 600")[0].contains("is gone"));
    }
}
