//! The bytes of a record: a MessagePack map of the tag and the value.

use lab_placement::{Key, Record, Unread};
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

/// Reads what stands in the state stream. What this version cannot read, or could not write again without
/// losing some of it, is left alone.
pub(crate) fn decode(key: &str, bytes: &[u8]) -> Result<(Key, WriteTag, Record), Unread> {
    let refuse = |why: String| Unread {
        key: key.to_owned(),
        why,
    };
    let typed: Key = key.parse().map_err(|error| refuse(format!("{error}")))?;
    let read: Read = lab_wire::decode(bytes).map_err(|error| refuse(error.to_string()))?;
    let again = Tagged {
        tag: read.tag,
        record: &read.record,
    };
    match lab_wire::codec::keeps_all(bytes, &again) {
        true => Ok((typed, read.tag, read.record)),
        false => Err(refuse("it says more than this version knows".to_owned())),
    }
}

/// The records that can be read, and the others.
pub(crate) fn read_all(
    records: &[(String, Vec<u8>)],
) -> (Vec<(Key, WriteTag, Record)>, Vec<Unread>) {
    let (mut read, mut unread) = (Vec::with_capacity(records.len()), Vec::new());
    for (key, bytes) in records {
        match decode(key, bytes) {
            Ok(record) => read.push(record),
            Err(aside) => {
                tracing::warn!(key = aside.key, why = aside.why, "a record is left alone");
                unread.push(aside);
            }
        }
    }
    (read, unread)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{decode, encode, read_all};
    use lab_placement::{Key, Record};
    use lab_types::{
        Assignment, Epoch, Incarnation, NodeId, Pass, ProjectName, ProjectRecord, TaskSpec,
        UnixMillis, WriteTag,
    };

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
        assert_eq!(torn.key, key.to_string());
    }

    /// The bytes of a record that says more than this version knows.
    fn newer(record: &Record, change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
        let bytes = encode(WriteTag::default(), record);
        let mut value: serde_json::Value = lab_wire::decode(&bytes).unwrap();
        change(&mut value["record"]["value"]);
        lab_wire::encode(&value, lab_wire::Encoding::MessagePack)
    }

    #[test]
    fn what_a_newer_scheduler_wrote_is_left_alone_where_writing_it_again_would_lose_some_of_it() {
        let assignment = Assignment::empty(NodeId::new("n1").unwrap());
        let assignment = Record::Assignment(assignment);
        let project = Record::Project(ProjectRecord {
            name: ProjectName::new("shop").unwrap(),
            revision: 1,
            applied_at: UnixMillis(1),
            applied_by: "alice".into(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            working_dir: "/shop".into(),
            config_files: vec!["compose.yaml".into()],
        });
        let (of_node, of_project) = ("assignment.n1", "desired.project.shop");
        let task = serde_json::json!({
            "id": "t1", "project": "shop", "service": "web", "slot": 1, "spec": "1".repeat(64),
            "target": "pause", "gate": "open",
        });
        let records = [
            (of_node, newer(&assignment, |_| {})),
            (
                of_node,
                newer(&assignment, |value| value["tasks"]["t1"] = task.clone()),
            ),
            (of_project, newer(&project, |_| {})),
            (
                of_project,
                newer(&project, |value| value["owner"] = "alice".into()),
            ),
            ("rollout.shop.web", newer(&project, |_| {})),
            (of_project, b"torn".to_vec()),
        ];
        let records = records.map(|(key, bytes)| (key.to_owned(), bytes));
        let (read, unread) = read_all(&records);
        let read: Vec<String> = read.iter().map(|(key, ..)| key.to_string()).collect();
        assert_eq!(read, [of_node, of_project]);
        let unread: Vec<&str> = unread.iter().map(|unread| unread.key.as_str()).collect();
        assert_eq!(
            unread,
            [of_node, of_project, "rollout.shop.web", of_project]
        );
    }

    #[test]
    fn an_older_schedulers_record_that_lacks_what_is_always_written_now_is_read() {
        let bytes = newer(&Record::Spec(Box::default()), |value| {
            value.as_object_mut().unwrap().remove("reservation");
        });
        let key = format!("spec.{}", TaskSpec::default().digest());
        assert_eq!(
            decode(&key, &bytes).unwrap().2,
            Record::Spec(Box::default())
        );
    }
}
