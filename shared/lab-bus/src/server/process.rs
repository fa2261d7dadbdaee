//! Running nats-server as a child.
//!
//! It must not outlive its parent: two servers on one store would destroy it. Where util-linux'
//! `setpriv` is there, the kernel sends the child a SIGTERM when the parent's thread ends, so start
//! it from a thread that lives as long as the process (a runtime's worker, not `spawn_blocking`).
//! Everywhere, a server that an earlier parent left running is found by its process id file and
//! stopped first. Restarting one that ended is the embedder's affair.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lab_kit::file::{Readers, write_atomic};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::process::{Child, Command};

use super::ServerBinary;
use crate::identity::{LabIdentity, ServerSettings};

/// How long it may take until it takes connections: 0.3 s when idle, some seconds when it first
/// recovers large streams.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const READY_POLL: Duration = Duration::from_millis(20);
/// How long it may take to end after a SIGTERM; it closes its streams in under a second.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of its log is told when it does not start.
const LOG_LINES: usize = 12;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file cannot be written or the program not run.
    #[error("cannot {step} {path}")]
    Io {
        /// What was tried.
        step: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Its configuration cannot be written.
    #[error(transparent)]
    Write(#[from] lab_kit::file::Error),
    /// It ended, or was not ready in time.
    #[error("nats-server is not ready: {reason}")]
    NotReady {
        /// What happened.
        reason: String,
        /// The end of its log.
        log: String,
    },
}

impl StartError {
    /// The same for a person, with a code and what to do next.
    #[must_use]
    pub fn problem(&self) -> lab_types::Problem {
        match self {
            Self::Io { source, .. } => {
                lab_types::Problem::new("NAT0010", format!("{self}: {source}")).help(
                    "check the directory's owner and permissions, and that the disk is not full",
                )
            }
            Self::Write(error) => error.into(),
            Self::NotReady { log, .. } => {
                let last = log.lines().last().unwrap_or("it wrote no log");
                lab_types::Problem::new("NAT0004", format!("{self}; its log ends: {last}"))
                    .help("read the whole log; a port in use and a full disk are the usual causes")
            }
        }
    }
}

/// A running nats-server, a child of this process. Dropping it kills the server.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    pid: Pid,
    port: u16,
    settings: ServerSettings,
}

impl ServerProcess {
    /// Whether a server that was started with these settings earlier still runs. It is stopped by the next
    /// [`start`](Self::start), and its port is theirs.
    #[must_use]
    pub fn is_left_running(settings: &ServerSettings) -> bool {
        leftover(settings).is_some()
    }

    /// Writes its configuration, stops what an earlier parent left running, starts it and waits
    /// until it takes connections.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        binary: &ServerBinary,
        identity: &LabIdentity,
        settings: ServerSettings,
    ) -> Result<Self, StartError> {
        std::fs::create_dir_all(&settings.dir).map_err(io("create", &settings.dir))?;
        stop_leftover(&settings).await;
        let config = settings.config_file();
        remove_old_ports(&settings.dir);
        // It holds no secret, but nobody else needs it.
        let text = identity.server_config(&settings);
        write_atomic(&config, text.as_bytes(), Readers::Owner)?;
        let child = spawn(binary, &settings, &config)?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.and_then(Pid::from_raw);
        let mut server = Self {
            pid: pid.expect("invariant: a child that was not waited for has a process id"),
            child,
            port: 0,
            settings,
        };
        server.port = server.ready().await?;
        Ok(server)
    }

    /// Waits until the server has told its port and takes connections there.
    async fn ready(&mut self) -> Result<u16, StartError> {
        let deadline = tokio::time::Instant::now() + READY_TIMEOUT;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.not_ready(format!("it ended at once ({status})")));
            }
            if let Some(port) = ports_file(&self.settings.dir, self.pid)
                && self.greets(port).await
            {
                return Ok(port);
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(self.not_ready(format!("nothing within {READY_TIMEOUT:?}")));
            }
            tokio::time::sleep(READY_POLL).await;
        }
    }

    /// Whether a NATS server says INFO on this port.
    async fn greets(&self, port: u16) -> bool {
        let Ok(stream) = tokio::net::TcpStream::connect((self.settings.host, port)).await else {
            return false;
        };
        let mut greeting = [0u8; 4];
        let read = async {
            use tokio::io::AsyncReadExt as _;
            let mut stream = stream;
            stream.read_exact(&mut greeting).await
        };
        let read = tokio::time::timeout(Duration::from_secs(2), read).await;
        matches!(read, Ok(Ok(_))) && &greeting == b"INFO"
    }

    fn not_ready(&self, reason: String) -> StartError {
        StartError::NotReady {
            reason,
            log: log_end(&self.settings.log_file()),
        }
    }

    /// `nats://127.0.0.1:4222`.
    #[must_use]
    pub fn url(&self) -> String {
        match self.settings.host {
            std::net::IpAddr::V4(host) => format!("nats://{host}:{}", self.port),
            std::net::IpAddr::V6(host) => format!("nats://[{host}]:{}", self.port),
        }
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until it ends; what it ended with, in words.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Asks it to end, and kills it when it has not after ten seconds.
    pub async fn stop(mut self) {
        // An error means that it has ended already.
        let _ = kill_process(self.pid, Signal::TERM);
        if tokio::time::timeout(STOP_TIMEOUT, self.child.wait())
            .await
            .is_err()
        {
            tracing::warn!("nats-server did not end within {STOP_TIMEOUT:?}, killing it");
            let _ = self.child.kill().await;
        }
        let _ = std::fs::remove_file(self.settings.pid_file());
    }
}

