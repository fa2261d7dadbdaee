//! Values: with and without quotes, and the escapes in them.

/// What stands between the quote that `text` begins with and the next one not behind a backslash.
pub(super) fn quoted(text: &str, quote: char) -> Option<&str> {
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return text.get(1..index);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// An unquoted value: up to a comment behind a blank, without blanks around it.
pub(super) fn unquoted(line: &str) -> String {
    let line = line.trim();
    line[..line.find(" #").unwrap_or(line.len())]
        .trim_end()
        .to_owned()
}

/// Resolves the escapes of a value in double quotes.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some(kept @ ('\\' | '"')) => out.push(kept),
            // Stays a dollar sign through the interpolation that follows.
            Some('$') => out.push_str("$$"),
            Some('0') => out.push_str(&octal(&mut chars)),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// The character of the three octal digits after `\0`. Without them only the `0` is dropped, as the real
/// tool has it.
fn octal(chars: &mut std::str::Chars<'_>) -> String {
    let digits: Option<Vec<u32>> = chars.clone().take(3).map(|c| c.to_digit(8)).collect();
    let value = digits
        .filter(|digits| digits.len() == 3)
        .map(|digits| digits.iter().fold(0, |value, digit| value * 8 + digit));
    match value.filter(|value| *value < 256).and_then(char::from_u32) {
        Some(c) => {
            chars.nth(2);
            c.to_string()
        }
        None => "\\".to_owned(),
    }
}
