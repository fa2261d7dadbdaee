//! Keeps a connection to the engine, and says when something may have changed there.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt as _;
use lab_kit::telemetry::chain;
use lab_types::Problem;
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
}

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
    loop {
        match Engine::connect(&socket).await {
            Ok(engine) => {
                tracing::info!("the engine answers");
                (wait, told_down) = (RETRY_MIN, false);
                tell.connection.send_replace(Connection::Up(engine.clone()));
                tell.activity.send_replace(());
                let lost = until_lost(&engine, tell).await;
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
            Some(Ok(_)) => {
                tell.activity.send_replace(());
            }
            Some(Err(error)) => return engine.failed("watch its events")(error),
            None => {
                return engine.failed("watch its events")(
                    std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into(),
                );
            }
        }
    }
}
