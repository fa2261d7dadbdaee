//! Logs, builds and pulls as a user gets them: through a real nats-server, in credited frames.

use std::collections::BTreeMap;

use lab_bus::{Bus, StreamClient, StreamItem};
use lab_testkit::user;
use lab_types::{NodeName, Problem, StreamId, TaskId, TaskState, TaskTarget};
use lab_wire::Role;
use lab_wire::agent::{BuildOptions, CommandReply, LogOptions, StreamContent, StreamOpen};
use lab_wire::request::OpenedStream;
use lab_wire::stream::{LogBatch, OutputBatch};
use lab_wire::subject::CommandVerb;

use super::bed::{IMAGE, PATIENCE, shell};
use super::images::context;
use super::leader::{Agent, World};

const USER: &str = "alice";

/// What came down.
struct Down {
    pieces: Vec<Vec<u8>>,
    problem: Option<Box<Problem>>,
    summary: BTreeMap<String, String>,
}

impl Down {
    fn lines(&self) -> Vec<String> {
        let batches = self
            .pieces
            .iter()
            .map(|piece| lab_wire::decode::<OutputBatch>(piece).unwrap());
        batches.flat_map(|batch| batch.lines).collect()
    }

    fn log(&self) -> Vec<String> {
        let batches = self
            .pieces
            .iter()
            .map(|piece| lab_wire::decode::<LogBatch>(piece).unwrap());
        let lines = batches.flat_map(|batch| batch.lines);
        lines
            .map(|line| String::from_utf8(line.text).unwrap())
            .collect()
    }
}

/// Does what the leader and the user's client do to open a stream.
async fn open(world: &World, bus: &Bus, id: &str, content: StreamContent) -> StreamClient {
    let open = StreamOpen {
        fence: world.assignment.fence,
        user: user(USER),
        stream: StreamId::new(id).unwrap(),
        content,
    };
    let opened = OpenedStream {
        stream: open.stream.clone(),
        node: world.bed.site.node.clone(),
        node_name: NodeName::new("here").unwrap(),
        task: None,
        service: None,
        slot: None,
    };
    let reply: CommandReply = world.command(CommandVerb::Open, &open).await.unwrap();
    assert_eq!(reply, CommandReply::Done);
    StreamClient::open(bus, &user(USER), &opened).await.unwrap()
}

async fn drain(client: &mut StreamClient) -> Down {
    let mut pieces = Vec::new();
    let read = async {
        loop {
            match client.recv().await.unwrap() {
                Some(StreamItem::Data(piece)) => pieces.push(piece.to_vec()),
                Some(StreamItem::End { problem, summary }) => return (problem, summary),
                None => panic!("the stream ended without an end"),
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, read).await;
    let (problem, summary) = ended.expect("the stream does not end");
    Down {
        pieces,
        problem,
        summary,
    }
}

fn logs_of(task: &TaskId) -> StreamContent {
    StreamContent::Logs {
        task: task.clone(),
        options: LogOptions {
            follow: true,
            ..LogOptions::default()
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_followed_log_comes_down_to_the_last_line_of_a_stopped_task() {
    let mut world = World::new().await;
    let agent = Agent::start(&world);
    let line = "trap 'for i in $(seq 1 3000); do echo bye $i; done; exit 0' TERM; \
                for i in $(seq 1 3000); do echo line $i; done; while :; do sleep 0.05; done";
    let mut spec = shell(line);
    spec.stop_grace = lab_types::DurationMs(10_000);
    let task = world.add("web", spec);
    world.commit();
    let is_running = |status: &lab_types::TaskStatus| status.progress.state == TaskState::Running;
    world.status(&task.id, "it runs", is_running).await;
    let bus = world.nats.connect_as(&Role::Admin(user(USER))).await;
    let mut client = open(&world, &bus, "s1", logs_of(&task.id)).await;
    let first = client.recv().await.unwrap().unwrap();
    assert!(matches!(first, StreamItem::Data(_)), "{first:?}");
    world.assignment.tasks.get_mut(&task.id).unwrap().target = TaskTarget::Stop;
    world.push().await;
    let StreamItem::Data(first) = first else {
        unreachable!()
    };
    let mut down = drain(&mut client).await;
    down.pieces.insert(0, first.to_vec());
    assert_eq!(down.problem, None);
    let lines = (1..=3000).map(|n| format!("line {n}"));
    let expected: Vec<_> = lines
        .chain((1..=3000).map(|n| format!("bye {n}")))
        .collect();
    let log = down.log();
    assert_eq!(log.len(), expected.len(), "last: {:?}", log.last());
    assert_eq!(log, expected);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_takes_its_context_and_gives_its_output_and_the_images_id() {
    let world = World::new().await;
    let agent = Agent::start(&world);
    world
        .heard("the engine was seen", |heard| heard.inventory.clone())
        .await;
    let bus = world.nats.connect_as(&Role::Admin(user(USER))).await;
    let options = BuildOptions {
        tag: format!("tercio-test/{}:s", world.bed.project),
        dockerfile: "Dockerfile.test".into(),
        ..BuildOptions::default()
    };
    let content = StreamContent::Build {
        options: options.clone(),
    };
    let mut client = open(&world, &bus, "b1", content.clone()).await;
    // Three megabytes: more than the stream's window and every queue on the way hold.
    let dockerfile = format!("FROM {IMAGE}\nCOPY big.bin /\nRUN wc -c /big.bin\n");
    client
        .send_split(context(&dockerfile, 3_000_000))
        .await
        .unwrap();
    client.finish(None).await.unwrap();
    let down = drain(&mut client).await;
    assert_eq!(down.problem, None, "{:#?}", down.lines());
    let none = None::<bollard::query_parameters::RemoveImageOptions>;
    world
        .bed
        .docker
        .remove_image(&options.tag, none, None)
        .await
        .unwrap();
    assert!(down.summary["image_id"].starts_with("sha256:"));
    assert!(
        down.lines().contains(&"3000000 /big.bin".to_owned()),
        "{:#?}",
        down.lines()
    );

    let mut client = open(&world, &bus, "b2", content).await;
    client
        .send_split(context(&format!("FROM {IMAGE}\nRUN exit 4\n"), 10))
        .await
        .unwrap();
    client.finish(None).await.unwrap();
    let problem = drain(&mut client).await.problem.unwrap();
    assert_eq!(problem.code.0, "AGT0020");
    assert!(problem.message.contains("non-zero code: 4"), "{problem}");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_an_unknown_task_and_a_pull_without_a_registry_end_with_their_problem() {
    let world = World::new().await;
    let agent = Agent::start(&world);
    world
        .heard("the engine was seen", |heard| heard.inventory.clone())
        .await;
    let bus = world.nats.connect_as(&Role::Admin(user(USER))).await;
    let task = TaskId::new("nowhere").unwrap();
    let mut client = open(&world, &bus, "l1", logs_of(&task)).await;
    assert_eq!(drain(&mut client).await.problem.unwrap().code.0, "AGT0030");
    let image = "127.0.0.1:9/none:1".to_owned();
    let mut client = open(&world, &bus, "p1", StreamContent::Pull { image }).await;
    assert_eq!(drain(&mut client).await.problem.unwrap().code.0, "AGT0017");
    agent.stop().await;
}
