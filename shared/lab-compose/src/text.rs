//! Small languages inside values: command lines and durations.

/// Splits a command line into words as Compose does: blanks separate, quotes group, a backslash
/// takes the next character as it is. There is no shell: `$`, `|` and `*` are plain characters.
///
/// `None` when a quote is not closed or a backslash ends the text.
pub(crate) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => {
                let taken = chars.next()?;
                word.get_or_insert_default().push(taken);
            }
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        inside => word.push(inside),
                    }
                }
            }
            '"' => double_quoted(&mut chars, word.get_or_insert_default())?,
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Some(words)
}

fn double_quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '\\' => {
                let taken = chars.next()?;
                word.push(taken);
            }
            inside => word.push(inside),
        }
    }
}

/// Nanoseconds of a duration such as `1m30s`, `1.5h` or `1d2h`. A bare `0` needs no unit.
pub(crate) fn duration_ns(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    if text.is_empty() {
        return None;
    }
    let mut total: u128 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        total = total.checked_add(scaled(number, unit_ns(unit)?)?)?;
        rest = after;
    }
    u64::try_from(total)
        .ok()
        .filter(|ns| i64::try_from(*ns).is_ok())
}

fn unit_ns(unit: &str) -> Option<u128> {
    const SECOND: u128 = 1_000_000_000;
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        "d" => 24 * 3_600 * SECOND,
        "w" => 7 * 24 * 3_600 * SECOND,
        _ => return None,
    })
}

/// A decimal number of units; what is finer than a nanosecond is dropped.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    /// More digits than any duration that fits 64 bits of nanoseconds.
    const DIGITS_MAX: usize = 20;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() > DIGITS_MAX
        || fraction.contains('.')
        || (whole.is_empty() && fraction.is_empty())
    {
        return None;
    }
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut total = whole.checked_mul(unit)?;
    let mut share = unit;
    for digit in fraction.chars() {
        share /= 10;
        total = total.checked_add(share * u128::from(digit.to_digit(10)?))?;
    }
    Some(total)
}

/// A duration as Go prints it: `1m30s`, `500ms`, `26h0m0s`, `1.5s`.
pub(crate) fn duration_text(milliseconds: u64) -> String {
    if milliseconds == 0 {
        return "0s".to_owned();
    }
    if milliseconds < 1_000 {
        return format!("{milliseconds}ms");
    }
    let (seconds, millis) = (milliseconds / 1_000, milliseconds % 1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = format!(".{millis:03}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    match (hours, minutes) {
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, minutes) => format!("{minutes}m{seconds}{fraction}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration_ns, duration_text, words};

    #[test]
    fn command_lines_split_like_a_shell_without_one() {
        let cases: [(&str, &[&str]); 9] = [
            ("python app.py", &["python", "app.py"]),
            ("  a\t b\n", &["a", "b"]),
            (
                "sh -c 'echo \"$HOME\" | cat'",
                &["sh", "-c", "echo \"$HOME\" | cat"],
            ),
            (r#"a "b \"c\" d" e"#, &["a", "b \"c\" d", "e"]),
            (r"a\ b c", &["a b", "c"]),
            ("x'y'\"z\"", &["xyz"]),
            ("'' \"\"", &["", ""]),
            ("a;b&c>d", &["a;b&c>d"]),
            ("", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line).unwrap(), expected, "{line:?}");
        }
        for line in ["'a", "\"a", "a\\"] {
            assert_eq!(words(line), None, "{line:?}");
        }
    }

    #[test]
    fn durations_are_sums_of_numbers_with_units() {
        let ms = |text| duration_ns(text).map(|ns| ns / 1_000_000);
        let cases = [
            ("90s", Some(90_000)),
            ("1m30s", Some(90_000)),
            ("500ms", Some(500)),
            ("1.5s", Some(1_500)),
            ("1d2h", Some(93_600_000)),
            ("1w", Some(604_800_000)),
            ("0", Some(0)),
            ("2us", Some(0)),
            (".5s", Some(500)),
            ("30", None),
            ("", None),
            ("s", None),
            ("1x", None),
            ("-1s", None),
            ("1.2.3s", None),
            ("1s ", None),
            ("99999999999999999999999h", None),
            ("300y", None),
            ("9999999h", None),
        ];
        for (text, expected) in cases {
            assert_eq!(ms(text), expected, "{text:?}");
        }
    }

    #[test]
    fn durations_print_as_go_prints_them() {
        let cases = [
            (500, "500ms"),
            (1_500, "1.5s"),
            (90_000, "1m30s"),
            (3_600_000, "1h0m0s"),
            (93_600_000, "26h0m0s"),
            (61_050, "1m1.05s"),
            (0, "0s"),
        ];
        for (milliseconds, expected) in cases {
            assert_eq!(duration_text(milliseconds), expected);
        }
    }
}
