//! Any set of the lab's parts as supervised tasks, with nats-server beneath them when it is one.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use lab_bus::{Nats, ServerBinary};
use lab_kit::lock::StateDirLock;
use lab_kit::shutdown::{self, DRAIN_MAX, Shutdown};
use lab_kit::task::Tasks;
use lab_kit::telemetry;
use lab_types::{LabId, NodeId, NodeRole, Problem};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::NATS_DRAIN_MAX;
use super::config::Config;
use super::nats::Supervised;
use crate::app::App;
use crate::failure::{Failure, Outcome, Tell as _};
use crate::lab::setup::{Reach, Setup, creds_file, nats_dir, prepare};

/// A part of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Role {
    /// nats-server as a child, kept running
    Nats,
    /// Owns what should be
    Scheduler,
    /// Makes plans of Compose files
    Planner,
    /// Knows the machines
    Provisioner,
    /// Makes this node match its assignment
    Agent,
}

impl Role {
    /// The parts that speak NATS.
    pub const SERVICES: [Self; 4] = [
        Self::Scheduler,
        Self::Planner,
        Self::Provisioner,
        Self::Agent,
    ];

    /// Its name in messages, and that of its credentials.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Scheduler => "scheduler",
            Self::Planner => "planner",
            Self::Provisioner => "provisioner",
            Self::Agent => "agent",
        }
    }
}

/// Where the parts find their lab.
#[derive(Clone, Debug)]
pub struct Site {
    /// NATS's addresses.
    pub urls: Vec<String>,
    /// One identity for all, or each part's own in the state directory.
    pub creds: Option<PathBuf>,
    /// The state directory.
    pub state_dir: PathBuf,
    /// Which lab it is.
    pub lab: Option<LabId>,
    /// Which node this is.
    pub node: Option<NodeId>,
    /// Whether the control plane runs in this process too.
    pub manages: bool,
}

impl Site {
    /// The lab that is set up in a state directory.
    #[must_use]
    pub fn of(state_dir: &Path, setup: &Setup) -> Self {
        Self {
            urls: vec![setup.lab.nats_url.clone()],
            creds: None,
            state_dir: state_dir.to_owned(),
            lab: setup.lab.lab.clone(),
            node: Some(setup.node.clone()),
            manages: false,
        }
    }

    fn nats(&self, role: Role) -> Nats {
        let own = || creds_file(&self.state_dir, role.name());
        Nats {
            urls: self.urls.clone(),
            credentials: self.creds.clone().unwrap_or_else(own),
        }
    }
}

/// Parts that run.
pub struct Parts {
    /// The parts that speak NATS.
    services: Tasks,
    /// nats-server: it stops last, so that the others can still say good-bye.
    nats: Tasks,
    /// What the first part that failed said.
    failed: watch::Sender<Option<Problem>>,
}

impl Parts {
    /// No parts yet; they end when `shutdown` asks.
    #[must_use]
    pub fn new(shutdown: &Shutdown) -> Self {
        Self {
            services: Tasks::new(shutdown.requested.child_token()),
            nats: Tasks::new(CancellationToken::new()),
            failed: watch::Sender::new(None),
        }
    }

    /// Keeps a nats-server running beneath the parts.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_nats(&self, server: Supervised) -> Result<(), lab_bus::StartError> {
        let first = server.start().await?;
        let stop = self.nats.stop_token().clone();
        self.nats.spawn("nats-server", server.keep(first, stop));
        let nats = self.nats.clone();
        let stop = self.services.stop_token().clone();
        self.services.spawn("nats-server's keeper", async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => Ok(()),
                failure = nats.failed() => Err(failure),
            }
        });
        Ok(())
    }

    /// Starts a part.
    pub fn start(&self, role: Role, site: &Site, config: &Config) {
        let stop = self.services.stop_token().clone();
        let nats = site.nats(role);
        match role {
            Role::Nats => {}
            Role::Scheduler => {
                let config = scheduler::Config {
                    nats,
                    ..config.scheduler.clone()
                };
                self.spawn(role, async move {
                    let ended = scheduler::run(config, stop).await;
                    ended.map_err(|error| Problem::from(&error))
                });
            }
            Role::Planner => {
                let config = compose_planner::Config {
                    nats,
                    ..config.planner.clone()
                };
                self.spawn(role, async move {
                    let ended = compose_planner::run(config, stop).await;
                    ended.map_err(|error| match error {
                        compose_planner::Error::Bus(problem) => *problem,
                        other => Problem::new("CLI0025", telemetry::chain(&other).to_string()),
                    })
                });
            }
            Role::Provisioner => {
                let config = provisioner::Config {
                    nats,
                    ..config.provisioner.clone()
                };
                self.spawn(role, async move {
                    let ended = provisioner::run(config, stop).await;
                    ended.map_err(|error| Problem::from(&error))
                });
            }
            Role::Agent => {
                let config = agent_config(config, nats, site);
                self.spawn(role, node_agent::run(config, stop));
            }
        }
    }

    fn spawn(&self, role: Role, part: impl Future<Output = Result<(), Problem>> + Send + 'static) {
        let failed = self.failed.clone();
        self.services.spawn(role.name(), async move {
            let ended = part.await;
            if let Err(problem) = &ended {
                let first = |known: &mut Option<Problem>| {
                    let is_first = known.is_none();
                    if is_first {
                        *known = Some(named(role, problem));
                    }
                    is_first
                };
                failed.send_if_modified(first);
            }
            ended
        });
    }

    /// The tasks of the parts, for work that lives as long as they do.
    #[must_use]
    pub const fn tasks(&self) -> &Tasks {
        &self.services
    }

    /// Waits until a part has failed.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn failure(&self) -> Failure {
        let failure = self.services.failed().await;
        match self.failed.borrow().clone() {
            Some(problem) => problem.into(),
            None => Problem::new("CLI0025", telemetry::chain(&failure).to_string())
                .help("the log before this message tells more")
                .into(),
        }
    }

    /// Waits until they are asked to end or one fails, then ends them all, NATS last.
    ///
    /// # Errors
    /// The part that failed, or those that did not end in time.
    pub async fn run(self, shutdown: &Shutdown) -> Outcome {
        let ended = shutdown::run(&self.services, shutdown, DRAIN_MAX).await;
        let drained = self.nats.drain(NATS_DRAIN_MAX).await;
        if let Some(problem) = self.failed.borrow().clone() {
            return Err(problem.into());
        }
        ended.tell()?;
        match drained.late.is_empty() {
            true => Ok(()),
            false => Err(Failure::new(
                "CLI0025",
                "nats-server did not end in time",
                "see its log in the state directory",
            )),
        }
    }
}

