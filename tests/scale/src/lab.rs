//! nats-server, scheduler processes and an administrator.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lab_bus::{
    Bus, CallError, CallOptions, ConnectOptions, LabIdentity, ServerBinary, ServerProcess,
    ServerSettings,
};
use lab_testkit::Proxy;
use lab_types::{ProjectName, ServiceName, TaskSpec, UserName};
use lab_wire::request::{LabStatus, LabStatusGet, ServiceCreate};
use lab_wire::{Request, Role};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// The image that every simulated engine has.
pub const IMAGE: &str = "busybox";

/// A lab without agents.
#[derive(Debug)]
pub struct ScaleLab {
    /// The lab's keys.
    pub identity: LabIdentity,
    /// An administrator's connection.
    pub admin: Bus,
    /// Where nats-server tells its statistics.
    pub monitor_port: u16,
    dir: PathBuf,
    binary: ServerBinary,
    settings: ServerSettings,
    nats: Option<ServerProcess>,
    started: u32,
}

/// A scheduler in a process of its own, killed when this is dropped.
#[derive(Debug)]
pub struct Scheduler {
    child: Child,
    pid: Pid,
    log: PathBuf,
    wire: Option<Proxy>,
}

/// How the subjects of the state's records begin.
const STATE: &str = "$KV.tercio_state.";

impl ScaleLab {
    /// Starts nats-server, syncing always, with its files under `dir`.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(dir: &Path) -> Self {
        let binary = ServerBinary::find(None).await;
        let binary = binary.unwrap_or_else(|problem| panic!("{problem}"));
        let identity = LabIdentity::create(&dir.join("identity"));
        let identity = identity.expect("invariant: the probe's folder can be written");
        let monitor_port = free_port();
        let mut settings = ServerSettings {
            monitor_port: Some(monitor_port),
            ..ServerSettings::local(dir.join("nats"))
        };
        let nats = start_nats(&binary, &identity, &settings).await;
        settings.port = Some(nats.port());
        let admin = connect(&identity, &nats.url(), &Role::Admin(user())).await;
        Self {
            admin,
            identity,
            monitor_port,
            dir: dir.to_owned(),
            binary,
            settings,
            nats: Some(nats),
            started: 0,
        }
    }

    /// nats-server's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "nats://127.0.0.1:{}",
            self.settings.port.unwrap_or_default()
        )
    }

    /// nats-server's process.
    ///
    /// # Panics
    /// While it is killed.
    #[must_use]
    pub fn nats_pid(&self) -> Pid {
        let nats = self.nats.as_ref();
        nats.expect("invariant: nats-server runs").pid()
    }

    /// Kills nats-server (SIGKILL).
    ///
    /// # Panics
    /// While it is killed.
    pub async fn kill_nats(&mut self) {
        let mut nats = self.nats.take().expect("invariant: nats-server runs");
        kill_process(nats.pid(), Signal::KILL).expect("invariant: nats-server runs");
        nats.ended().await;
    }

    /// Starts nats-server again, on the same store and port.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_nats_again(&mut self) {
        self.nats = Some(start_nats(&self.binary, &self.identity, &self.settings).await);
    }

    /// Starts a scheduler: the real program, with its role's credentials.
    ///
    /// # Panics
    /// When the program is not built.
    pub fn start_scheduler(&mut self) -> Scheduler {
        let url = self.url();
        self.start_scheduler_at(&url, None)
    }

    /// The same; what it says goes through a [`wire`](Scheduler::wire).
    ///
    /// # Panics
    /// When the program is not built.
    pub async fn start_scheduler_on_a_wire(&mut self) -> Scheduler {
        let port = self.settings.port.unwrap_or_default();
        let wire = Proxy::counting(port, STATE).await;
        self.start_scheduler_at(&wire.url(), Some(wire))
    }

    fn start_scheduler_at(&mut self, url: &str, wire: Option<Proxy>) -> Scheduler {
        self.started += 1;
        let home = self.dir.join(format!("scheduler-{}", self.started));
        std::fs::create_dir_all(&home).expect("invariant: the probe's folder can be written");
        let credentials = home.join("scheduler.creds");
        let issued = self.identity.issue(&Role::Scheduler, None);
        issued
            .write(&credentials)
            .expect("invariant: the probe's folder can be written");
        let config = home.join("scheduler.toml");
        let filter = std::env::var("TERCIO_LOG").unwrap_or_else(|_| "info".to_owned());
        let text = format!(
            "[nats]\nurls = [{url:?}]\ncredentials = {credentials:?}\n[log]\nfilter = {filter:?}\n"
        );
        std::fs::write(&config, text).expect("invariant: the probe's folder can be written");
        let log = home.join("log");
        let stderr = std::fs::File::create(&log);
        let stderr = stderr.expect("invariant: the probe's folder can be written");
        let child = Command::new(program("tercio-scheduler"))
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .expect("invariant: the scheduler's program can be run");
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        Scheduler {
            pid: pid.and_then(Pid::from_raw).expect("invariant: it runs"),
            child,
            log,
            wire,
        }
    }

    /// Another connection, with a role's own permissions.
    ///
    /// # Panics
    /// When that fails.
    pub async fn connect(&self, role: &Role) -> Bus {
        connect(&self.identity, &self.url(), role).await
    }

    /// Sends a request as the administrator.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call<R: Request>(
        &self,
        project: Option<&ProjectName>,
        request: &R,
    ) -> Result<R::Reply, CallError> {
        self.call_within(project, request, CallOptions::default())
            .await
    }

    /// The same, with the patience that the caller chooses.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call_within<R: Request>(
        &self,
        project: Option<&ProjectName>,
        request: &R,
        options: CallOptions,
    ) -> Result<R::Reply, CallError> {
        self.admin.call(&user(), project, request, options).await
    }

    /// What the leader says of the lab; nothing while none answers.
    pub async fn status(&self) -> Option<LabStatus> {
        let options = CallOptions {
            timeout: Duration::from_secs(2),
            attempt: Duration::from_secs(2),
            request_id: None,
        };
        self.call_within(None, &LabStatusGet {}, options).await.ok()
    }

    /// Creates a service of so many tasks that run until they are stopped.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn create_service(&self, name: &str, replicas: u32) -> Result<(), CallError> {
        let request = ServiceCreate {
            service: ServiceName::new(name).expect("invariant: a service's name"),
            task: TaskSpec {
                image: IMAGE.to_owned(),
                command: Some(vec!["sleep".to_owned(), "infinity".to_owned()]),
                environment: [("STAGE".to_owned(), "scale".to_owned())].into(),
                ..TaskSpec::default()
            },
            replicas,
            request_id: None,
        };
        self.call(Some(&project()), &request).await.map(drop)
    }
}

