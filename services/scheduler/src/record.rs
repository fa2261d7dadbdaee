//! The bytes of a record: a MessagePack map of the tag and the value.

use lab_placement::{Key, Record};
use lab_types::WriteTag;
use lab_wire::Encoding;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Tagged<'a> {
    tag: WriteTag,
    record: &'a Record,
}

#[derive(Deserialize)]
struct Read {
    tag: WriteTag,
    record: Record,
}

/// The bytes that stand in the state stream.
pub(crate) fn encode(tag: WriteTag, record: &Record) -> Vec<u8> {
    lab_wire::encode(&Tagged { tag, record }, Encoding::MessagePack)
}

/// Reads what stands in the state stream. A record that this version cannot read is an error: to
/// lead without it would be to forget what somebody was promised.
pub(crate) fn decode(key: &str, bytes: &[u8]) -> Result<(Key, WriteTag, Record), UnreadableRecord> {
    let refuse = |reason: String| UnreadableRecord {
        key: key.to_owned(),
        reason,
    };
    let typed: Key = key.parse().map_err(|error| refuse(format!("{error}")))?;
    let read: Read = lab_wire::decode(bytes).map_err(|error| refuse(error.to_string()))?;
    Ok((typed, read.tag, read.record))
}

/// A record of the state that this version does not understand.
#[derive(Debug, thiserror::Error)]
#[error("the record {key} of the lab's state cannot be read: {reason}")]
pub struct UnreadableRecord {
    key: String,
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use lab_placement::{Key, Record};
    use lab_types::{Epoch, Incarnation, Pass, TaskSpec, WriteTag};

    #[test]
    fn a_record_reads_back_with_its_tag_and_a_torn_one_is_refused_by_its_key() {
        let spec = TaskSpec {
            image: "redis:alpine".into(),
            ..TaskSpec::default()
        };
        let key = Key::Spec(spec.digest());
        let tag = WriteTag {
            incarnation: Incarnation(1),
            epoch: Epoch(2),
            pass: Pass(3),
        };
        let record = Record::Spec(Box::new(spec));
        let bytes = encode(tag, &record);
        let (read_key, read_tag, read) = decode(&key.to_string(), &bytes).unwrap();
        assert_eq!((read_key, read_tag, read), (key.clone(), tag, record));

        let torn = decode(&key.to_string(), &bytes[..bytes.len() - 1]).unwrap_err();
        assert!(torn.to_string().contains(&key.to_string()), "{torn}");
    }
}
