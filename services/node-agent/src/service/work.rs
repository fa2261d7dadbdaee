//! What the owner has others do: each ends with one [`Done`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lab_bus::Bus;
use lab_converge::{
    Action, ActionError, ActionId, ActionKind, EngineReach, Ledger, NodeSight, ObservationMark,
    ObserveAsk, Observed, ObservedContainer, SyncAsk,
};
use lab_kit::lock::StateDirLock;
use lab_types::{
    BeatAnswer, DurationMs, EngineFacts, ForeignPort, Heartbeat, NodeId, NodeRole, Problem,
};
use lab_wire::agent::{SyncReply, SyncRequest};
use lab_wire::subject::{self, NodeVerb};
use tokio::sync::mpsc;

use super::{ledger, offer};
use crate::engine::observe::unreachable;
use crate::engine::published::published;
use crate::engine::watch::Connection;
use crate::engine::{self, Engine, Site, action_error};
use crate::facts::{host, ports};
use crate::image::fetch::{Fetcher, Wanted, fetch};
use crate::image::spool;
use crate::logs::readers::Readers;

/// How long the leader may take to answer: it reads its memory and answers within milliseconds, and
/// the agent asks again by itself.
const SYNC_MAX: Duration = Duration::from_secs(3);

/// How long a removal waits for the readers of the container's log: they need a few round trips to the
/// engine, and some more where much was written last.
const READERS_MAX: Duration = Duration::from_secs(2);

/// What came of it.
pub(super) enum Done {
    /// The ledger was written, or why not.
    Persisted(Result<(), String>),
    /// The engine was looked at.
    Observed(ObservationMark, Box<Observed>),
    /// A call to the engine returned.
    Acted(ActionId, Result<Option<ObservedContainer>, ActionError>),
    /// The leader answered a sign of life that was sent then, or nobody did.
    Beaten(DurationMs, Option<BeatAnswer>),
    /// The leader answered, or nobody did.
    Synced(Option<SyncReply>),
    /// The node was looked at.
    Sighted(NodeSight),
}

/// Writes the ledger. The write holds the directory until it has ended, also when nobody waits for it
/// any more: a next life must not read before it and be overwritten after.
pub(super) async fn persist(home: Arc<StateDirLock>, ledger: Ledger) -> Done {
    let write = move || ledger::write(&ledger::path(home.directory()), &ledger);
    let written = tokio::task::spawn_blocking(write).await;
    Done::Persisted(written.unwrap_or_else(|error| Err(error.to_string())))
}

/// Looks at the engine. Before the first complete look of a life, what an earlier one left
/// unfinished is swept away: nothing else is under way then. `parts` is where it left parts of images.
pub(super) async fn observe(
    connection: Connection,
    site: Site,
    ask: ObserveAsk,
    parts: Option<PathBuf>,
) -> Done {
    let observed = match connection {
        Connection::Up(engine) => match parts {
            Some(parts) => sweep_and_look(&engine, &site, &ask, &parts).await,
            None => engine::observe(&engine, &site, &ask.images).await,
        },
        Connection::Down(problem) => unreachable(words(problem)),
    };
    Done::Observed(ask.mark, Box::new(observed))
}

async fn sweep_and_look(engine: &Engine, site: &Site, ask: &ObserveAsk, parts: &Path) -> Observed {
    match engine::sweep(engine, site).await {
        Ok(0) => {}
        Ok(_) => tracing::info!("removed containers that an earlier life left unfinished"),
        Err(error) => return unreachable(error.to_string()),
    }
    let observed = engine::observe(engine, site, &ask.images).await;
    if observed.engine == EngineReach::Reachable {
        let wanted = ask.images.difference(&observed.images).cloned().collect();
        spool::sweep(parts, &wanted).await;
    }
    observed
}

/// What an action is carried out with.
pub(super) struct Means {
    pub(super) connection: Connection,
    pub(super) site: Site,
    pub(super) readers: Readers,
    pub(super) fetcher: Fetcher,
    /// Who hears how far an action has come.
    pub(super) progress: mpsc::Sender<(ActionId, String)>,
}

