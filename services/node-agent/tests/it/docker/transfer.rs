//! An image goes from one agent to another: packed by the real engine, broken off, gone on with, and
//! loaded by the real engine, from which it was removed in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bollard::query_parameters::{CreateImageOptionsBuilder, RemoveImageOptionsBuilder};
use bytes::Bytes;
use futures::StreamExt as _;
use lab_bus::{Bus, StreamClient, StreamHost, StreamItem};
use lab_testkit::{node_id, user};
use lab_types::ids::sha256_hex;
use lab_types::{NodeName, StreamId, TaskState};
use lab_wire::agent::{CommandReply, StreamContent, StreamOpen};
use lab_wire::image::{ImageAnswer, ImageHave, ImageHead, ImageStage};
use lab_wire::subject::CommandVerb;
use lab_wire::{Encoding, Role, encode};

use super::bed::{Bed, root_of_busybox, shell};
use super::leader::{Agent, World};

/// Makes an image of about `bytes` bytes that no other test has; gives its id.
async fn make_image(bed: &Bed, bytes: usize) -> String {
    let mut tar = tar::Builder::new(Vec::new());
    // What neither repeats nor packs: a counter through a digest.
    let mut content = Vec::with_capacity(bytes);
    for number in 0_u32.. {
        if content.len() >= bytes {
            break;
        }
        let seed = format!("{} {number}", bed.project);
        content.extend_from_slice(sha256_hex(seed.as_bytes()).as_bytes());
    }
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "big.bin", &content[..])
        .unwrap();
    let mut archive = root_of_busybox();
    // Two blocks of zeros end the first archive; what is written after them would not be read.
    archive.truncate(archive.len() - 1024);
    archive.extend(tar.into_inner().unwrap());
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo("tercio-test/big")
        .tag(bed.project.as_str())
        .build();
    let body = bollard::body_full(archive.into());
    let mut messages = bed.docker.create_image(Some(options), Some(body), None);
    while let Some(message) = messages.next().await {
        message.unwrap();
    }
    let name = format!("tercio-test/big:{}", bed.project);
    bed.docker.inspect_image(&name).await.unwrap().id.unwrap()
}

async fn remove_image(bed: &Bed, id: &str) {
    let force = RemoveImageOptionsBuilder::new().force(true).build();
    bed.docker
        .remove_image(id, Some(force), None)
        .await
        .unwrap();
}

fn stream(id: &str) -> StreamId {
    StreamId::new(id).unwrap()
}

/// What came of the image from the agent under test, for one that has `have` already.
async fn drawn(
    world: &World,
    other: &Bus,
    (id, image): (&str, &str),
    have: ImageHave,
) -> (u64, Vec<u8>) {
    let open = StreamOpen {
        fence: world.assignment.fence,
        user: user("scheduler"),
        stream: stream(id),
        content: StreamContent::SendImage {
            image_id: image.to_owned(),
            to: node_id("n2"),
        },
    };
    let reply: CommandReply = world.command(CommandVerb::Open, &open).await.unwrap();
    assert_eq!(reply, CommandReply::Done);
    let source = &world.bed.site.node;
    let opened = StreamClient::open_transfer(other, source, &node_id("n2"), &stream(id)).await;
    let mut client = opened.unwrap();
    client
        .send(encode(&have, Encoding::MessagePack))
        .await
        .unwrap();
    let mut head: Option<ImageHead> = None;
    let mut bytes = Vec::new();
    loop {
        match client.recv().await.unwrap().unwrap() {
            StreamItem::Data(piece) => match head {
                None => head = Some(lab_wire::decode(&piece).unwrap()),
                Some(_) => bytes.extend_from_slice(&piece),
            },
            StreamItem::End { problem, summary } => {
                assert_eq!(problem, None);
                assert_eq!(summary["bytes"], bytes.len().to_string());
                return (head.unwrap().from, bytes);
            }
        }
    }
}

/// Plays a source: sends the archive from where the target has it, `at_most` bytes, and breaks off
/// unless that was all. Gives what the target had.
async fn sends(
    other: Bus,
    to: lab_types::NodeId,
    id: String,
    archive: Bytes,
    at_most: usize,
) -> ImageHave {
    let accepted = StreamHost::accept_transfer(&other, &node_id("n2"), &to, &stream(&id)).await;
    let mut host = accepted.unwrap();
    let Some(StreamItem::Data(have)) = host.recv().await.unwrap() else {
        panic!("the target says what it has");
    };
    let have: ImageHave = lab_wire::decode(&have).unwrap();
    let from = usize::try_from(have.bytes).unwrap();
    assert_eq!(
        have.sha256,
        sha256_hex(&archive[..from]),
        "what it has is what was sent"
    );
    let head = ImageHead {
        from: have.bytes,
        about_bytes: archive.len() as u64,
    };
    host.send(encode(&head, Encoding::MessagePack))
        .await
        .unwrap();
    let to = archive.len().min(from + at_most);
    for piece in archive[from..to].chunks(100_000) {
        host.send(archive.slice_ref(piece)).await.unwrap();
    }
    if to == archive.len() {
        host.finish(None, Default::default()).await.unwrap();
    }
    have
}

