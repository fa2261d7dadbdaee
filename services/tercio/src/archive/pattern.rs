//! One line of a `.dockerignore`, and whether it matches a path.
//!
//! Docker's language, not git's: a pattern starts at the context's root, `**` crosses folders, `*`
//! and `?` do not, `[a-c]` and `[^a-c]` are one character, `\` takes the next one as it is. Source:
//! Docker's documentation of `.dockerignore` and the matcher of moby it points to. The characters
//! are tried as a set of states side by side, so that no pattern takes more than length × length.

/// Why a line is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line:?} is not a valid pattern: {rule}")]
pub struct InvalidPattern {
    /// The line as written.
    pub line: String,
    /// The rule in words.
    pub rule: &'static str,
}

/// A pattern ready to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    tokens: Vec<Token>,
    /// The text before the first wild card: tells folders below which nothing can match.
    literal_prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// This character.
    Literal(char),
    /// `?`: one character of a name.
    One,
    /// `[…]`: one character in (or not in) these ranges.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// `*`: any number of characters of a name.
    Many,
    /// `**/`: nothing, or any folders with their last slash.
    Folders,
    /// `**` at the end, or before something other than a slash: anything.
    Anything,
}

impl Pattern {
    /// Reads a pattern that was cleaned before (no `.`, no doubled slash, none at the ends).
    ///
    /// # Errors
    /// [`InvalidPattern`] for an open `[`, an empty or reversed range, or a `\` at the end.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let refuse = |rule| InvalidPattern {
            line: text.to_owned(),
            rule,
        };
        let chars: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            match c {
                '*' if chars.get(at) == Some(&'*') => {
                    // Three and more stars are as good as two.
                    while chars.get(at) == Some(&'*') {
                        at += 1;
                    }
                    let slash = chars.get(at) == Some(&'/');
                    at += usize::from(slash);
                    let more = at < chars.len();
                    tokens.push(if slash && more {
                        Token::Folders
                    } else {
                        Token::Anything
                    });
                }
                '*' => tokens.push(Token::Many),
                '?' => tokens.push(Token::One),
                '[' => {
                    let (class, next) = class(&chars, at).map_err(refuse)?;
                    tokens.push(class);
                    at = next;
                }
                '\\' => {
                    let escaped = chars.get(at).ok_or(refuse("a `\\` needs a character"))?;
                    tokens.push(Token::Literal(*escaped));
                    at += 1;
                }
                c => tokens.push(Token::Literal(c)),
            }
        }
        let literal_prefix = tokens
            .iter()
            .map_while(|token| match token {
                Token::Literal(c) => Some(*c),
                _ => None,
            })
            .collect();
        Ok(Self {
            tokens,
            literal_prefix,
        })
    }

    /// Whether the pattern matches the whole of `path`.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let end = self.tokens.len();
        // `at[i]`: the tokens before `i` are done. `inside[i]`: in the middle of the folders of `i`.
        let mut at = vec![false; end + 1];
        let mut inside = vec![false; end + 1];
        at[0] = true;
        self.skip_empty(&mut at);
        for c in path.chars() {
            let mut next_at = vec![false; end + 1];
            let mut next_inside = vec![false; end + 1];
            for (i, token) in self.tokens.iter().enumerate() {
                if !at[i] && !inside[i] {
                    continue;
                }
                match token {
                    Token::Literal(wanted) => next_at[i + 1] |= c == *wanted,
                    Token::One => next_at[i + 1] |= c != '/',
                    Token::Class { negated, ranges } => {
                        let in_it = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                        next_at[i + 1] |= in_it != *negated;
                    }
                    Token::Many => next_at[i] |= c != '/',
                    Token::Anything => next_at[i] = true,
                    Token::Folders => {
                        next_inside[i] = true;
                        next_at[i + 1] |= c == '/';
                    }
                }
            }
            self.skip_empty(&mut next_at);
            (at, inside) = (next_at, next_inside);
        }
        at[end]
    }

    /// Whether the pattern could match something below `folder`; true when that cannot be told.
    #[must_use]
    pub fn may_match_below(&self, folder: &str) -> bool {
        let folder = format!("{folder}/");
        let prefix = &self.literal_prefix;
        let whole = prefix.chars().count() == self.tokens.len();
        match whole {
            true => prefix.starts_with(&folder),
            false => prefix.starts_with(&folder) || folder.starts_with(prefix.as_str()),
        }
    }

    /// Moves past tokens that may match nothing.
    fn skip_empty(&self, at: &mut [bool]) {
        for (i, token) in self.tokens.iter().enumerate() {
            let optional = matches!(token, Token::Many | Token::Folders | Token::Anything);
            if at[i] && optional {
                at[i + 1] = true;
            }
        }
    }
}

