//! Machines: hosts as the lab knows them. So far it knows the machine it runs on, and says so.
//!
//! ```text
//! request machine.list ──► server ──► machine::this ──► one row, read anew each time
//! ```
//! It asks nothing of the Docker engine: that is the agent's, and an engine's version is a fact of
//! the node (`node.inspect`). Entry point: [`run`].

pub mod codes;
pub mod config;
pub mod machine;

use lab_bus::{Bus, Incoming, ServeError, ServiceInfo, ServiceServer, Sharing};
use lab_types::Problem;
use lab_wire::request::{MachineList, MachineListed, REQUESTS, Request as _, ServedBy};
use tokio_util::sync::CancellationToken;

pub use config::Config;

/// Why the provisioner cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot join the bus.
    #[error("{0}")]
    Bus(Box<Problem>),
    /// It cannot serve.
    #[error("the provisioner cannot serve requests")]
    Serve(#[from] ServeError),
    /// The connection was closed for good.
    #[error("the provisioner's connection was closed")]
    Closed,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::Bus(problem) => (**problem).clone(),
            Error::Serve(_) | Error::Closed => {
                Self::new("PRV0001", lab_kit::telemetry::chain(error).to_string())
                    .help("is nats-server running, and are nats.urls and nats.credentials right?")
            }
        }
    }
}

/// Serves `machine.list` until `shutdown`.
///
/// # Errors
/// [`Error`] when it has no identity or cannot serve. A server that does not answer (yet) is none:
/// it is tried until `shutdown`.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), Error> {
    let name = format!("tercio-provisioner@{}", machine::hostname());
    let bus = tokio::select! {
        biased;
        // Cancel-safe: a connection that is not there yet is simply not made.
        () = shutdown.cancelled() => return Ok(()),
        bus = config.nats.connect(&name) => bus.map_err(|problem| Error::Bus(Box::new(problem)))?,
    };
    let served = serve(&bus, &config, &shutdown).await;
    bus.drain().await;
    served
}

async fn serve(bus: &Bus, config: &Config, shutdown: &CancellationToken) -> Result<(), Error> {
    let endpoints = REQUESTS
        .iter()
        .filter(|request| request.served_by == ServedBy::Provisioner)
        .copied()
        .collect();
    let info = ServiceInfo {
        name: "provisioner".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: "Machines of the lab.".to_owned(),
    };
    let (server, mut requests) =
        ServiceServer::start(bus, info, endpoints, Sharing::Replicas).await?;
    tracing::info!("serving requests");
    let served = loop {
        tokio::select! {
            biased;
            // Cancel-safe: a request that is not taken stays in the channel.
            () = shutdown.cancelled() => break Ok(()),
            request = requests.recv() => match request {
                Some(request) => answer(request, config).await,
                None => break Err(Error::Closed),
            },
        }
    };
    server.stop().await;
    served
}

async fn answer(incoming: Incoming, config: &Config) {
    let (noun, verb) = (incoming.info.noun, incoming.info.verb);
    if (noun, verb) != (MachineList::INFO.noun, MachineList::INFO.verb) {
        let problem = Problem::new("PRV0002", format!("{noun}.{verb} is not known here"))
            .help("this provisioner is older than the request");
        incoming.refuse(&problem).await;
        return;
    }
    match incoming.decode::<MachineList>() {
        Ok(MachineList {}) => {
            let machines = vec![machine::this(&config.engine.socket)];
            incoming.reply(&MachineListed { machines }).await;
        }
        Err(problem) => incoming.refuse(&problem).await,
    }
}
