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
    pub signals: Signals,
    /// When the engine was last away.
    pub silence: Option<Silence>,
}

/// When the engine last sent a container a signal, by the node's clock. It tells so before it tells that
/// the container ended, also while it is being stopped itself.
pub type Signals = BTreeMap<ContainerId, UnixMillis>;

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
    let mut lost_at = None;
    loop {
        match Engine::connect(&socket).await {
            Ok(engine) => {
                tracing::info!("the engine answers");
                (wait, told_down) = (RETRY_MIN, false);
                if let Some(after) = lost_at {
                    let until = clock::now();
                    let silence = Some(Silence { after, until });
                    tell.passing
                        .send_modify(|passing| passing.silence = silence);
                }
                tell.connection.send_replace(Connection::Up(engine.clone()));
                tell.activity.send_replace(());
                let lost = until_lost(&engine, tell).await;
                lost_at = Some(clock::now());
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

/// Remembers a signal that one of the lab's containers was sent: it changes nothing by itself.
fn note_signal(tell: &Tell, event: EventMessage) {
    let Some(actor) = event.actor else { return };
    let is_ours = actor
        .attributes
        .is_some_and(|attributes| attributes.contains_key(labels::TASK));
    let at = event.time_nano.and_then(|nanos| u64::try_from(nanos).ok());
    if let (Some(id), Some(nanos), true) = (actor.id, at, is_ours) {
        tell.passing.send_modify(|passing| {
            let at = UnixMillis(nanos / 1_000_000);
            passing.signals.insert(ContainerId(id), at);
        });
    }
}

/// Marks activity for each event, until the stream of events breaks off.
async fn until_lost(engine: &Engine, tell: &Tell) -> Error {
    let filters = HashMap::from([
        ("type", vec!["container", "network", "volume", "image"]),
        ("event", TELLING.to_vec()),
    ]);
    let options = EventsOptionsBuilder::new().filters(&filters).build();
    let mut events = std::pin::pin!(engine.docker().events(Some(options)));
    loop {
        match events.next().await {
            Some(Ok(event)) => match event.action.as_deref() {
                Some("kill") => note_signal(tell, event),
                Some("destroy") => {
                    let id = event.actor.and_then(|actor| actor.id).map(ContainerId);
                    tell.passing.send_if_modified(|passing| {
                        id.is_some_and(|id| passing.signals.remove(&id).is_some())
                    });
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
