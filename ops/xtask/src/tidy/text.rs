//! What may not stand in a source file.

use crate::finding::Finding;
use crate::lex::Kind;
use crate::source::Source;

/// Checks one file.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(module_doc(source));
    findings.extend(nameless_todos(source));
    findings.extend(positional_maps(source));
    findings.extend(unexplained_sleeps(source));
    findings
}

fn module_doc(source: &Source) -> Option<Finding> {
    let is_missing = !source.is_tests() && !source.text.starts_with("//!");
    let message = "the file does not begin with `//!`: say what it is for";
    is_missing.then(|| Finding::at(&source.path, 1, message))
}

fn nameless_todos(source: &Source) -> impl Iterator<Item = Finding> {
    let comments = source.pieces.iter().filter(|p| p.kind == Kind::Comment);
    comments
        .filter(|comment| {
            ["TODO", "FIXME", "XXX"].iter().any(|word| {
                let mut parts = comment.text.split(word);
                parts.next();
                // In backquotes it is spoken of, not meant.
                parts.any(|after| !after.starts_with('(') && !after.starts_with('`'))
            })
        })
        .map(|comment| {
            let message = "write `TODO(name): condition to remove it`, or do it";
            Finding::at(&source.path, comment.line, message)
        })
}

fn positional_maps(source: &Source) -> impl Iterator<Item = Finding> {
    let code = source.pieces.iter().filter(|p| p.kind == Kind::Code);
    code.filter(|code| code.text.contains("rmp_serde::to_vec("))
        .map(|code| {
            let message = "positional maps break with every added field: use lab_wire::codec";
            Finding::at(&source.path, code.line, message)
        })
}

fn unexplained_sleeps(source: &Source) -> impl Iterator<Item = Finding> {
    let tests_from = source.tests_from().unwrap_or(usize::MAX);
    let explains = |line: usize| {
        let is_comment = |piece: &&crate::lex::Piece| piece.kind == Kind::Comment;
        let mut comments = source.pieces.iter().filter(is_comment);
        comments.any(|comment| comment.line == line || comment.line + 1 == line)
    };
    let code = source.pieces.iter().filter(|p| p.kind == Kind::Code);
    code.filter(move |code| code.line >= tests_from && calls_sleep(&code.text))
        .filter(move |code| !explains(code.line))
        .map(|code| {
            let message = "a test that sleeps: wait for a condition, or say in a comment why not";
            Finding::at(&source.path, code.line, message)
        })
}

/// `std::thread::sleep` is clippy's: it is refused everywhere and asks for a reason by itself.
fn calls_sleep(code: &str) -> bool {
    code.match_indices("sleep(").any(|(at, _)| {
        let before = &code[..at];
        let inside_a_name = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        !inside_a_name && !before.ends_with("std::thread::")
    })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source::Source;

    fn found(path: &str, text: &str) -> Vec<String> {
        let findings = check(&Source::new(path, text));
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_says_first_what_it_is_for() {
        assert!(found("shared/a/src/b.rs", "use x;\n")[0].starts_with("shared/a/src/b.rs:1: "));
        assert!(found("shared/a/src/b.rs", "//! About b.\n").is_empty());
        assert!(found("shared/a/src/b/tests.rs", "use x;\n").is_empty());
    }

    #[test]
    fn a_todo_bears_a_name() {
        let text = "//! D.\n// TODO: later\n// TODO(ann): when it is there\nlet s = \"TODO\";\n";
        let findings = found("a.rs", text);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("a.rs:2: "), "{findings:?}");
    }

    #[test]
    fn positional_maps_are_refused_and_named_ones_are_not() {
        let text = "//! D.\nlet a = rmp_serde::to_vec_named(&x);\nlet b = rmp_serde::to_vec(&x);\n";
        let findings = found("a.rs", text);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("a.rs:3: "), "{findings:?}");
    }

    #[test]
    fn a_test_that_sleeps_says_why() {
        let body = "sleep(SECOND).await;\n// The engine's own grace.\nsleep(SECOND).await;\nsleep(X); // why\nmy_sleep(X);\nstd::thread::sleep(X);\n";
        let in_a_test = format!("//! D.\n#[cfg(test)]\n{body}");
        let findings = found("shared/a/src/b.rs", &in_a_test);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("shared/a/src/b.rs:3: "));
        assert_eq!(found("tests/e2e/tests/it/up.rs", body).len(), 1);
        assert!(found("shared/a/src/b.rs", &format!("//! D.\n{body}")).is_empty());
    }
}
