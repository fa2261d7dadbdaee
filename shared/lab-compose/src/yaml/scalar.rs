//! What an unquoted scalar is: go-yaml's rules, YAML 1.2 with remains of 1.1.

use super::{Text, Value};

/// The value of an unquoted scalar without a tag.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    number(text).unwrap_or_else(|| {
        if is_date(text) {
            Value::Date(text.to_owned())
        } else {
            plain(text)
        }
    })
}

/// A text that stands for itself.
pub(super) fn plain(text: &str) -> Value {
    Value::Text(Text {
        text: text.to_owned(),
        inset: None,
    })
}

/// The number a text reads as, if any.
pub(super) fn number(text: &str) -> Option<Value> {
    /// No number worth reading is longer; the limit keeps a megabyte of digits cheap.
    const NUMBER_BYTES_MAX: usize = 400;
    if text.len() > NUMBER_BYTES_MAX
        || !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
    {
        return None;
    }
    if text.starts_with('.') {
        return float(text);
    }
    let digits = text.replace('_', "");
    integer(&digits).or_else(|| float(&digits))
}

fn integer(digits: &str) -> Option<Value> {
    let (negative, magnitude) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    let (radix, body) = match magnitude.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &magnitude[2..]),
        [b'0', b'b' | b'B', ..] => (2, &magnitude[2..]),
        [b'0', b'o' | b'O', ..] => (8, &magnitude[2..]),
        [b'0', _, ..] => (8, &magnitude[1..]),
        _ => (10, magnitude),
    };
    if body.is_empty() || !body.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(body, radix).ok()?;
    let value = if negative { -value } else { value };
    let range = i128::from(i64::MIN)..=i128::from(u64::MAX);
    range.contains(&value).then_some(Value::Int(value))
}

fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let exponent_reads = exponent.is_none_or(|text| {
        let text = text.strip_prefix(['+', '-']).unwrap_or(text);
        !text.is_empty() && digits(text)
    });
    let mantissa_reads =
        digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    if !mantissa_reads || !exponent_reads {
        return None;
    }
    // Go reports a range error where Rust returns infinity; either way it is no number.
    text.parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
        .map(Value::Float)
}

/// Whether go-yaml takes the text for a point in time: `2001-12-14`, with or without a time of day.
fn is_date(text: &str) -> bool {
    let mut rest = text;
    let year = take_digits(&mut rest, 4).filter(|_| text.len() - rest.len() == 4);
    let month = rest.strip_prefix('-').and_then(|after| {
        rest = after;
        take_digits(&mut rest, 2)
    });
    let day = rest.strip_prefix('-').and_then(|after| {
        rest = after;
        take_digits(&mut rest, 2)
    });
    match (year, month, day) {
        (Some(year), Some(month), Some(day)) => {
            (1..=days_in(year, month)).contains(&day) && (rest.is_empty() || is_time(rest))
        }
        _ => false,
    }
}

/// Days of a month, none for a month that does not exist.
const fn days_in(year: u32, month: u32) -> u32 {
    let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    }
}

fn is_time(text: &str) -> bool {
    let zoned = text.starts_with(['T', 't']);
    let Some(mut rest) = text.strip_prefix(['T', 't', ' ']) else {
        return false;
    };
    for limit in [24, 60, 60] {
        if limit != 24 {
            let Some(after) = rest.strip_prefix(':') else {
                return false;
            };
            rest = after;
        }
        if take_digits(&mut rest, 2).is_none_or(|value| value >= limit) {
            return false;
        }
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let zone = rest == "Z" || (rest.len() == 6 && rest.starts_with(['+', '-']));
    if zoned { zone } else { rest.is_empty() }
}

/// Takes up to `most` leading digits as a number.
fn take_digits(rest: &mut &str, most: usize) -> Option<u32> {
    let count = rest
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    let (digits, after) = rest.split_at(count);
    *rest = after;
    digits.parse().ok()
}

/// A float as Go's `%g` prints it: the shortest text, with an exponent from 1e6 on.
pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::{Value, float_text, resolve};

    fn shown(text: &str) -> String {
        match resolve(text) {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => format!("bool {value}"),
            Value::Int(value) => format!("int {value}"),
            Value::Float(value) => format!("float {}", float_text(value)),
            Value::Text(text) => format!("text {}", text.text),
            Value::Date(_) => "date".to_owned(),
            Value::List(_) | Value::Map(_) | Value::Invalid => "other".to_owned(),
        }
    }

    #[test]
    fn unquoted_scalars_are_what_go_yaml_says() {
        let cases = [
            ("yes", "text yes"),
            ("NO", "text NO"),
            ("on", "text on"),
            ("True", "bool true"),
            ("~", "null"),
            ("", "null"),
            ("017", "int 15"),
            ("0o17", "int 15"),
            ("-0o17", "int -15"),
            ("0x1F", "int 31"),
            ("0b101", "int 5"),
            ("1_000", "int 1000"),
            ("+12", "int 12"),
            ("09", "float 9"),
            ("1e3", "float 1000"),
            ("1.0", "float 1"),
            ("1.", "float 1"),
            (".5", "float 0.5"),
            ("1e21", "float 1e+21"),
            ("1e5", "float 100000"),
            ("1e6", "float 1e+06"),
            ("1234567.5", "float 1.2345675e+06"),
            ("0.0001", "float 0.0001"),
            ("0.00001", "float 1e-05"),
            ("-.inf", "float -Inf"),
            ("18446744073709551615", "int 18446744073709551615"),
            ("18446744073709551616", "float 1.8446744073709552e+19"),
            ("22:22", "text 22:22"),
            ("1.2.3", "text 1.2.3"),
            ("0x", "text 0x"),
            (".", "text ."),
            ("-", "text -"),
            ("1e", "text 1e"),
            ("2020-01-01", "date"),
            ("2020-1-1", "date"),
            ("2020-01-01 10:20:30.5", "date"),
            ("2020-01-01T10:20:30Z", "date"),
            ("2020-01-01T10:20:30", "text 2020-01-01T10:20:30"),
            ("2020-13-01", "text 2020-13-01"),
            ("2020-02-29", "date"),
            ("2021-02-29", "text 2021-02-29"),
            ("2020-04-31", "text 2020-04-31"),
            ("20-01-01", "text 20-01-01"),
            ("2020-01-01x", "text 2020-01-01x"),
            ("1234-5678", "text 1234-5678"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }
}