impl Scheduler {
    /// Its process.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// The wire it was started on; it counts the pieces of writes to the state.
    ///
    /// # Panics
    /// When it was started on none.
    #[must_use]
    pub fn wire(&self) -> &Proxy {
        self.wire.as_ref().expect("invariant: it has a wire")
    }

    /// What it has told so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Kills it (SIGKILL).
    pub async fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill().await;
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }
}

async fn connect(identity: &LabIdentity, url: &str, role: &Role) -> Bus {
    let credentials = identity.issue(role, None);
    let options = ConnectOptions::new(vec![url.to_owned()], credentials, "scale-probe");
    let connected = Bus::connect(options).await;
    connected.unwrap_or_else(|error| panic!("{error}"))
}

async fn start_nats(
    binary: &ServerBinary,
    identity: &LabIdentity,
    settings: &ServerSettings,
) -> ServerProcess {
    let started = ServerProcess::start(binary, identity, settings.clone()).await;
    started.unwrap_or_else(|error| panic!("{error}: {error:?}"))
}

/// The project that everything is in.
#[must_use]
pub fn project() -> ProjectName {
    ProjectName::new("scale").expect("invariant: a project's name")
}

fn user() -> UserName {
    UserName::new("admin").expect("invariant: a user's name")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0");
    let address = listener.and_then(|listener| listener.local_addr());
    address
        .expect("invariant: the loopback has a free port")
        .port()
}

/// A program of this build: beside this one, or above a test's folder.
fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("invariant: a running program has a path");
    let places = this.ancestors().skip(1).take(2).map(|dir| dir.join(name));
    let found = places.into_iter().find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is not built: cargo build --workspace --bins"))
}
