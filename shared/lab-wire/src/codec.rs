//! MessagePack maps with named fields; JSON wherever a body begins with `{`.
//!
//! A MessagePack map never begins with the byte of `{` (0x7b is the small integer 123), so the first
//! byte tells the encodings apart, and the reply is made in the encoding of the request.

use serde::{Serialize, de::DeserializeOwned};

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// MessagePack with named fields.
    #[default]
    MessagePack,
    /// JSON text.
    Json,
}

impl Encoding {
    /// The `Content-Type` that goes with it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::MessagePack => "application/msgpack",
            Self::Json => "application/json",
        }
    }
}

/// Why bytes are not the message they should be.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They begin like JSON but are not this message in JSON.
    #[error("not a valid JSON body: {0}")]
    Json(String),
    /// They are not this message in MessagePack.
    #[error("not a valid MessagePack body: {0}")]
    MessagePack(String),
    /// They are followed by more bytes.
    #[error("{extra} bytes follow the end of the MessagePack body")]
    Trailing {
        /// How many.
        extra: usize,
    },
}

/// Tells the encoding by the first byte that is not white space. An empty body is MessagePack.
#[must_use]
pub fn sniff(body: &[u8]) -> Encoding {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Encoding::Json,
        Some(_) | None => Encoding::MessagePack,
    }
}

/// Reads a body in either encoding; an empty one reads as an empty map.
///
/// # Errors
/// [`DecodeError`] in words that name the field at fault, where the decoder knows it.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return decode_json(b"{}");
    }
    match sniff(body) {
        Encoding::Json => decode_json(body),
        Encoding::MessagePack => {
            let mut rest = rmp_serde::Deserializer::new(std::io::Cursor::new(body));
            rest.set_max_depth(DEPTH_MAX);
            let value = T::deserialize(&mut rest)
                .map_err(|error| DecodeError::MessagePack(error.to_string()))?;
            let read = usize::try_from(rest.get_ref().position()).unwrap_or(body.len());
            match body.len().saturating_sub(read) {
                0 => Ok(value),
                extra => Err(DecodeError::Trailing { extra }),
            }
        }
    }
}

/// Whether a value that was read from a body says all that the body says, so that writing it again would
/// lose nothing: no field was dropped, no unknown word replaced.
#[must_use]
pub fn keeps_all<T: Serialize>(body: &[u8], value: &T) -> bool {
    let again = encode(value, sniff(body));
    if again == body {
        return true;
    }
    let read = |bytes: &[u8]| decode::<serde_json::Value>(bytes).ok();
    match (read(body), read(&again)) {
        (Some(told), Some(kept)) => holds(&kept, &told),
        (None, _) | (_, None) => false,
    }
}

/// Whether `more` has all that `less` has, and perhaps further fields.
fn holds(more: &serde_json::Value, less: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object};
    match (more, less) {
        (Object(more), Object(less)) => less.iter().all(|(key, less)| {
            let more = more.get(key);
            more.is_some_and(|more| holds(more, less))
        }),
        (Array(more), Array(less)) => {
            more.len() == less.len() && more.iter().zip(less).all(|(more, less)| holds(more, less))
        }
        (more, less) => more == less,
    }
}

/// How deep a MessagePack body may nest. The deepest message (a plan) nests 12 deep.
const DEPTH_MAX: usize = 64;

/// Reads JSON whatever the first byte.
///
/// # Errors
/// [`DecodeError::Json`] with line and column.
pub fn decode_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|error| DecodeError::Json(error.to_string()))
}

/// Writes a message.
///
/// # Panics
/// Never for messages of this crate: they hold strings, numbers, byte strings, lists and maps with
/// string keys, which both encodings can hold.
#[must_use]
pub fn encode<T: Serialize>(message: &T, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::MessagePack => {
            rmp_serde::to_vec_named(message).expect("invariant: wire types fit MessagePack")
        }
        Encoding::Json => encode_json(message),
    }
}

/// Writes a message as JSON.
///
/// # Panics
/// As [`encode`].
#[must_use]
pub fn encode_json<T: Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(message).expect("invariant: wire types fit JSON")
}

#[cfg(test)]
mod tests {
    use super::{DecodeError, Encoding, decode, encode, sniff};
    use crate::request::ServiceScale;

    #[test]
    fn a_request_reads_the_same_from_json_and_messagepack() {
        let json = br#" {"service":"web","replicas":3}"#;
        let from_json: ServiceScale = decode(json).unwrap();
        let packed = encode(&from_json, Encoding::MessagePack);
        let from_packed: ServiceScale = decode(&packed).unwrap();
        assert_eq!(from_json, from_packed);
        assert_eq!(
            (sniff(json), sniff(&packed)),
            (Encoding::Json, Encoding::MessagePack)
        );
    }

    #[test]
    fn a_misspelt_field_is_named_not_ignored() {
        let error = decode::<ServiceScale>(br#"{"service":"web","replica":3}"#).unwrap_err();
        assert!(error.to_string().contains("replica"), "{error}");
    }

    #[test]
    fn bytes_after_the_message_are_refused() {
        let scale: ServiceScale = decode(br#"{"service":"web","replicas":3}"#).unwrap();
        let mut packed = encode(&scale, Encoding::MessagePack);
        packed.push(0xc0);
        assert!(matches!(
            decode::<ServiceScale>(&packed),
            Err(DecodeError::Trailing { extra: 1 })
        ));
    }

    proptest::proptest! {
        #[test]
        fn the_decoder_is_total_on_arbitrary_bytes(bytes: Vec<u8>) {
            let _ = decode::<crate::request::ProjectApply>(&bytes);
            let _ = decode::<lab_types::Report>(&bytes);
            let _ = decode::<crate::stream::Frame>(&bytes);
        }
    }
}
