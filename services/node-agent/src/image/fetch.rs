//! Gets an image from another node: says that it is lacking until the leader names a source, draws
//! the archive to disk, loads it.
//!
//! ```text
//! pulse: stage ──► leader, once a second; its answer ──► draw
//! draw:  Lacks ──(Draw)──► Draws ──(end)──► load ──► Has
//!          ▲                 │ broke off, or the leader names another source: goes on from the byte
//!          └─────────────────┘ where it is
//! ```
//! A leader that comes or goes on the way does not matter: it is told all there is to know each time,
//! and the bytes flow past it.

mod draw;
mod pulse;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use lab_bus::Bus;
use lab_converge::ActionError;
use lab_kit::clock;
use lab_types::ids::sha256_hex;
use lab_types::{
    Cause, Event, EventId, EventScope, EventWhat, Fence, NodeId, NodeName, WriterKind,
};
use lab_wire::agent::CommandReply;
use lab_wire::image::ImageStage;
use lab_wire::subject::{self, NodeVerb};
use tokio::sync::watch;

use super::load::load;
use super::spool::Spool;
use crate::engine::{Engine, Kind, action_error};

/// How long the leader may take to take an event in: a leader that has just gone is followed within 2 s.
const EVENT_MAX: Duration = Duration::from_secs(5);

/// Who fetches, and through what.
#[derive(Clone, Debug)]
pub struct Fetcher {
    /// This node.
    pub node: NodeId,
    /// The bus, while there is a connection.
    pub bus: watch::Receiver<Option<Bus>>,
    /// Where parts of images are kept.
    pub directory: PathBuf,
    /// What the agent has accepted: no earlier leader is obeyed.
    pub accepted: Fence,
}

/// An image that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its name, for people.
    pub image: String,
    /// Its id.
    pub id: String,
}

/// What a transfer came to.
struct Drawn {
    spool: Spool,
    source: NodeName,
    /// How many bytes of it came in this transfer, and in those before it that broke off.
    came: u64,
}

/// Fetches the image; `tell` hears how far it has come, in words.
///
/// # Errors
/// Why it cannot be had; retryable unless no node has it or this engine cannot load it.
pub async fn fetch(
    fetcher: &Fetcher,
    engine: &Engine,
    wanted: &Wanted,
    mut tell: impl FnMut(String) + Send,
) -> Result<(), ActionError> {
    let started = Instant::now();
    let spool = Spool::open(&fetcher.directory, &wanted.id).await;
    let spool = spool.map_err(|error| no_room(fetcher, &error))?;
    let (stage, stages) = watch::channel(ImageStage::Lacks);
    let (pulse, answers) = pulse::pulse(fetcher, &wanted.id, stages);
    let work = async {
        let drawn = draw::draw(fetcher, spool, answers, &stage, &mut tell).await?;
        tell(format!(
            "it came from node {} and is being loaded",
            drawn.source
        ));
        let loaded = load(engine, drawn.spool.path(), &wanted.id).await;
        // A source that is no more has no say: what the engine cannot load must not be tried again.
        match &loaded {
            Err(error) if error.is_loss() || error.kind == Kind::DiskFull => {}
            Ok(()) | Err(_) => drawn.spool.remove().await,
        }
        loaded.map_err(|error| action_error(&error))?;
        Ok::<_, ActionError>((drawn.source, drawn.came))
    };
    // The pulse never ends by itself.
    let (source, came) = tokio::select! {
        done = work => done?,
        never = pulse => match never {},
    };
    let (fetcher, wanted) = (fetcher.clone(), wanted.clone());
    let took = started.elapsed();
    // Containers need not wait until others know; both parts of it end by themselves in time.
    tokio::spawn(async move {
        pulse::say(&fetcher, &wanted.id, ImageStage::Has).await;
        note(&fetcher, &wanted, &source, (came, took)).await;
    });
    Ok(())
}

fn no_room(fetcher: &Fetcher, error: &std::io::Error) -> ActionError {
    let directory = fetcher.directory.display();
    ActionError {
        retryable: true,
        message: format!(
            "it cannot be kept in {directory} on its way: {error}; see that there is room on the disk \
             and that the agent may write there"
        ),
    }
}

/// Leaves an event.
async fn note(
    fetcher: &Fetcher,
    wanted: &Wanted,
    source: &NodeName,
    (bytes, took): (u64, Duration),
) {
    let Some(bus) = fetcher.bus.borrow().clone() else {
        return;
    };
    let (node, at) = (&fetcher.node, clock::now());
    let id = sha256_hex(format!("{node} {} {}", wanted.id, at.0).as_bytes());
    let details = [
        ("image", wanted.image.clone()),
        ("image_id", wanted.id.clone()),
        ("from", source.to_string()),
        ("bytes", bytes.to_string()),
        ("duration_ms", took.as_millis().to_string()),
    ];
    let event = Event {
        id: EventId::new(&id[..32]).expect("invariant: hexadecimal digits make an event id"),
        at,
        writer_kind: WriterKind::Agent,
        writer: node.to_string(),
        what: EventWhat::ImageTransferred,
        scope: EventScope {
            node: Some(node.clone()),
            object: Some(wanted.image.clone()),
            ..EventScope::default()
        },
        message: format!(
            "image {} came to this node from node {source}: {} MB in {:.1} s",
            wanted.image,
            (bytes + 500_000) / 1_000_000,
            took.as_secs_f64()
        ),
        cause: Cause::default(),
        details: details
            .map(|(key, value)| (key.to_owned(), value))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
    };
    let subject = subject::node(node, NodeVerb::Event);
    match bus.request_message(subject, &event, EVENT_MAX).await {
        Ok(CommandReply::Done | CommandReply::Unknown) => {}
        Ok(CommandReply::Refused { problem }) => {
            tracing::warn!(error = %problem, "the leader did not keep an event");
        }
        Err(error) => tracing::warn!(%error, "an event did not reach the leader"),
    }
}
