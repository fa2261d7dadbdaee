//! Keeps a connection to the engine, and says when something may have changed there.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt as _;
use lab_converge::observed::Silence;
use lab_converge::{ContainerId, labels};
use lab_kit::clock;
use lab_kit::telemetry::chain;
use lab_types::{Problem, UnixMillis};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::connect::Engine;
use super::error::Error;

/// The shortest wait between two tries to reach the engine: a restart of the engine takes 1 to 5 s.
const RETRY_MIN: Duration = Duration::from_millis(250);
/// The longest: what a person waits for after `systemctl start docker` without wondering.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// How long the engine may take to tell of the past: it reads it from memory.
const RECALL_MAX: Duration = Duration::from_secs(2);

/// What happens at the engine that can change what an observation shows. The engine also tells each
/// run of a health check, which changes nothing by itself.
const TELLING: &[&str] = &[
    "create",
    "start",
    "kill",
    "die",
    "destroy",
    "rename",
    "pause",
    "unpause",
    "health_status",
    "remove",
    "delete",
    "pull",
    "tag",
    "untag",
    "import",
    "load",
    "connect",
    "disconnect",
];

/// Whether the engine can be used.
#[derive(Clone, Debug)]
pub enum Connection {
    /// It can.
    Up(Engine),
    /// It cannot, and why; the watch keeps trying.
    Down(Problem),
}

/// Where [`run`] tells what it sees.
#[derive(Clone, Debug)]
pub struct Tell {
    /// The connection as it is.
    pub connection: watch::Sender<Connection>,
    /// Marked changed whenever an observation may show something else. It carries nothing: whoever
    /// wakes up looks at everything again.
    pub activity: watch::Sender<()>,
    /// What only shows in passing.
    pub passing: watch::Sender<Passing>,
}

/// What an observation does not show: it is seen by who watches all the time.
#[derive(Clone, Debug, Default)]
pub struct Passing {
    /// When the engine last sent each of the lab's containers a signal.
    pub signals: Times,
    /// When the engine last told of each of the lab's containers that it ended.
    pub ends: Times,
    /// When the engine was last away, or this life of the agent was not there to watch it.
    pub silence: Option<Silence>,
}

/// What happened to containers, with when, by the node's clock. The engine tells of a signal before it
/// tells that the container ended, also while it is being stopped itself.
pub type Times = BTreeMap<ContainerId, UnixMillis>;

/// Connects, watches, and connects again, until `stop`.
pub async fn run(socket: PathBuf, tell: Tell, stop: CancellationToken) {
    // Cancel-safe: nothing is held across a wait but the connection itself.
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = watch_forever(socket, &tell) => {}
    }
}

async fn watch_forever(socket: PathBuf, tell: &Tell) {
    let mut wait = RETRY_MIN;
    let mut told_down = false;
    // Before its first connection the agent was not there to watch.
    let mut lost_at = UnixMillis::default();
    loop {
        match Engine::connect(&socket).await {
            Ok(engine) => {
                tracing::info!("the engine answers");
                (wait, told_down) = (RETRY_MIN, false);
                let connected = clock::now();
                recall(&engine, tell, connected).await;
                silent(tell, lost_at, Some(clock::now()));
                tell.connection.send_replace(Connection::Up(engine.clone()));
                tell.activity.send_replace(());
                let lost = until_lost(&engine, tell, connected).await;
                lost_at = clock::now();
                // The engine may answer a look before it is asked what has happened.
                silent(tell, lost_at, None);
                tracing::warn!(error = %chain(&lost), "the engine is lost");
                // It may be back at once; only a failed try makes it `Down`.
            }
            Err(error) => {
                if !told_down {
                    tracing::error!(error = %chain(&error), "the engine cannot be used, trying on");
                }
                told_down = true;
                tell.connection
                    .send_replace(Connection::Down(Problem::from(&error)));
                tell.activity.send_replace(());
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY_MAX);
    }
}

fn silent(tell: &Tell, after: UnixMillis, until: Option<UnixMillis>) {
    let silence = Some(Silence { after, until });
    tell.passing
        .send_modify(|passing| passing.silence = silence);
}

/// Takes in what the engine still knows to have happened until a moment: as much as has happened since its
/// own start, the last 256 events at most. So an agent that was away learns what it missed, unless the
/// engine was too.
async fn recall(engine: &Engine, tell: &Tell, until: UnixMillis) {
    let filters = HashMap::from([("type", vec!["container"]), ("event", vec!["kill", "die"])]);
    let until = seconds(until);
    let options = EventsOptionsBuilder::new()
        .since("1")
        .until(&until)
        .filters(&filters)
        .build();
    let past = engine.docker().events(Some(options)).collect::<Vec<_>>();
    match tokio::time::timeout(RECALL_MAX, past).await {
        Ok(past) => past
            .into_iter()
            .flatten()
            .for_each(|event| note(tell, event)),
        Err(_) => tracing::warn!("the engine does not tell what happened before"),
    }
}

/// A moment as the engine reads it: seconds, and what is left of them.
fn seconds(at: UnixMillis) -> String {
    format!("{}.{:03}000000", at.0 / 1000, at.0 % 1000)
}

/// Remembers a signal or an end of one of the lab's containers.
fn note(tell: &Tell, event: EventMessage) {
    let Some(actor) = event.actor else { return };
    let is_ours = actor
        .attributes
        .is_some_and(|attributes| attributes.contains_key(labels::TASK));
    let at = event.time_nano.and_then(|nanos| u64::try_from(nanos).ok());
    let (Some(id), Some(nanos), true) = (actor.id, at, is_ours) else {
        return;
    };
    let (id, at) = (ContainerId(id), UnixMillis(nanos / 1_000_000));
    tell.passing
        .send_modify(|passing| match event.action.as_deref() {
            Some("kill") => drop(passing.signals.insert(id, at)),
            Some("die") => drop(passing.ends.insert(id, at)),
            Some(_) | None => {}
        });
}

fn forget(tell: &Tell, event: EventMessage) {
    if let Some(id) = event.actor.and_then(|actor| actor.id).map(ContainerId) {
        tell.passing.send_modify(|passing| {
            passing.signals.remove(&id);
            passing.ends.remove(&id);
        });
    }
}

/// Marks activity for each event since a moment, until the stream of events breaks off. The moment is the
/// one until which was recalled: of a signal and the end after it, the one must not be heard without the
/// other.
async fn until_lost(engine: &Engine, tell: &Tell, since: UnixMillis) -> Error {
    let filters = HashMap::from([
        ("type", vec!["container", "network", "volume", "image"]),
        ("event", TELLING.to_vec()),
    ]);
    let since = seconds(since);
    let options = EventsOptionsBuilder::new()
        .since(&since)
        .filters(&filters)
        .build();
    let mut events = std::pin::pin!(engine.docker().events(Some(options)));
    loop {
        match events.next().await {
            Some(Ok(event)) => match event.action.as_deref() {
                Some("kill") => note(tell, event),
                Some("die") => {
                    note(tell, event);
                    tell.activity.send_replace(());
                }
                Some("destroy") => {
                    forget(tell, event);
                    tell.activity.send_replace(());
                }
                Some(_) | None => {
                    tell.activity.send_replace(());
                }
            },
            Some(Err(error)) => return engine.failed("watch its events")(error),
            None => {
                return engine.failed("watch its events")(
                    std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into(),
                );
            }
        }
    }
}