fn io(step: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StartError {
    let path = path.to_owned();
    move |source| StartError::Io { step, path, source }
}

fn spawn(
    binary: &ServerBinary,
    settings: &ServerSettings,
    config: &Path,
) -> Result<Child, StartError> {
    let log = settings.log_file();
    let output = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&log)
        .map_err(io("write", &log))?;
    let errors = output.try_clone().map_err(io("write", &log))?;
    let mut command = match setpriv() {
        // setpriv replaces itself, so the child's process id is the server's.
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM"]).arg(&binary.path);
            command
        }
        None => Command::new(&binary.path),
    };
    command
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        // Ctrl-C in the terminal is for the parent, which stops the server in its own time.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(io("run", &binary.path))
}

fn setpriv() -> Option<PathBuf> {
    let places = ["/usr/bin/setpriv", "/bin/setpriv"].map(PathBuf::from);
    places.into_iter().find(|path| path.exists())
}

/// The server writes `<program>_<pid>.ports`, and removes it when it ends in peace.
fn remove_old_ports(dir: &Path) {
    for path in ports_files(dir) {
        let _ = std::fs::remove_file(path);
    }
}

fn ports_files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "ports"))
        .collect()
}

#[derive(serde::Deserialize)]
struct Ports {
    nats: Vec<String>,
}

fn ports_file(dir: &Path, pid: Pid) -> Option<u16> {
    let end = format!("_{}.ports", pid.as_raw_nonzero());
    let mut files = ports_files(dir).into_iter();
    let path = files.find(|path| path.to_string_lossy().ends_with(&end))?;
    let ports: Ports = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    ports.nats.first()?.rsplit(':').next()?.parse().ok()
}

fn log_end(path: &Path) -> String {
    let Ok(text) = std::fs::read_to_string(path) else {
        return String::new();
    };
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LOG_LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}

/// Stops a server that still runs with this configuration.
async fn stop_leftover(settings: &ServerSettings) {
    let Some(pid) = leftover(settings) else {
        return;
    };
    tracing::warn!(
        pid = pid.as_raw_nonzero().get(),
        "stopping a nats-server left running"
    );
    let _ = kill_process(pid, Signal::TERM);
    let deadline = tokio::time::Instant::now() + STOP_TIMEOUT;
    while test_kill_process(pid).is_ok() && leftover(settings).is_some() {
        if tokio::time::Instant::now() >= deadline {
            let _ = kill_process(pid, Signal::KILL);
        }
        tokio::time::sleep(READY_POLL).await;
    }
}

/// The process whose id stands in the file, if it really runs with our configuration.
fn leftover(settings: &ServerSettings) -> Option<Pid> {
    let text = std::fs::read_to_string(settings.pid_file()).ok()?;
    let pid = Pid::from_raw(text.trim().parse().ok()?)?;
    let command = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok()?;
    let config = settings.config_file();
    let config = config.as_os_str().as_encoded_bytes();
    let ours = command.split(|byte| *byte == 0).any(|arg| arg == config);
    ours.then_some(pid)
}
