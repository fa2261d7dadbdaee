//! The wire format, pinned byte by byte: `fixtures/<message>.hex` is what travels, `.json` says what
//! it means.
//!
//! A fixture that fails shows that older programs would no longer understand this one. Then either
//! undo the change, or make it an addition (a field with `#[serde(default)]`); only a message that no
//! release has sent may have its `.hex` removed and, with `TERCIO_WRITE_FIXTURES=1`, written anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use lab_types::{BeatAnswer, Event, Gate, Guard, Heartbeat, Problem, Report, TaskSpec, TaskTarget};
use lab_wire::agent::{
    AssignPush, CheckAsk, CheckReply, CommandReply, InventoryAsk, StreamOpen, SyncReply,
    SyncRequest,
};
use lab_wire::commit::Head;
use lab_wire::image::{ImageAnswer, ImageHave, ImageHead, ImageStand};
use lab_wire::request as req;
use lab_wire::stream::{Frame, LogBatch, OutputBatch};
use lab_wire::{Encoding, Request, decode, decode_json, encode, encode_json};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Hexadecimal digits in a line of a fixture.
const LINE: usize = 96;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn path(name: &str, end: &str) -> PathBuf {
    fixtures().join(format!("{name}.{end}"))
}

fn read(name: &str, end: &str) -> String {
    let path = path(name, end);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write_hex(name: &str, bytes: &[u8]) {
    let digits = HEXLOWER.encode(bytes);
    let lines: Vec<&str> = (0..digits.len())
        .step_by(LINE)
        .map(|from| &digits[from..digits.len().min(from + LINE)])
        .collect();
    std::fs::write(path(name, "hex"), lines.join("\n") + "\n").unwrap();
}

/// Names of the fixtures that were looked at.
#[derive(Default)]
struct Pinned(BTreeSet<String>);

impl Pinned {
    fn message<T: Serialize + DeserializeOwned>(&mut self, name: &str) {
        self.0.insert(name.to_owned());
        let json = read(name, "json");
        let value: T = decode_json(json.as_bytes()).unwrap_or_else(|e| panic!("{name}.json: {e}"));
        let told: Value = serde_json::from_str(&json).unwrap();
        let kept: Value = serde_json::from_slice(&encode_json(&value)).unwrap();
        assert_eq!(
            kept, told,
            "{name}: what the sample says is not what is kept of it"
        );
        let bytes = encode(&value, Encoding::MessagePack);
        if !path(name, "hex").exists() && std::env::var_os("TERCIO_WRITE_FIXTURES").is_some() {
            write_hex(name, &bytes);
        }
        let hex: String = read(name, "hex").split_whitespace().collect();
        let pinned = HEXLOWER.decode(hex.as_bytes()).unwrap();
        let old: T = decode(&pinned).unwrap_or_else(|e| panic!("{name}.hex: {e}"));
        let old: Value = serde_json::from_slice(&encode_json(&old)).unwrap();
        assert_eq!(
            old, told,
            "{name}: the pinned bytes mean something else now"
        );
        assert_eq!(
            HEXLOWER.encode(&bytes),
            hex,
            "{name}: the bytes that travel have changed"
        );
    }

    fn request<R: Request>(&mut self) {
        let name = format!("{}.{}", R::INFO.noun, R::INFO.verb);
        self.message::<R>(&format!("{name}.request"));
        self.message::<R::Reply>(&format!("{name}.reply"));
    }
}

#[test]
fn every_message_travels_in_the_bytes_in_which_it_was_pinned() {
    let mut pinned = Pinned::default();
    pinned.request::<req::PlanCreate>();
    pinned.request::<req::ProjectApply>();
    pinned.request::<req::ProjectRemove>();
    pinned.request::<req::ProjectFactsGet>();
    pinned.request::<req::ProjectList>();
    pinned.request::<req::ProjectHistory>();
    pinned.request::<req::ProjectInspect>();
    pinned.request::<req::PlanRestore>();
    pinned.request::<req::ServiceCreate>();
    pinned.request::<req::ServiceScale>();
    pinned.request::<req::ServiceRemove>();
    pinned.request::<req::ServiceList>();
    pinned.request::<req::ServiceInspect>();
    pinned.request::<req::ServiceLogs>();
    pinned.request::<req::TaskList>();
    pinned.request::<req::NodeList>();
    pinned.request::<req::NodeInspect>();
    pinned.request::<req::NodeUpdate>();
    pinned.request::<req::NodeRemove>();
    pinned.request::<req::ImageBuild>();
    pinned.request::<req::ImagePull>();
    pinned.request::<req::LabStatusGet>();
    pinned.request::<req::MachineList>();
    pinned.request::<req::EventList>();
    for info in req::REQUESTS {
        let name = format!("{}.{}.request", info.noun, info.verb);
        assert!(pinned.0.contains(&name), "{name} has no fixture");
    }
    pinned.message::<AssignPush>("agent.assign");
    pinned.message::<SyncRequest>("agent.sync.request");
    pinned.message::<SyncReply>("agent.sync.reply");
    pinned.message::<InventoryAsk>("agent.inventory");
    pinned.message::<CheckAsk>("agent.check.request");
    pinned.message::<CheckReply>("agent.check.reply");
    for content in ["logs", "build", "pull", "send_image"] {
        pinned.message::<StreamOpen>(&format!("agent.open.{content}"));
    }
    pinned.message::<CommandReply>("agent.reply.done");
    pinned.message::<CommandReply>("agent.reply.refused");
    for stage in ["lacks", "draws", "broke", "has"] {
        pinned.message::<ImageStand>(&format!("agent.image.{stage}"));
    }
    for answer in ["go_on", "draw", "wait", "nobody"] {
        pinned.message::<ImageAnswer>(&format!("agent.image.answer.{answer}"));
    }
    pinned.message::<ImageHave>("stream.image.have");
    pinned.message::<ImageHead>("stream.image.head");
    pinned.message::<Heartbeat>("agent.beat");
    pinned.message::<BeatAnswer>("agent.beat.reply");
    pinned.message::<Report>("agent.report.full");
    pinned.message::<Report>("agent.report.delta");
    for frame in ["data", "end", "credit", "cancel"] {
        pinned.message::<Frame>(&format!("stream.{frame}"));
    }
    pinned.message::<LogBatch>("stream.logs");
    pinned.message::<OutputBatch>("stream.output");
    for spec in ["spec", "spec.host_network"] {
        pinned.message::<TaskSpec>(spec);
    }
    pinned.message::<Event>("event");
    pinned.message::<Problem>("problem");
    pinned.message::<Head>("state.head");
    no_fixture_is_left_over(&pinned);
}

fn no_fixture_is_left_over(pinned: &Pinned) {
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            pinned.0.contains(&name),
            "{} belongs to no message",
            path.display()
        );
    }
}

