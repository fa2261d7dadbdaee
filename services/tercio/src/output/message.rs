//! Bodies of messages as JSON, whatever they were written in.

use lab_wire::{Encoding, sniff};
use serde_json::Value;

/// The body as one line of JSON; what is neither JSON nor MessagePack is shown as a JSON string.
#[must_use]
pub fn body_text(body: &[u8]) -> String {
    body_value(body).to_string()
}

/// The body as a JSON value.
#[must_use]
pub fn body_value(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let decoded = match sniff(body) {
        Encoding::Json => lab_wire::decode_json::<Value>(body).ok(),
        Encoding::MessagePack => lab_wire::decode::<rmpv::Value>(body).ok().map(json),
    };
    decoded.unwrap_or_else(|| bytes(body))
}

fn json(value: rmpv::Value) -> Value {
    match value {
        rmpv::Value::Nil => Value::Null,
        rmpv::Value::Boolean(truth) => truth.into(),
        rmpv::Value::Integer(integer) => match (integer.as_i64(), integer.as_u64()) {
            (Some(signed), _) => signed.into(),
            (None, Some(unsigned)) => unsigned.into(),
            (None, None) => Value::Null,
        },
        rmpv::Value::F32(number) => f64::from(number).into(),
        rmpv::Value::F64(number) => number.into(),
        rmpv::Value::String(text) => bytes(text.as_bytes()),
        rmpv::Value::Binary(binary) => bytes(&binary),
        rmpv::Value::Array(items) => items.into_iter().map(json).collect(),
        rmpv::Value::Map(entries) => {
            let entries = entries
                .into_iter()
                .map(|(key, value)| (key_text(key), json(value)));
            Value::Object(entries.collect())
        }
        rmpv::Value::Ext(kind, data) => serde_json::json!({"ext": kind, "data": bytes(&data)}),
    }
}

fn key_text(key: rmpv::Value) -> String {
    match json(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Text where it is text; else the numbers of the bytes.
fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.to_vec().into(),
    }
}

#[cfg(test)]
mod tests {
    use lab_wire::stream::{Frame, LogBatch, LogLine, LogSource};
    use lab_wire::{Encoding, encode};

    use super::body_text;

    #[test]
    fn messagepack_json_and_other_bytes_are_all_shown_as_json() {
        let frame = Frame::Credit {
            received: 3,
            granted: 19,
        };
        let packed = encode(&frame, Encoding::MessagePack);
        assert_eq!(
            body_text(&packed),
            r#"{"granted":19,"kind":"credit","received":3}"#
        );
        assert_eq!(
            body_text(&encode(&frame, Encoding::Json)),
            body_text(&packed)
        );
        assert_eq!(body_text(b""), "null");
        assert_eq!(body_text(b"plain text"), "\"plain text\"");
        assert_eq!(body_text(&[0xc1, 0xff]), "[193,255]");
    }

    #[test]
    fn bytes_inside_a_message_are_text_where_they_are_text() {
        let line = |text: &[u8]| LogLine {
            at_unix_ns: 1,
            source: LogSource::Stdout,
            text: text.to_vec(),
        };
        let batch = LogBatch {
            lines: vec![line(b"hello"), line(&[0xff])],
        };
        let shown = body_text(&encode(&batch, Encoding::MessagePack));
        assert!(shown.contains(r#""text":"hello""#), "{shown}");
        assert!(shown.contains(r#""text":[255]"#), "{shown}");
    }
}
