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

use std::time::Duration;

use lab_bus::{Bus, Incoming, ServeError, ServiceInfo, ServiceServer, Sharing};
use lab_types::Problem;
use lab_wire::request::{PlanCreated, REQUESTS, ServedBy};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use config::Config;

/// Plans made side by side. A plan of a large project takes tens of milliseconds of one core; more
/// at once would only make all of them late.
const PLANS_MAX: usize = 8;

/// How long plans under way may take when the planner stops: many times what one takes with a leader
/// that answers, and well within what a process has to end.
const LEAVE_MAX: Duration = Duration::from_secs(3);

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

/// Serves plans until `shutdown`.
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
    let late = CancellationToken::new();
    let served = loop {
        // Cancel-safe: a request that is not taken stays in the channel, a plan that has ended in
        // its set.
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break Ok(()),
            Some(_) = plans.join_next() => {}
            request = requests.recv(), if plans.len() < PLANS_MAX => match request {
                Some(request) => drop(plans.spawn(answer(bus.clone(), request, late.clone()))),
                None => break Err(Error::Closed),
            },
        }
    };
    server.stop().await;
    let leave = tokio::time::timeout(LEAVE_MAX, async {
        while plans.join_next().await.is_some() {}
    });
    if leave.await.is_err() {
        late.cancel();
        while plans.join_next().await.is_some() {}
    }
    served
}

async fn answer(bus: Bus, incoming: Incoming, late: CancellationToken) {
    let made = tokio::select! {
        biased;
        made = make(&bus, &incoming) => made,
        // Cancel-safe: a plan changes nothing.
        () = late.cancelled() => return incoming.try_again("the planner is stopping").await,
    };
    match made {
        Ok(created) => incoming.reply(&created).await,
        Err(plan::Error::NotNow(why)) => incoming.try_again(&why).await,
        Err(plan::Error::Refused(problem)) => incoming.refuse(&problem).await,
    }
}

async fn make(bus: &Bus, incoming: &Incoming) -> Result<PlanCreated, plan::Error> {
    let (noun, verb) = (incoming.info.noun, incoming.info.verb);
    match (noun, verb) {
        ("plan", "create") => {
            let request = incoming.decode().map_err(plan::Error::Refused)?;
            plan::create(bus, request).await
        }
        ("plan", "restore") => {
            let request = incoming.decode().map_err(plan::Error::Refused)?;
            let project = incoming.address.project.as_ref();
            let project = project
                .ok_or_else(no_project)
                .map_err(plan::Error::Refused)?;
            plan::restore(bus, project, request).await
        }
        _ => {
            let message = format!("{noun}.{verb} is not known to this planner");
            let problem = Problem::new("PLN0002", message);
            Err(plan::Error::Refused(
                problem.help("run all parts in the same version"),
            ))
        }
    }
}

fn no_project() -> Problem {
    Problem::new("PLN0005", "the request names no project")
        .help("its subject has the project's name where this one has _")
}
