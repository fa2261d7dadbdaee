//! Numbers with a meaning: counts, sizes, shares, permissions, durations.

use super::Canonical;
use crate::codes::{self, CodeInfo};
use crate::grammar::{Numbers, Range};
use crate::sink::Finding;
use crate::trail::Trail;
use crate::yaml::{Node, Value};

impl Canonical<'_> {
    pub(super) fn integer(&mut self, node: Node, range: Range, trail: &Trail<'_>) -> Node {
        let number = match &node.value {
            Value::Int(number) => Some(*number),
            Value::Float(value) if range.cut || value.fract() == 0.0 => whole(*value),
            Value::Text(_) if !range.texts => None,
            Value::Text(text) => match text.text.parse() {
                Ok(number) => Some(number),
                Err(_) => {
                    let message = format!("{trail} must be a whole number, not \"{}\"", text.text);
                    return self.bad(codes::BAD_NUMBER, &node, message, None);
                }
            },
            Value::Float(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Date(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Invalid => None,
        };
        let Some(number) = number else {
            return self.refuse(&node, "a whole number", trail);
        };
        if (range.least..=range.most).contains(&number) {
            return Node::new(node.place, Value::Int(number));
        }
        let (least, most) = (range.least, range.most);
        let wanted = if most < i128::from(i64::MAX) {
            format!("from {least} to {most}")
        } else if least == 0 {
            "0 or more".to_owned()
        } else {
            "a number of at most 64 bits".to_owned()
        };
        let message = format!("{trail} must be {wanted}, not {number}");
        self.bad(codes::BAD_NUMBER, &node, message, None)
    }

    pub(super) fn float(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        let number = match &node.value {
            #[expect(clippy::cast_precision_loss, reason = "Go keeps 32 bits of it anyway")]
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Text(text) => match text.text.parse::<f64>() {
                Ok(number) => Some(number),
                Err(_) => {
                    let message = format!("{trail} must be a number, not \"{}\"", text.text);
                    return self.bad(codes::BAD_NUMBER, &node, message, None);
                }
            },
            Value::Null
            | Value::Bool(_)
            | Value::Date(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Invalid => None,
        };
        match number {
            Some(number) if number.is_finite() => Node::new(node.place, Value::Float(number)),
            Some(_) | None => self.refuse(&node, "a number", trail),
        }
    }

    /// A size stays as it is written until all files are merged.
    pub(super) fn size(&mut self, node: Node, numbers: Numbers, trail: &Trail<'_>) -> Node {
        match (&node.value, numbers) {
            (Value::Int(number), Numbers::Whole) => Node::text(node.place, number.to_string()),
            (Value::Text(_), _) => node,
            _ => self.refuse(&node, "a text such as 512m", trail),
        }
    }

    pub(super) fn count(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        if node
            .as_text()
            .is_some_and(|text| text.eq_ignore_ascii_case("all"))
        {
            return Node::new(node.place, Value::Int(-1));
        }
        self.integer(node, Range::SIGNED, trail)
    }

    pub(super) fn mode(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        let Some(text) = node.as_text() else {
            return self.integer(node, Range::SIGNED, trail);
        };
        match i64::from_str_radix(text, 8) {
            Ok(bits) => Node::new(node.place, Value::Int(i128::from(bits))),
            Err(_) => {
                let message = format!("{trail} must be the bits of permissions, not \"{text}\"");
                let help = "write them as octal digits, as in \"0440\"";
                self.bad(codes::BAD_NUMBER, &node, message, Some(help))
            }
        }
    }

    /// A duration stays as it is written until all files are merged.
    pub(super) fn duration(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        if let Some(number) = node.as_int() {
            let message = format!("{trail} is a number without a unit");
            let help = format!("for seconds write {number}s");
            return self.bad(codes::BAD_DURATION, &node, message, Some(&help));
        }
        self.text(node, trail)
    }

    fn bad(&mut self, code: CodeInfo, node: &Node, message: String, help: Option<&str>) -> Node {
        let finding = Finding::error(code, node.place, message);
        self.sink.add(match help {
            Some(help) => finding.help(help),
            None => finding,
        });
        Node::invalid(node.place)
    }
}

/// The whole part of a number that fits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked before"
)]
fn whole(value: f64) -> Option<i128> {
    (value.abs() < 1e19).then_some(value as i128)
}
