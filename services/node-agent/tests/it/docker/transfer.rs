//! An image goes from one agent to another: packed by the real engine, broken off, gone on with, and
//! loaded by the real engine, from which it was removed in between.

use std::sync::atomic::{AtomicU32, Ordering};

use bollard::query_parameters::{CreateImageOptionsBuilder, RemoveImageOptionsBuilder};
use bytes::Bytes;
use futures::StreamExt as _;
use lab_bus::{Bus, StreamClient, StreamHost, StreamItem};
use lab_testkit::{node_id, user};
use lab_types::ids::sha256_hex;
use lab_types::{EventWhat, NodeName, StreamId, TaskState, TaskStatus};
use lab_wire::agent::{CommandReply, StreamContent, StreamOpen};
use lab_wire::image::{ImageAnswer, ImageHave, ImageHead, ImageStage};
use lab_wire::subject::CommandVerb;
use lab_wire::{Encoding, Role, encode};
use tokio::sync::mpsc;

use super::bed::{Bed, root_of_busybox, shell};
use super::leader::{Agent, Heard, World};

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
    (archive, at_most): (Bytes, usize),
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

/// The agent sends the image whole, from the middle to one that has the rest, and whole again to one
/// that has something else. Gives the archive.
async fn sent_from_anywhere(world: &World, other: &Bus, id: &str) -> Vec<u8> {
    let (from, archive) = drawn(world, other, ("x1", id), ImageHave::default()).await;
    assert_eq!(from, 0);
    let half = archive.len() / 2 + 7;
    let have = ImageHave {
        bytes: half as u64,
        sha256: sha256_hex(&archive[..half]),
    };
    let (from, rest) = drawn(world, other, ("x2", id), have.clone()).await;
    assert_eq!(from, half as u64);
    assert!(
        rest == archive[half..],
        "an engine packs an image the same way each time"
    );
    let false_have = ImageHave {
        sha256: sha256_hex(b"another engine's"),
        ..have
    };
    let (from, whole) = drawn(world, other, ("x3", id), false_have).await;
    assert!(
        from == 0 && whole == archive,
        "what begins otherwise is sent whole"
    );
    archive
}

/// The leader names sources, of which the first two break off after a third each; what each time the
/// target had comes out.
fn breaks_twice(world: &World, other: Bus, archive: &Bytes) -> mpsc::Receiver<u64> {
    let (fence, target) = (world.assignment.fence, world.bed.site.node.clone());
    let count = AtomicU32::new(0);
    // Three transfers, and some more if it goes wrong.
    let (told, haves) = mpsc::channel(64);
    let archive = archive.clone();
    world.say_of_images(move |stand| {
        if !matches!(stand.stage, ImageStage::Lacks | ImageStage::Broke { .. }) {
            return ImageAnswer::GoOn;
        }
        let number = count.fetch_add(1, Ordering::SeqCst);
        let id = format!("y{number}");
        let at_most = match number {
            0 | 1 => archive.len() / 3,
            _ => archive.len(),
        };
        let (other, told) = (other.clone(), told.clone());
        let sending = sends(
            other,
            target.clone(),
            id.clone(),
            (archive.clone(), at_most),
        );
        tokio::spawn(async move { told.send(sending.await.bytes).await });
        ImageAnswer::Draw {
            fence,
            source: node_id("n2"),
            source_name: NodeName::new("host2").unwrap(),
            stream: stream(&id),
        }
    });
    haves
}

async fn goes_from_node_to_node(bytes: usize) {
    let mut world = World::new().await;
    let agent = Agent::start(&world);
    world
        .heard("the engine was seen", |heard| heard.inventory.clone())
        .await;
    let id = make_image(&world.bed, bytes).await;
    let other = world.nats.connect_as(&Role::Node(node_id("n2"))).await;
    let archive = Bytes::from(sent_from_anywhere(&world, &other, &id).await);
    assert!(archive.len() > bytes, "{} bytes", archive.len());
    remove_image(&world.bed, &id).await;

    let mut haves = breaks_twice(&world, other, &archive);
    let mut spec = shell("test -s /big.bin && sleep 600");
    spec.image = "tercio-test/big".into();
    spec.image_id = Some(id.clone());
    let task = world.add("web", spec);
    world.push().await;
    let says_how_far = |status: &TaskStatus| {
        let message = status.message.clone().unwrap_or_default();
        message.starts_with("waits for the image tercio-test/big: ")
            && message.ends_with(" % from node host2")
    };
    let what = "it says how far the image has come";
    world.status(&task.id, what, says_how_far).await;
    let runs = |status: &TaskStatus| status.progress.state == TaskState::Running;
    world.status(&task.id, "it runs", runs).await;
    let has = |heard: &Heard| (heard.stages.first() == Some(&ImageStage::Has)).then_some(());
    world.heard("the leader hears that it has it", has).await;
    let told = |heard: &Heard| {
        let mut events = heard.events.iter();
        events
            .find(|event| event.what == EventWhat::ImageTransferred)
            .cloned()
    };
    let told = world.heard("the leader is told of it", told).await;
    assert_eq!(told.details["from"], "host2");
    assert_eq!(told.details["image_id"], id);
    let had = [haves.recv().await, haves.recv().await, haves.recv().await].map(Option::unwrap);
    let is_more = had[0] == 0 && had[1] > 0 && had[2] > had[1] && had[2] < archive.len() as u64;
    assert!(is_more, "each goes on where the one before broke: {had:?}");
    let found = world.bed.docker.inspect_image(&id).await.unwrap();
    assert_eq!(found.id.as_deref(), Some(id.as_str()));
    let left = std::fs::read_dir(world.path("state/agent/images")).unwrap();
    assert_eq!(left.count(), 0, "nothing of it is left on the way");
    agent.stop().await;
    let docker = world.bed.docker.clone();
    // Its containers go with it.
    drop(world);
    let force = RemoveImageOptionsBuilder::new().force(true).build();
    docker.remove_image(&id, Some(force), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_of_two_megabytes_goes_from_node_to_node_and_on_after_each_break() {
    Box::pin(goes_from_node_to_node(2_000_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_of_a_hundred_megabytes_goes_from_node_to_node_and_on_after_each_break() {
    Box::pin(goes_from_node_to_node(100_000_000)).await;
}
