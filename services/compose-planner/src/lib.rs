//! The planner: Compose files in, a plan or findings out. It changes nothing.
//!
//! ```text
//! plan.create ─► lab_compose::load ─► project.facts (from the leader) ─► lab_compose::plan ─► reply
//! ```
//! A shell around the pure [`lab_compose`]. It keeps no state, so any number of planners may serve;
//! applying a plan is a request to the scheduler, by whoever asked for the plan.
//!
//! Entry point: [`run`].

pub mod codes;
pub mod config;
mod plan;

use lab_bus::{Bus, Incoming, ServeError, ServiceInfo, ServiceServer, Sharing};
use lab_types::Problem;
use lab_wire::request::{PlanCreate, REQUESTS, Request as _, ServedBy};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use config::Config;

/// Plans made side by side. A plan of a large project takes tens of milliseconds of one core; more
/// at once would only make all of them late.
const PLANS_MAX: usize = 8;

/// Why the planner cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot join the bus.
    #[error(transparent)]
    Bus(#[from] Box<Problem>),
    /// It cannot serve.
    #[error("the planner cannot serve requests")]
    Serve(#[from] ServeError),
    /// The connection was closed for good.
    #[error("the planner's connection was closed")]
    Closed,
}

/// Serves `plan.create` until `shutdown`.
///
/// # Errors
/// [`Error`] when it has no identity or cannot serve. A server that does not answer (yet) is none:
/// it is tried until `shutdown`.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), Error> {
    let bus = tokio::select! {
        biased;
        // Cancel-safe: a connection that is not there yet is simply not made.
        () = shutdown.cancelled() => return Ok(()),
        bus = config.nats.connect("tercio-planner") => bus.map_err(Box::new)?,
    };
    let served = serve(&bus, &shutdown).await;
    bus.drain().await;
    served
}

async fn serve(bus: &Bus, shutdown: &CancellationToken) -> Result<(), Error> {
    let served = REQUESTS
        .iter()
        .filter(|request| request.served_by == ServedBy::Planner);
    let info = ServiceInfo {
        name: "planner".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: "Plans from Compose files.".to_owned(),
    };
    let (server, mut requests) =
        ServiceServer::start(bus, info, served.copied().collect(), Sharing::Replicas).await?;
    tracing::info!("serving requests");
    let mut plans = JoinSet::new();
    let served = loop {
        // Cancel-safe: a request that is not taken stays in the channel, a plan that has ended in
        // its set.
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break Ok(()),
            Some(_) = plans.join_next() => {}
            request = requests.recv(), if plans.len() < PLANS_MAX => match request {
                Some(request) => drop(plans.spawn(answer(bus.clone(), request))),
                None => break Err(Error::Closed),
            },
        }
    };
    server.stop().await;
    while plans.join_next().await.is_some() {}
    served
}

async fn answer(bus: Bus, incoming: Incoming) {
    let (noun, verb) = (incoming.info.noun, incoming.info.verb);
    if (noun, verb) != (PlanCreate::INFO.noun, PlanCreate::INFO.verb) {
        let problem = Problem::new(
            "PLN0002",
            format!("{noun}.{verb} is not known to this planner"),
        )
        .help("run all parts in the same version");
        return incoming.refuse(&problem).await;
    }
    match incoming.decode::<PlanCreate>() {
        Err(problem) => incoming.refuse(&problem).await,
        Ok(request) => match plan::create(&bus, request).await {
            Ok(created) => incoming.reply(&created).await,
            Err(problem) => incoming.refuse(&problem).await,
        },
    }
}
