//! The running agent: one task owns the decisions, others look, call, speak and listen for it.
//!
//! ```text
//!  engine::watch ── activity ─┐                        ┌─▶ work: look, call, write, ask, gather
//!  link ── commands ──────────┼─▶ owner: AgentCore ────┤        (each ends with one Done)
//!  timer: beat, wake_at ──────┘         ▲              ├─▶ link: beats, reports, replies
//!                                       └── Done ──────┴─▶ streams: logs, builds, pulls
//! ```
//! The owner decides nothing itself: it tells `AgentCore` what came in and does what comes out.

mod command;
mod config;
mod fitting;
mod lease;
mod ledger;
pub mod link;
mod owner;
pub mod pace;
mod stream;
mod transfer;
mod work;

use std::time::Duration;

use lab_converge::AgentCore;
use lab_kit::clock::{self, BootInstant};
use lab_kit::lock::StateDirLock;
use lab_kit::task::Tasks;
use lab_kit::telemetry::chain;
use lab_types::{AgentBoot, Problem};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::engine;
use crate::engine::watch::{Connection, Passing, Tell};
pub use config::{Config, EngineConfig};
use lease::LeaseFile;
use owner::{Mind, Owner};

/// Where parts of images are kept, in the agent's directory.
const IMAGES: &str = "images";

/// How long the helpers of the agent may take to end: they only drop connections.
const DRAIN_MAX: Duration = Duration::from_secs(3);

/// Runs the agent until `shutdown`. Containers go on running when it ends.
///
/// # Errors
/// What keeps it from starting: its state directory is in use or cannot be read, its credentials
/// cannot be read, its configuration lacks something. An engine or a server that does not answer is
/// no error: it waits for them.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), Problem> {
    let site = config.site()?;
    let socket = engine::socket(
        config.engine.socket.as_deref(),
        config::docker_host().as_deref(),
    )?;
    link::check_credentials(&config.nats)?;
    let directory = config.directory()?;
    let home = StateDirLock::acquire(&directory).map_err(|error| Problem::from(&error))?;
    let ledger = ledger::read(&directory, &site)?;
    let now = clock::now();
    let mut core = AgentCore::new(ledger, AgentBoot(now.0), now);
    let lease = LeaseFile::in_directory(&directory);
    core.on_clock(BootInstant::now().uptime(), now);
    if let Some(until) = lease.read() {
        core.resume_lease(until);
    }

    let tasks = Tasks::new(shutdown.child_token());
    // When this future is dropped, its helpers end too.
    let guard = tasks.stop_token().clone().drop_guard();
    let (connection, connections) = watch::channel(Connection::Down(Problem::new(
        "AGT0001",
        format!("no Docker engine has answered yet at {}", socket.display()),
    )));
    let (activity, activities) = watch::channel(());
    let (passing, passed) = watch::channel(Passing::default());
    let tell = Tell {
        connection,
        activity,
        passing,
    };
    tasks.spawn(
        "engine watch",
        engine::watch::run(socket, tell, tasks.stop_token().clone()),
    );
    let (link, linked) = link::pair();
    let stop = tasks.stop_token().clone();
    tasks.spawn("bus link", link.run(config.nats, site.node.clone(), stop));

    let mind = Mind {
        core,
        lease,
        role: config.role,
    };
    let owner = Owner::new(mind, site, home, (connections, activities, passed), linked);
    let ended = owner.run(tasks.stop_token()).await;
    let drained = tasks.drain(DRAIN_MAX).await;
    drop(guard);
    ended?;
    match drained.failures.first() {
        None => Ok(()),
        Some(failure) => Err(part_failed(failure)),
    }
}

fn part_failed(error: &(dyn std::error::Error + 'static)) -> Problem {
    Problem::new(
        "AGT0060",
        format!("a part of the agent failed: {}", chain(error)),
    )
    .help("the log before this message tells more; containers go on running")
}

/// A queue of the agent: who sends never waits; what does not fit is dropped, and told.
fn offer<T>(queue: &mpsc::Sender<T>, item: T, what: &'static str) {
    if queue.try_send(item).is_err() {
        tracing::debug!(op = what, "dropped: the queue is full");
    }
}
