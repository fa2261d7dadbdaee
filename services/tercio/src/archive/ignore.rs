//! A `.dockerignore` as a whole: the last line that matches a path, or a folder above it, decides.

use crate::archive::pattern::{InvalidPattern, Pattern};

/// The rules of one context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IgnoreList {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    pattern: Pattern,
    /// `!`: matching paths are kept.
    keeps: bool,
}

impl IgnoreList {
    /// Reads the file's text. Comments begin with `#` in the first column.
    ///
    /// # Errors
    /// Every line that is not a pattern, with its number.
    pub fn parse(text: &str) -> Result<Self, Vec<(usize, InvalidPattern)>> {
        let mut rules = Vec::new();
        let mut wrong = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            match rule(line) {
                Ok(rule) => rules.extend(rule),
                Err(invalid) => wrong.push((index + 1, invalid)),
            }
        }
        match wrong.is_empty() {
            true => Ok(Self { rules }),
            false => Err(wrong),
        }
    }

    /// Adds a line that keeps exactly `path`, whatever the lines before say.
    pub fn keep(&mut self, path: &str) {
        let literal: String = path.chars().flat_map(|c| ['\\', c]).collect();
        let pattern = Pattern::parse(&literal).expect("invariant: an escaped text is a pattern");
        self.rules.push(Rule {
            pattern,
            keeps: true,
        });
    }

    /// Whether `path` (relative, with slashes) is left out of the context.
    #[must_use]
    pub fn leaves_out(&self, path: &str) -> bool {
        let mut out = false;
        for rule in &self.rules {
            // A rule that would not change the verdict need not be tried.
            if rule.keeps == out && prefixes(path).any(|part| rule.pattern.matches(part)) {
                out = !rule.keeps;
            }
        }
        out
    }

    /// Whether something below the folder `path`, itself left out, may be kept after all.
    #[must_use]
    pub fn may_keep_below(&self, path: &str) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.keeps && rule.pattern.may_match_below(path))
    }
}

/// `a`, `a/b`, `a/b/c`: the path with all folders above it.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(index, _)| index);
    ends.chain(std::iter::once(path.len()))
        .map(|end| &path[..end])
}

fn rule(line: &str) -> Result<Option<Rule>, InvalidPattern> {
    if line.starts_with('#') {
        return Ok(None);
    }
    let trimmed = line.trim();
    let (keeps, text) = match trimmed.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, trimmed),
    };
    if text.is_empty() {
        return match keeps {
            true => Err(InvalidPattern {
                line: line.to_owned(),
                rule: "a `!` needs a pattern",
            }),
            false => Ok(None),
        };
    }
    let pattern = Pattern::parse(&clean(text))?;
    Ok(Some(Rule { pattern, keeps }))
}

/// The path without `.`, `..` where it can be resolved, doubled slashes and slashes at its ends.
fn clean(text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // `..` at a rooted path's start is the root itself.
            ".." if text.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    match parts.is_empty() {
        // `.` and `/` name the root itself, which no path of the context is called.
        true => ".".to_owned(),
        false => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::IgnoreList;

    fn left_out<'a>(text: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let list = IgnoreList::parse(text).unwrap();
        let mut out = paths.to_vec();
        out.retain(|path| list.leaves_out(path));
        out
    }

    #[test]
    fn a_folders_rule_holds_for_all_below_it() {
        let paths = ["node_modules", "node_modules/a/b.js", "src/node_modules/x"];
        assert_eq!(left_out("node_modules", &paths), &paths[..2]);
        assert_eq!(left_out("/node_modules/", &paths), &paths[..2]);
        assert_eq!(left_out("./x/../node_modules", &paths), &paths[..2]);
        assert_eq!(left_out("**/node_modules", &paths), &paths[..]);
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        let paths = ["a.md", "README.md", "README-secret.md"];
        // The three examples of Docker's documentation.
        assert_eq!(
            left_out("*.md\n!README.md", &paths),
            ["a.md", "README-secret.md"]
        );
        assert_eq!(
            left_out("*.md\n!README*.md\nREADME-secret.md", &paths),
            ["a.md", "README-secret.md"]
        );
        assert_eq!(
            left_out("*.md\nREADME-secret.md\n!README*.md", &paths),
            ["a.md"]
        );
    }

    #[test]
    fn comments_blanks_and_a_byte_order_mark_are_no_rules() {
        let text = "\u{feff}# node_modules\n\n   \n  spaced  \n";
        let paths = ["# node_modules", "node_modules", "spaced", " #x"];
        assert_eq!(left_out(text, &paths), ["spaced"]);
        assert_eq!(left_out(" #x", &["#x"]), ["#x"]);
    }

    #[test]
    fn a_folder_left_out_is_looked_into_when_an_exception_may_lie_below() {
        let list = IgnoreList::parse("vendor\n!vendor/keep/*.txt").unwrap();
        assert!(list.leaves_out("vendor"));
        assert!(list.may_keep_below("vendor"));
        assert!(!list.leaves_out("vendor/keep/a.txt"));
        assert!(list.leaves_out("vendor/keep/a.md"));
        assert!(!list.may_keep_below("other"));
        let everywhere = IgnoreList::parse("*\n!**/go.mod").unwrap();
        assert!(everywhere.may_keep_below("any"));
        assert!(!everywhere.leaves_out("any/where/go.mod"));
    }

    #[test]
    fn the_star_and_root_leave_out_what_docker_leaves_out() {
        assert_eq!(
            left_out("*", &["a", "a/b", ".hidden"]),
            ["a", "a/b", ".hidden"]
        );
        assert_eq!(left_out(".", &["a"]), Vec::<&str>::new());
        assert_eq!(left_out("/", &["a"]), Vec::<&str>::new());
        assert_eq!(left_out("../a", &["a"]), Vec::<&str>::new());
        assert_eq!(left_out("/../a", &["a"]), ["a"]);
    }

    #[test]
    fn all_broken_lines_are_told_with_their_numbers() {
        let wrong = IgnoreList::parse("ok\n!\n[a\n").unwrap_err();
        let told: Vec<_> = wrong.iter().map(|(n, e)| (*n, e.to_string())).collect();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].0, 2);
        assert!(told[1].1.contains("\"[a\""), "{told:?}");
    }

    #[test]
    fn a_kept_path_with_wild_characters_is_kept_exactly() {
        let mut list = IgnoreList::parse("*").unwrap();
        list.keep("Docker[f]ile*");
        assert!(!list.leaves_out("Docker[f]ile*"));
        assert!(list.leaves_out("Dockerfile"));
    }
}
