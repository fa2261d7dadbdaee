//! Logs of real containers: whole, once, in order, across attempts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lab_converge::{ContainerState, ObservedContainer};
use lab_types::{Health, TaskId, TaskProgress, TaskState, TaskStatus, UnixMillis};
use lab_wire::agent::LogOptions;
use lab_wire::stream::{LogBatch, LogLine, LogSource};
use node_agent::engine::watch::Connection;
use node_agent::logs::follow::Sources;
use node_agent::logs::readers::Readers;
use node_agent::logs::{Statuses, stream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::bed::{Bed, PATIENCE, remove_of, shell, start_of, stop_of, wait_for};
use super::proxy::EngineProxy;

/// What the agent's owner of the tasks would tell.
struct Told {
    tasks: watch::Sender<Statuses>,
    engine: watch::Sender<Connection>,
    readers: Readers,
}

impl Told {
    fn new(bed: &Bed, container: &ObservedContainer) -> Self {
        let told = Self {
            tasks: watch::Sender::new(Arc::default()),
            engine: watch::Sender::new(Connection::Up(bed.engine.clone())),
            readers: Readers::default(),
        };
        told.tell(container, TaskState::Running, false);
        told
    }

    fn tell(&self, container: &ObservedContainer, state: TaskState, exhausted: bool) {
        let task = container.identity.task.clone();
        let status = TaskStatus {
            task: task.clone(),
            progress: TaskProgress { attempt: 1, state },
            health: Health::None,
            observed_at: UnixMillis(0),
            started_at: None,
            exit_code: None,
            message: None,
            ends: Vec::new(),
            exhausted,
            container: Some(container.id.0.clone()),
            ports: Vec::new(),
        };
        self.tasks
            .send_replace(Arc::new(BTreeMap::from([(task, status)])));
    }

    fn forget(&self) {
        self.tasks.send_replace(Arc::default());
    }

    fn read(
        &self,
        task: &TaskId,
        options: LogOptions,
    ) -> (JoinHandle<()>, mpsc::Receiver<LogBatch>) {
        let (sender, receiver) = mpsc::channel(4);
        let sources = Sources {
            engine: self.engine.subscribe(),
            tasks: self.tasks.subscribe(),
            readers: self.readers.clone(),
        };
        let task = task.clone();
        let reading = async move { stream(sources, task, options, sender).await.unwrap() };
        (tokio::spawn(reading), receiver)
    }
}

fn follow() -> LogOptions {
    LogOptions {
        follow: true,
        ..LogOptions::default()
    }
}

async fn all(mut receiver: mpsc::Receiver<LogBatch>) -> Vec<LogLine> {
    let mut lines = Vec::new();
    let read = async {
        while let Some(batch) = receiver.recv().await {
            lines.extend(batch.lines);
        }
    };
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("the log does not end");
    lines
}

fn texts(lines: &[LogLine]) -> Vec<String> {
    lines
        .iter()
        .map(|line| String::from_utf8_lossy(&line.text).into_owned())
        .collect()
}

async fn ended(bed: &Bed, container: &ObservedContainer) -> ObservedContainer {
    wait_for("the container has ended", || async {
        let seen = bed.observe().await.containers.remove(&container.id)?;
        matches!(seen.state, ContainerState::Exited { .. }).then_some(seen)
    })
    .await
}

#[tokio::test]
async fn a_followed_log_goes_on_across_restarts_and_ends_with_the_task() {
    let bed = Bed::new().await;
    let line = "n=$(cat /tmp/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > /tmp/n; \
                for i in $(seq 1 40); do echo attempt $n line $i; done; exit 1";
    let container = bed.create_and_start("job", &shell(line)).await;
    let told = Told::new(&bed, &container);
    let (reading, receiver) = told.read(&container.identity.task, follow());
    let restarts = async {
        for _ in 0..3 {
            ended(&bed, &container).await;
            told.tell(&container, TaskState::Failed, false);
            // The back-off of a restart: the reader has come to the end meanwhile, and waits.
            tokio::time::sleep(Duration::from_millis(700)).await;
            bed.execute(start_of(&container)).await.unwrap();
            told.tell(&container, TaskState::Running, false);
        }
        ended(&bed, &container).await;
        told.tell(&container, TaskState::Failed, true);
    };
    let (lines, ()) = tokio::join!(all(receiver), restarts);
    reading.await.unwrap();
    let expected = (1..=4)
        .flat_map(|attempt| (1..=40).map(move |line| format!("attempt {attempt} line {line}")));
    assert_eq!(texts(&lines), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_container_says_while_it_is_stopped_and_removed_is_not_lost() {
    let bed = Bed::new().await;
    let line = "trap 'for i in $(seq 1 300); do echo bye $i; done; exit 0' TERM; \
                echo ready; while :; do sleep 0.05; done";
    for service in ["a", "b", "c", "d", "e"] {
        let container = bed.create_and_start(service, &shell(line)).await;
        let told = Told::new(&bed, &container);
        let (reading, mut receiver) = told.read(&container.identity.task, follow());
        let first = tokio::time::timeout(PATIENCE, receiver.recv())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(texts(&first.lines), ["ready"]);
        let end = async {
            bed.execute(stop_of(&container)).await.unwrap();
            told.readers.gone(&container.id.0, PATIENCE).await;
            bed.execute(remove_of(&container)).await.unwrap();
            told.forget();
        };
        let (lines, ()) = tokio::join!(all(receiver), end);
        reading.await.unwrap();
        let expected: Vec<_> = (1..=300).map(|line| format!("bye {line}")).collect();
        assert_eq!(texts(&lines), expected, "container {service}");
    }
}

#[tokio::test]
async fn the_tail_the_source_and_the_time_are_as_asked() {
    let bed = Bed::new().await;
    let before = lab_kit::clock::now().0;
    let line =
        "for i in 1 2 3 4 5; do echo out $i; done; sleep 0.2; echo err >&2; sleep 0.2; echo end";
    let container = bed.create_and_start("job", &shell(line)).await;
    let container = ended(&bed, &container).await;
    let told = Told::new(&bed, &container);
    let read = async |tail, since| {
        let options = LogOptions {
            follow: false,
            tail,
            since,
        };
        all(told.read(&container.identity.task, options).1).await
    };
    let lines = read(None, None).await;
    assert_eq!(
        texts(&lines),
        ["out 1", "out 2", "out 3", "out 4", "out 5", "err", "end"]
    );
    assert_eq!(lines[5].source, LogSource::Stderr);
    assert_eq!(lines[6].source, LogSource::Stdout);
    // Not the container's own start: the engine notes it only after the first lines.
    let during = before..=lab_kit::clock::now().0;
    assert!(
        lines
            .iter()
            .all(|line| during.contains(&(line.at_unix_ns / 1_000_000)))
    );
    assert_eq!(texts(&read(Some(2), None).await), ["err", "end"]);
    assert_eq!(texts(&read(Some(0), None).await), [] as [&str; 0]);
    let since = UnixMillis(lines[5].at_unix_ns / 1_000_000);
    assert_eq!(texts(&read(None, Some(since)).await), ["err", "end"]);
}

#[tokio::test]
async fn a_very_long_line_arrives_whole_in_pieces_that_fit() {
    let bed = Bed::new().await;
    let line = "head -c 150000 /dev/zero | tr '\\0' x; echo; echo after; printf 'no end'";
    let container = bed.create_and_start("job", &shell(line)).await;
    let container = ended(&bed, &container).await;
    let told = Told::new(&bed, &container);
    let lines = all(told.read(&container.identity.task, follow()).1);
    let over = async { told.tell(&container, TaskState::Complete, true) };
    let (lines, ()) = tokio::join!(lines, over);
    let lengths: Vec<_> = lines.iter().map(|line| line.text.len()).collect();
    assert_eq!(lengths, [65_536, 65_536, 150_000 - 131_072, 5, 6]);
}

#[tokio::test]
async fn a_followed_log_goes_on_where_it_stood_when_the_engine_was_away() {
    let bed = Bed::new().await;
    let line = "for i in $(seq 1 300); do echo line $i; sleep 0.01; done";
    let container = bed.create_and_start("job", &shell(line)).await;
    let told = Told::new(&bed, &container);
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let mut engine = EngineProxy::start(&socket);
    let through = node_agent::engine::Engine::connect(&socket).await.unwrap();
    told.engine.send_replace(Connection::Up(through));
    let (reading, mut receiver) = told.read(&container.identity.task, follow());
    let mut lines = Vec::new();
    for enough in [50, 120, 200] {
        while lines.len() < enough {
            let batch = tokio::time::timeout(PATIENCE, receiver.recv()).await;
            lines.extend(batch.unwrap().unwrap().lines);
        }
        engine.cut(&socket).await;
        // So long the engine stays away: a fault's duration, not a wait for something to happen.
        tokio::time::sleep(Duration::from_millis(300)).await;
        engine = EngineProxy::start(&socket);
    }
    let over = async {
        ended(&bed, &container).await;
        told.tell(&container, TaskState::Complete, true);
    };
    let (rest, ()) = tokio::join!(all(receiver), over);
    lines.extend(rest);
    reading.await.unwrap();
    let expected: Vec<_> = (1..=300).map(|line| format!("line {line}")).collect();
    assert_eq!(texts(&lines), expected);
    drop(engine);
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_reading() {
    let bed = Bed::new().await;
    let container = bed.create_and_start("job", &shell("exec sleep 600")).await;
    let told = Told::new(&bed, &container);
    let (reading, receiver) = told.read(&container.identity.task, follow());
    drop(receiver);
    tokio::time::timeout(PATIENCE, reading)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_task_that_is_not_here_is_refused_by_name() {
    let bed = Bed::new().await;
    let container = bed.create_and_start("job", &shell("true")).await;
    let told = Told::new(&bed, &container);
    told.forget();
    let sources = Sources {
        engine: told.engine.subscribe(),
        tasks: told.tasks.subscribe(),
        readers: told.readers.clone(),
    };
    let (sender, _receiver) = mpsc::channel(1);
    let problem = stream(sources, TaskId::new("nowhere").unwrap(), follow(), sender)
        .await
        .unwrap_err();
    assert_eq!(problem.code.0, "AGT0030");
    assert!(problem.message.contains("nowhere"), "{problem}");
}
