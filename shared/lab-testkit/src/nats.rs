//! A real nats-server for one test.

use std::path::Path;

use lab_bus::{
    Bus, ConnectOptions, Credentials, LabIdentity, ServerBinary, ServerProcess, ServerSettings,
};
use lab_wire::Role;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A nats-server with a store and an identity of its own, killed when this is dropped.
///
/// When the test panics its folder is kept and named, with the server's log.
#[derive(Debug)]
pub struct NatsServer {
    binary: ServerBinary,
    identity: LabIdentity,
    settings: ServerSettings,
    process: Option<ServerProcess>,
    dir: Option<TempDir>,
}

impl NatsServer {
    /// Starts one on a free port of the loopback.
    ///
    /// # Panics
    /// When there is no suitable program or it does not start.
    pub async fn start() -> Self {
        let binary = ServerBinary::find(None).await;
        let binary = binary.unwrap_or_else(|p| panic!("{p}; {}", p.help.as_deref().unwrap_or("")));
        let dir = tempfile::Builder::new().prefix("tercio-nats-").tempdir();
        let dir = dir.expect("invariant: the temporary folder can be written");
        let identity = LabIdentity::create(&dir.path().join("identity"));
        let mut server = Self {
            binary,
            identity: identity.expect("invariant: the temporary folder can be written"),
            settings: ServerSettings::local(dir.path().join("server")),
            process: None,
            dir: Some(dir),
        };
        server.start_again().await;
        server
    }

    /// Starts it again, on the same store and port, after [`kill`](Self::kill) or
    /// [`stop`](Self::stop).
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        let settings = self.settings.clone();
        let started = ServerProcess::start(&self.binary, &self.identity, settings).await;
        let process = started.unwrap_or_else(|error| panic!("{error}: {error:?}"));
        self.settings.port = Some(process.port());
        self.process = Some(process);
    }

    fn process(&self) -> &ServerProcess {
        self.process
            .as_ref()
            .expect("invariant: the test did not stop the server")
    }

    /// `nats://127.0.0.1:4222`.
    #[must_use]
    pub fn url(&self) -> String {
        self.process().url()
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.process().port()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process().pid()
    }

    /// A folder for the test's own files, removed with the server.
    ///
    /// # Panics
    /// Never: the folder lives as long as this.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir
            .as_ref()
            .expect("invariant: taken only on drop")
            .path()
    }

    /// The lab's keys.
    #[must_use]
    pub fn identity(&self) -> &LabIdentity {
        &self.identity
    }

    /// Fresh credentials for a role.
    #[must_use]
    pub fn credentials(&self, role: &Role) -> Credentials {
        self.identity.issue(role, None)
    }

    /// Connects with a role's real permissions.
    ///
    /// # Panics
    /// When that fails.
    pub async fn connect_as(&self, role: &Role) -> Bus {
        self.connect_through(self.url(), role).await
    }

    /// The same by another address: a [`Proxy`](crate::Proxy)'s.
    ///
    /// # Panics
    /// When that fails.
    pub async fn connect_through(&self, url: String, role: &Role) -> Bus {
        let options = ConnectOptions::new(vec![url], self.credentials(role), role.name());
        let connected = Bus::connect(options).await;
        connected.unwrap_or_else(|error| panic!("cannot connect as {role:?}: {error}"))
    }

    /// Ends it at once (SIGKILL).
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill(&mut self) {
        let mut process = self.process.take().expect("invariant: the server runs");
        kill_process(process.pid(), Signal::KILL).expect("invariant: the server runs");
        process.ended().await;
    }

    /// Ends it in peace.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn stop(&mut self) {
        let process = self.process.take().expect("invariant: the server runs");
        process.stop().await;
    }

    /// Halts it (SIGSTOP): connections stay, nothing answers.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pause(&self) {
        kill_process(self.pid(), Signal::STOP).expect("invariant: the server runs");
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Panics
    /// When it does not run.
    pub fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).expect("invariant: the server runs");
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // Killed by its handle's drop.
        self.process = None;
        if let Some(dir) = self.dir.take()
            && std::thread::panicking()
        {
            let kept = dir.keep();
            #[allow(clippy::print_stderr, reason = "a failed test says where to look")]
            {
                eprintln!("nats-server's folder is kept: {}", kept.display());
            }
        }
    }
}