/// The problem with the name of the part it stopped.
fn named(role: Role, problem: &Problem) -> Problem {
    let mut problem = problem.clone();
    problem.message = format!("the part {} failed: {}", role.name(), problem.message);
    problem
}

fn agent_config(config: &Config, nats: Nats, site: &Site) -> node_agent::Config {
    let own = &config.agent;
    node_agent::Config {
        lab: own.lab.clone().or_else(|| site.lab.clone()),
        node: own.node.clone().or_else(|| site.node.clone()),
        state_dir: own
            .state_dir
            .clone()
            .or_else(|| Some(site.state_dir.clone())),
        nats,
        role: match site.manages {
            true => NodeRole::Manager,
            false => own.role,
        },
        ..own.clone()
    }
}

/// Serves `roles` until the process is asked to end.
///
/// # Errors
/// What hinders them, or which of them failed.
pub async fn run(app: &App, state_dir: &Path, config: Config, roles: Vec<Role>) -> Outcome {
    telemetry::init(&config.log).tell()?;
    let shutdown = on_signals()?;
    let parts = Parts::new(&shutdown);
    let remote = app.context()?.filter(|context| !context.local);
    let (site, setup) = match remote {
        Some(context) => (remote_site(&context, state_dir, &roles)?, None),
        None => {
            let setup = prepare(state_dir, &Reach::Local).await?;
            (Site::of(state_dir, &setup), Some(setup))
        }
    };
    let _nats_lock = match (roles.contains(&Role::Nats), setup) {
        (true, Some(setup)) => {
            let lock = lock_nats(state_dir)?;
            let binary = find_nats(&config).await?;
            parts
                .start_nats(supervised(binary, setup))
                .await
                .map_err(|error| error.problem())?;
            Some(lock)
        }
        (true, None) => {
            return Err(Failure::Usage(
                "-H names a NATS that runs already; leave it out to serve one".to_owned(),
            ));
        }
        (false, _) => None,
    };
    let site = Site {
        manages: roles.contains(&Role::Scheduler),
        ..site
    };
    for role in roles {
        parts.start(role, &site, &config);
    }
    parts.run(&shutdown).await
}

/// Listens for the signals that end a process.
///
/// # Errors
/// The system refuses.
pub fn on_signals() -> Outcome<Shutdown> {
    Shutdown::on_signals().map_err(|error| {
        Failure::new(
            "CLI0024",
            format!("signals cannot be listened for: {error}"),
            "the process's limits are the usual cause",
        )
    })
}

/// The lab that was named on the command line; its one identity serves one part.
fn remote_site(
    context: &crate::context::Context,
    state_dir: &Path,
    roles: &[Role],
) -> Outcome<Site> {
    if roles.len() != 1 {
        return Err(Failure::Usage(
            "one .creds file is one part's: with -H, serve one role at a time".to_owned(),
        ));
    }
    let credentials = lab_bus::Credentials::read(&context.creds);
    let credentials = credentials.map_err(|error| Failure::from(error.problem()))?;
    Ok(Site {
        urls: context.nats_url.split(',').map(str::to_owned).collect(),
        creds: Some(context.creds.clone()),
        state_dir: state_dir.to_owned(),
        lab: None,
        node: NodeId::new(credentials.name()).ok(),
        manages: false,
    })
}

/// The right to run the nats-server of a state directory.
///
/// # Errors
/// Another process has it.
pub fn lock_nats(state_dir: &Path) -> Outcome<StateDirLock> {
    StateDirLock::acquire(&nats_dir(state_dir)).map_err(|error| held(state_dir, &error))
}

/// A lab that runs already, told with its process.
#[must_use]
pub fn held(state_dir: &Path, error: &lab_kit::lock::Error) -> Failure {
    match error {
        lab_kit::lock::Error::Held { holder, .. } => {
            let pid = holder.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
            Failure::new(
                "CLI0020",
                format!("a lab already runs on {} (pid {pid})", state_dir.display()),
                "end it with `tercio lab stop`, or choose another directory with --state-dir",
            )
        }
        other => Problem::from(other).into(),
    }
}

/// The program of the configuration, or the first new enough one of the usual places.
///
/// # Errors
/// There is none.
pub async fn find_nats(config: &Config) -> Outcome<ServerBinary> {
    let program = &config.nats.program;
    let explicit = (!program.as_os_str().is_empty()).then_some(program.as_path());
    Ok(ServerBinary::find(explicit).await?)
}

/// The server of a lab that is set up.
#[must_use]
pub fn supervised(binary: ServerBinary, setup: Setup) -> Supervised {
    Supervised {
        binary,
        identity: setup.identity,
        settings: setup.nats,
        pid: watch::Sender::new(None),
    }
}
