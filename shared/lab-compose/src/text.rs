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

/// Nanoseconds of a duration that may have a sign.
pub(crate) fn duration_signed(text: &str) -> Option<i64> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let nanoseconds = i64::try_from(duration_ns(rest)?).ok()?;
    Some(if negative { -nanoseconds } else { nanoseconds })
}

/// A duration as Go prints it: `1m30s`, `500ms`, `26h0m0s`, `1.5s`, `2µs`.
pub(crate) fn duration_text(nanoseconds: i64) -> String {
    const SECOND: u64 = 1_000_000_000;
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let size = nanoseconds.unsigned_abs();
    let below_a_second = match size {
        0 => Some((0, 0, "s")),
        1..1_000 => Some((size, 0, "ns")),
        1_000..1_000_000 => Some((size / 1_000, size % 1_000 * 1_000_000, "µs")),
        1_000_000..SECOND => Some((size / 1_000_000, size % 1_000_000 * 1_000, "ms")),
        SECOND.. => None,
    };
    if let Some((whole, billionths, unit)) = below_a_second {
        return format!("{sign}{whole}{}{unit}", fraction(billionths));
    }
    let (seconds, rest) = (size / SECOND, fraction(size % SECOND));
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}{rest}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}{rest}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}{rest}s"),
    }
}

/// So many billionths, as the digits after a point; nothing where there are none.
fn fraction(billionths: u64) -> String {
    let digits = format!(".{billionths:09}");
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    digits.to_owned()
}

/// Bytes of a size such as `512`, `1.5g`, `64 MB` or `10kib`; a unit is a power of 1024.
pub(crate) fn size_bytes(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        // Docker Compose reads a negative number, but not a text that holds one; a file that was
        // printed by `config` has only texts.
        return Some(number);
    }
    let last = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')?;
    let (number, unit) = text.split_at(last + 1);
    let number: f64 = number.strip_suffix(' ').unwrap_or(number).parse().ok()?;
    let unit = unit.to_ascii_lowercase();
    let power = match unit.as_bytes() {
        [] | [b'b'] => 0,
        [prefix] | [prefix, b'b'] | [prefix, b'i', b'b'] => match prefix {
            b'k' => 1,
            b'm' => 2,
            b'g' => 3,
            b't' => 4,
            b'p' => 5,
            _ => return None,
        },
        _ => return None,
    };
    let bytes = number * 1024_f64.powi(power);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a part of a byte is dropped, and the range is checked"
    )]
    (number.is_finite() && number >= 0.0 && bytes < 9.2e18).then_some(bytes as i64)
}

#[cfg(test)]
mod tests {
    use super::{duration_ns, duration_signed, duration_text, size_bytes, words};

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
            ("500ms", "500ms"),
            ("1500ms", "1.5s"),
            ("90s", "1m30s"),
            ("60m", "1h0m0s"),
            ("1d2h", "26h0m0s"),
            ("61.05s", "1m1.05s"),
            ("0", "0s"),
            ("1us", "1µs"),
            ("1500ns", "1.5µs"),
            ("7ns", "7ns"),
            ("1.5ms", "1.5ms"),
            ("-5s", "-5s"),
            ("+5s", "5s"),
        ];
        for (text, expected) in cases {
            let shown = duration_signed(text).map(duration_text);
            assert_eq!(shown.as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn sizes_are_numbers_with_units_of_1024() {
        let cases = [
            ("512", Some(512)),
            ("1.5g", Some(1_610_612_736)),
            ("64MB", Some(67_108_864)),
            ("64 mb", Some(67_108_864)),
            ("10KiB", Some(10_240)),
            ("1b", Some(1)),
            ("0.5k", Some(512)),
            ("1e3", Some(1_000)),
            ("-1", Some(-1)),
            ("", None),
            ("k", None),
            ("1x", None),
            ("1kk", None),
            ("1kibs", None),
            ("-1k", None),
            ("1 k b", None),
            ("99999999p", None),
        ];
        for (text, expected) in cases {
            assert_eq!(size_bytes(text), expected, "{text:?}");
        }
    }
}