/// A newer program may send what this one does not know.
#[test]
fn an_unknown_kind_decodes_as_unknown_and_a_reply_tolerates_new_fields() {
    let newer = serde_json::json!({ "kind": "teleport", "to": "mars" });
    let packed = encode(&newer, Encoding::MessagePack);
    assert_eq!(decode::<Frame>(&packed).unwrap(), Frame::Unknown);
    assert_eq!(
        decode::<CommandReply>(&packed).unwrap(),
        CommandReply::Unknown
    );
    let newer = serde_json::json!({ "revision": 1, "changed": true, "warnings": ["none"] });
    let packed = encode(&newer, Encoding::MessagePack);
    let changed: req::ServiceChanged = decode(&packed).unwrap();
    assert_eq!(changed.revision, 1);
}

/// An agent that is older than the leader reads all of an assignment that it knows.
#[test]
fn one_spec_and_one_word_of_a_newer_leader_leave_the_rest_of_an_assignment_readable() {
    let mut newer: Value = serde_json::from_str(&read("agent.assign", "json")).unwrap();
    let digests: Vec<String> = (1..=4).map(|n| format!("{n}").repeat(64)).collect();
    let plain = TaskSpec {
        image: "redis:alpine".into(),
        ..TaskSpec::default()
    };
    let good = plain.digest();
    newer["specs"] = serde_json::json!({
        good.as_str(): plain,
        &digests[0]: { "image": "a", "gpus": { "count": 2 } },
        &digests[1]: { "image": "a", "restart": { "kind": "on_abnormal" } },
        &digests[2]: { "image": "a", "mounts": [{ "source": { "kind": "image" }, "target": "/a" }] },
        &digests[3]: { "image": "a", "mounts":
            [{ "source": { "kind": "anonymous" }, "target": "/a", "propagation": "shared" }] },
    });
    newer["assignment"]["weather"] = "sunny".into();
    let tasks = &mut newer["assignment"]["tasks"];
    tasks["t1"]["target"] = serde_json::json!({ "move": { "to": "n2" } });
    tasks["t1"]["guard"] = "by_hand".into();
    tasks["t2"]["gate"] = serde_json::json!({ "at": 1_700_000_000 });
    let push: AssignPush = decode(&encode(&newer, Encoding::MessagePack)).unwrap();
    let (t1, t2) = (&push.assignment.tasks["t1"], &push.assignment.tasks["t2"]);
    assert_eq!((t1.target, t1.guard), (TaskTarget::Unknown, Guard::Unknown));
    assert_eq!((t2.target, t2.gate), (TaskTarget::Stop, Gate::Unknown));
    let read: BTreeMap<_, _> = push
        .specs
        .into_iter()
        .map(|(digest, spec)| (digest.clone(), spec.check(&digest)))
        .collect();
    assert_eq!(read[good.as_str()], Ok(plain));
    let why = |n: usize| read[digests[n].as_str()].clone().unwrap_err();
    assert!(why(0).contains("gpus"), "{}", why(0));
    assert!(why(1).contains("on_abnormal"), "{}", why(1));
    assert!(why(2).contains("image"), "{}", why(2));
    assert!(why(3).contains("not all"), "{}", why(3));
}