async fn goes_from_node_to_node(bytes: usize) {
    let mut world = World::new().await;
    let agent = Agent::start(&world);
    world
        .heard("the engine was seen", |heard| heard.inventory.clone())
        .await;
    let id = make_image(&world.bed, bytes).await;
    let other = world.nats.connect_as(&Role::Node(node_id("n2"))).await;

    let (from, archive) = drawn(&world, &other, ("x1", &id), ImageHave::default()).await;
    assert!(
        from == 0 && archive.len() > bytes,
        "{} bytes",
        archive.len()
    );
    let half = archive.len() / 2 + 7;
    let have = ImageHave {
        bytes: half as u64,
        sha256: sha256_hex(&archive[..half]),
    };
    let (from, rest) = drawn(&world, &other, ("x2", &id), have.clone()).await;
    assert_eq!(from, half as u64);
    assert!(
        rest == archive[half..],
        "an engine packs an image the same way each time"
    );
    let false_have = ImageHave {
        sha256: sha256_hex(b"another engine's"),
        ..have
    };
    let (from, whole) = drawn(&world, &other, ("x3", &id), false_have).await;
    assert!(
        from == 0 && whole == archive,
        "what begins otherwise is sent whole"
    );

    remove_image(&world.bed, &id).await;
    let archive = Bytes::from(archive);
    let (fence, target) = (world.assignment.fence, world.bed.site.node.clone());
    let count = Arc::new(AtomicU32::new(0));
    let (told, mut haves) = tokio::sync::mpsc::unbounded_channel();
    let bytes_in_all = archive.len();
    world.say_of_images(move |stand| {
        if !matches!(stand.stage, ImageStage::Lacks | ImageStage::Broke { .. }) {
            return ImageAnswer::GoOn;
        }
        let number = count.fetch_add(1, Ordering::SeqCst);
        let id = format!("y{number}");
        // The first two break off after a third each.
        let at_most = if number < 2 {
            archive.len() / 3
        } else {
            archive.len()
        };
        let sending = sends(
            other.clone(),
            target.clone(),
            id.clone(),
            archive.clone(),
            at_most,
        );
        let told = told.clone();
        tokio::spawn(async move { told.send(sending.await) });
        ImageAnswer::Draw {
            fence,
            source: node_id("n2"),
            source_name: NodeName::new("host2").unwrap(),
            stream: stream(&id),
        }
    });
    let mut spec = shell("test -s /big.bin && sleep 600");
    spec.image = "tercio-test/big".into();
    spec.image_id = Some(id.clone());
    let task = world.add("web", spec);
    world.push().await;
    let says_how_far = |status: &lab_types::TaskStatus| {
        let message = status.message.clone().unwrap_or_default();
        message.starts_with("waits for the image tercio-test/big: ")
            && message.ends_with(" % from node host2")
    };
    world
        .status(&task.id, "it says how far the image has come", says_how_far)
        .await;
    let runs = |status: &lab_types::TaskStatus| status.progress.state == TaskState::Running;
    world.status(&task.id, "it runs", runs).await;
    let has = world.heard("the leader hears that it has it", |heard| {
        heard.stages.first().cloned()
    });
    assert_eq!(has.await, ImageStage::Has);
    let mut had = Vec::new();
    while had.len() < 3 {
        had.push(haves.recv().await.unwrap().bytes);
    }
    assert_eq!(had[0], 0);
    assert!(
        had[1] > 0 && had[2] > had[1] && (had[2] as usize) < bytes_in_all,
        "{had:?}"
    );
    let found = world.bed.docker.inspect_image(&id).await.unwrap();
    assert_eq!(found.id.as_deref(), Some(id.as_str()));
    let left = std::fs::read_dir(world.path("state/agent/images"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "nothing of it is left on the way");
    agent.stop().await;
    let bed = world.bed;
    let (docker, keep) = (bed.docker.clone(), id);
    drop(bed);
    let force = RemoveImageOptionsBuilder::new().force(true).build();
    docker.remove_image(&keep, Some(force), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_of_two_megabytes_goes_from_node_to_node_and_on_after_each_break() {
    goes_from_node_to_node(2_000_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_of_a_hundred_megabytes_goes_from_node_to_node_and_on_after_each_break() {
    goes_from_node_to_node(100_000_000).await;
}