/// Reads a class behind its `[`; gives the place behind its `]`.
fn class(chars: &[char], mut at: usize) -> Result<(Token, usize), &'static str> {
    const OPEN: &str = "a `[` needs a `]`";
    let negated = chars.get(at) == Some(&'^');
    at += usize::from(negated);
    let mut ranges = Vec::new();
    loop {
        if chars.get(at) == Some(&']') {
            break;
        }
        let low = class_char(chars, &mut at).ok_or(OPEN)?;
        let mut high = low;
        if chars.get(at) == Some(&'-') {
            at += 1;
            if chars.get(at) == Some(&']') {
                return Err("a range needs an end");
            }
            high = class_char(chars, &mut at).ok_or(OPEN)?;
        }
        if high < low {
            return Err("a range must not be reversed");
        }
        ranges.push((low, high));
    }
    if ranges.is_empty() {
        return Err("a `[]` matches nothing");
    }
    Ok((Token::Class { negated, ranges }, at + 1))
}

fn class_char(chars: &[char], at: &mut usize) -> Option<char> {
    if chars.get(*at) == Some(&'\\') {
        *at += 1;
    }
    let c = chars.get(*at).copied();
    *at += 1;
    c
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    /// Pattern, path, whether it matches. The rows are the rules of Docker's documentation, spelt out.
    const TABLE: &[(&str, &str, bool)] = &[
        ("temp", "temp", true),
        ("temp", "temp/a", false), // parents are the list's business
        ("temp", "temperature", false),
        ("*/temp*", "somedir/temporary.txt", true),
        ("*/temp*", "somedir/sub/temporary.txt", false),
        ("*/temp*", "temporary.txt", false),
        ("*/*/temp*", "somedir/subdir/temporary.txt", true),
        ("temp?", "tempa", true),
        ("temp?", "temp", false),
        ("temp?", "temp/", false),
        ("*.md", "README.md", true),
        ("*.md", "docs/README.md", false),
        ("**/*.go", "main.go", true),
        ("**/*.go", "a/b/main.go", true),
        ("**/*.go", "a/b/main.goo", false),
        ("**", "a/b", true),
        ("**/", "a", true),
        ("dir/**", "dir/a/b", true),
        ("dir/**", "dir", false),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a/**/b", "ab", false),
        ("a/**/b", "a/xb", false),
        ("a**b", "axxb", true),
        ("a**b", "a/x/b", true),
        ("***/x", "a/x", true),
        ("*", "a", true),
        ("*", "a/b", false),
        ("a.c", "abc", false),
        ("a+(b)|{c}$", "a+(b)|{c}$", true),
        ("[a-c]x", "bx", true),
        ("[a-c]x", "dx", false),
        ("[^a-c]x", "dx", true),
        ("[^a-c]x", "ax", false),
        ("[ab]", "b", true),
        ("[\\]]", "]", true),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("\\!keep", "!keep", true),
        ("é?", "éß", true),
    ];

    #[test]
    fn patterns_match_as_docker_documents_them() {
        for (pattern, path, expected) in TABLE {
            let parsed = Pattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(path), *expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn broken_patterns_are_refused_with_the_rule() {
        for (pattern, rule) in [
            ("[", "needs a `]`"),
            ("[a", "needs a `]`"),
            ("[a-", "needs a `]`"),
            ("[a-]", "needs an end"),
            ("[z-a]", "reversed"),
            ("[]", "matches nothing"),
            ("a\\", "needs a character"),
        ] {
            let refused = Pattern::parse(pattern).unwrap_err().to_string();
            assert!(refused.contains(rule), "{pattern}: {refused}");
        }
    }

    #[test]
    fn a_folder_is_left_out_only_when_nothing_below_it_can_match() {
        for (pattern, folder, may) in [
            ("node_modules/keep/me", "node_modules", true),
            ("node_modules/keep/me", "other", false),
            ("node_modules", "node_modules", false),
            ("**/keep", "any", true),
            ("no*/keep", "node_modules", true),
            ("no*/keep", "any", false),
        ] {
            let parsed = Pattern::parse(pattern).unwrap();
            assert_eq!(parsed.may_match_below(folder), may, "{pattern} in {folder}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_and_matching_are_total(pattern in ".{0,20}", path in "[a-c/*]{0,20}") {
            if let Ok(parsed) = Pattern::parse(&pattern) {
                let _ = parsed.matches(&path);
            }
        }

        #[test]
        fn what_matches_below_a_folder_is_never_ruled_out(
            pattern in "[ab/*?]{1,8}", folder in "[ab]{1,2}", rest in "[ab]{1,3}"
        ) {
            let parsed = Pattern::parse(&pattern).unwrap();
            if parsed.matches(&format!("{folder}/{rest}")) {
                proptest::prop_assert!(parsed.may_match_below(&folder));
            }
        }
    }
}