/// Calls the engine. A container goes when its log has been read to the end, or soon after.
pub(super) async fn act(means: Means, (id, action): (ActionId, Action)) -> Done {
    let Means {
        connection,
        site,
        readers,
        fetcher,
        progress,
    } = means;
    if let ActionKind::RemoveContainer { container, .. } = &action.kind {
        readers.gone(&container.0, READERS_MAX).await;
    }
    let started = Instant::now();
    let result = match connection {
        Connection::Up(engine) => {
            if let ActionKind::FetchImage {
                image,
                id: image_id,
            } = &action.kind
            {
                let wanted = Wanted {
                    image: image.clone(),
                    id: image_id.clone(),
                };
                let tell = |words| offer(&progress, (id, words), "progress");
                let fetched = Box::pin(fetch(&fetcher, &engine, &wanted, tell)).await;
                return finished(id, &action, started, fetched.map(|()| None));
            }
            let result = engine::execute(&engine, &site, &action.kind).await;
            result.map_err(|error| action_error(&error))
        }
        Connection::Down(problem) => Err(ActionError {
            retryable: true,
            message: words(problem),
        }),
    };
    finished(id, &action, started, result)
}

fn finished(
    id: ActionId,
    action: &Action,
    started: Instant,
    result: Result<Option<ObservedContainer>, ActionError>,
) -> Done {
    let elapsed_ms = started.elapsed().as_millis();
    match &result {
        Ok(_) => tracing::info!(op = %action.kind, cause = %action.cause, elapsed_ms, "done"),
        Err(error) => {
            let Action { kind, cause } = action;
            tracing::warn!(op = %kind, %cause, elapsed_ms, %error, "failed");
        }
    }
    Done::Acted(id, result)
}

/// A problem as it is shown beside a task.
fn words(problem: Problem) -> String {
    match problem.help {
        Some(help) => format!("{}; {help}", problem.message),
        None => problem.message,
    }
}

/// Asks the leader.
pub(super) async fn sync(bus: Bus, node: NodeId, ask: SyncAsk) -> Done {
    let request = SyncRequest {
        boot: ask.boot,
        accepted: ask.accepted,
        lacking: ask.lacking,
    };
    let subject = subject::node(&node, NodeVerb::Sync);
    match bus.request_message(subject, &request, SYNC_MAX).await {
        Ok(reply) => Done::Synced(Some(reply)),
        Err(error) => {
            tracing::debug!(error = %error, "the leader does not answer");
            Done::Synced(None)
        }
    }
}

/// Gives a sign of life that asks for an answer.
pub(super) async fn beat(bus: Bus, beat: Heartbeat, sent_at: DurationMs) -> Done {
    let subject = subject::node(&beat.node, NodeVerb::Beat);
    match bus.request_message(subject, &beat, SYNC_MAX).await {
        Ok(answer) => Done::Beaten(sent_at, Some(answer)),
        Err(error) => {
            tracing::debug!(error = %error, "the leader does not answer a sign of life");
            Done::Beaten(sent_at, None)
        }
    }
}

/// Gathers what a full report says of the node.
pub(super) async fn sight(connection: Connection, site: Site, role: NodeRole) -> Done {
    let engine = match connection {
        Connection::Up(engine) => Some(engine),
        Connection::Down(_) => None,
    };
    // Unknown is not absent: which ports are the lab's own, only the engine can tell.
    let foreign_ports = match &engine {
        Some(engine) => foreign_ports(engine, &site)
            .await
            .inspect_err(|error| tracing::warn!(%error, "the node's ports cannot be told"))
            .ok(),
        None => None,
    };
    let facts: Option<EngineFacts> = engine.map(|engine| engine.facts().clone());
    Done::Sighted(NodeSight {
        hostname: host::hostname(),
        role,
        facts: host::facts(facts),
        foreign_ports,
    })
}

/// Host ports that something outside the lab holds.
pub(super) async fn foreign_ports(
    engine: &Engine,
    site: &Site,
) -> Result<Vec<ForeignPort>, engine::Error> {
    let published = published(engine, site).await?;
    let proc = PathBuf::from("/proc");
    let listed = tokio::task::spawn_blocking(move || ports::foreign(&proc, &published)).await;
    listed.map_err(|error| engine::Error::new(engine::Kind::Other, error.to_string()))
}
