//! The text of `nats-server.conf`.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// The largest message: NATS's own default. Streams send 128 KiB, records are some 8 KB.
const MAX_PAYLOAD: u32 = 1024 * 1024;

/// How the nats-server is set up.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Where it listens. Loopback by default.
    pub host: IpAddr,
    /// On which port; `None` for any free one, told in the ports file.
    pub port: Option<u16>,
    /// Its name in logs.
    pub name: String,
    /// Where everything of it is kept: configuration, log, streams, accounts, process id.
    pub dir: PathBuf,
    /// The most bytes of streams on disk.
    pub file_store_max: u64,
    /// The most bytes of streams in memory.
    pub memory_store_max: u64,
    /// On which port it tells its own statistics over HTTP, beside `host`; absent for none.
    pub monitor_port: Option<u16>,
}

impl ServerSettings {
    /// A server for this machine alone, with everything under `dir`: 4 GiB on disk (state 1 GiB,
    /// events 1 GiB, and as much again while streams are compacted), 64 MiB in memory (leases).
    #[must_use]
    pub fn local(dir: impl Into<PathBuf>) -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: None,
            name: "tercio".to_owned(),
            dir: dir.into(),
            file_store_max: 4 << 30,
            memory_store_max: 64 << 20,
            monitor_port: None,
        }
    }

    /// Its configuration file.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.dir.join("nats-server.conf")
    }

    /// Its log; it starts a new one at 10 MB and keeps one old one.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.dir.join("nats-server.log")
    }

    /// Where its process id is written.
    #[must_use]
    pub fn pid_file(&self) -> PathBuf {
        self.dir.join("nats-server.pid")
    }

    /// Where its streams are kept.
    #[must_use]
    pub fn store_dir(&self) -> PathBuf {
        self.dir.join("store")
    }
}

/// Claims of operator and accounts.
pub(super) struct Accounts {
    pub(super) operator_jwt: String,
    pub(super) system: String,
    pub(super) system_jwt: String,
    pub(super) lab: String,
    pub(super) lab_jwt: String,
}

/// Quotes a value as the configuration's parser reads it back.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// Writes the configuration.
pub(super) fn text(settings: &ServerSettings, accounts: &Accounts) -> String {
    let mut text = String::from("# Written by Tercio at each start: changes are lost.\n");
    let port = settings.port.map_or(-1, i32::from);
    let lines = [
        ("server_name", quoted(&settings.name)),
        ("host", quoted(&settings.host.to_string())),
        ("port", port.to_string()),
        ("max_payload", MAX_PAYLOAD.to_string()),
        // A dead client is noticed after a minute and its subscriptions go.
        ("ping_interval", quoted("20s")),
        ("pid_file", path(&settings.pid_file())),
        ("ports_file_dir", path(&settings.dir)),
        ("log_file", path(&settings.log_file())),
        ("logfile_size_limit", "10MB".to_owned()),
        ("logfile_max_num", "2".to_owned()),
        ("operator", quoted(&accounts.operator_jwt)),
        ("system_account", quoted(&accounts.system)),
    ];
    for (key, value) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{key}: {value}");
    }
    if let Some(port) = settings.monitor_port {
        let _ = writeln!(
            text,
            "http: {}",
            quoted(&format!("{}:{port}", settings.host))
        );
    }
    let _ = write!(
        text,
        "resolver {{\n  type: full\n  dir: {accounts_dir}\n  allow_delete: false\n}}\n\
         resolver_preload {{\n  {system}: {system_jwt}\n  {lab}: {lab_jwt}\n}}\n\
         jetstream {{\n  store_dir: {store}\n  max_file_store: {file}\n  max_memory_store: {memory}\n  \
         sync_interval: always\n}}\n",
        accounts_dir = path(&settings.dir.join("accounts")),
        system = accounts.system,
        system_jwt = quoted(&accounts.system_jwt),
        lab = accounts.lab,
        lab_jwt = quoted(&accounts.lab_jwt),
        store = path(&settings.store_dir()),
        file = settings.file_store_max,
        memory = settings.memory_store_max,
    );
    text
}
