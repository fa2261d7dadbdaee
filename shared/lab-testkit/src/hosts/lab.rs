//! The whole lab: made, spoken to, removed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lab_bus::{LabIdentity, ServerBinary, ServerSettings};
use lab_types::{LabId, NodeId};

use super::host::{Host, Programs};
use super::image::Image;
use super::layout::Layout;
use super::network::{NATS_PORT, Wire};
use super::seat::{HostSeat, Register, Seat, debian_root};
use super::shell::{attempt, until};
use super::unit::{self, Unit};
use super::{disk, network, removal};

/// How long the parts may take to find each other after their start; 3 s on a quiet machine.
const READY_MAX: Duration = Duration::from_secs(60);

/// Several hosts that are one lab. Dropped, it removes all that it made.
#[derive(Debug)]
pub struct HostLab {
    seat: Seat,
    hosts: Vec<Host>,
    lab: LabId,
    cuts: std::cell::RefCell<Vec<Wire>>,
}

/// Removes a lab that did not get as far as being one.
struct Unfinished(Option<Seat>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(seat) = self.0 {
            removal::remove(seat);
        }
    }
}

impl HostLab {
    /// Makes the hosts, boots them side by side and waits until the lab answers and every node is
    /// ready. Removes first what dead owners have left.
    ///
    /// # Panics
    /// When something is missing on this machine (`ops/testbed make` brings it), or does not start.
    #[must_use]
    pub fn start(layout: &Layout) -> Self {
        let lab = Self::boot(layout);
        lab.await_ready();
        lab
    }

    /// The same without waiting for the lab's parts.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[must_use]
    pub fn boot(layout: &Layout) -> Self {
        let debian = debian_root();
        let programs = Programs {
            tercio: binaries(),
            nats: nats_program(),
        };
        let seat = {
            let register = Register::open();
            removal::sweep_in(&register);
            register.take()
        };
        let mut unfinished = Unfinished(Some(seat));
        let lab = LabId::new(seat.name()).expect("invariant: letters and digits");
        network::make_bridge(seat);
        let keys = LabIdentity::create(&seat.dir().join("identity"));
        let keys = keys.expect("invariant: the lab's folder can be written");
        let admin = keys.issue(&unit::admin(), None);
        let written = admin.write(&seat.dir().join("admin.creds"));
        written.expect("invariant: the lab's folder can be written");
        let hosts: Vec<Host> = layout
            .hosts()
            .map(|number| {
                let place = seat.host(number);
                disk::make(place, &debian);
                let units = layout.units_of(number);
                let setup = Setup {
                    host: place,
                    keys: &keys,
                    lab: &lab,
                };
                setup.write(&units);
                Host::new(place, programs.clone(), units)
            })
            .collect();
        hosts.iter().for_each(Host::start_booting);
        hosts.iter().for_each(Host::await_boot);
        hosts.iter().for_each(Host::await_engine);
        unfinished.0 = None;
        Self {
            seat,
            hosts,
            lab,
            cuts: std::cell::RefCell::default(),
        }
    }

    /// Waits until the lab answers and every node that is on is ready.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn await_ready(&self) {
        let expected = self.hosts.iter().filter(|host| host.is_on()).count();
        until("the lab is ready", READY_MAX, || {
            let said = self.request("lab.status", "{}")?;
            match said.contains(&format!("\"nodes_ready\":{expected}")) {
                true => Ok(()),
                false => Err(said),
            }
        });
    }

    /// Sends a request as the first user, by the command; the answer in JSON without spaces.
    ///
    /// # Errors
    /// What the command said.
    pub fn request(&self, what: &str, body: &str) -> Result<String, String> {
        let subject = format!("tercio.v1.req.admin._.{what}");
        let mut command = self.tercio(&["req", &subject, body]);
        let output = command.output().map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout).split_whitespace().collect()),
            false => Err(text(&output.stdout) + &text(&output.stderr)),
        }
    }

    /// Its hosts, in order.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// A host by its number, from 1.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn host(&self, number: u8) -> &Host {
        let found = self.hosts.iter().find(|host| host.number() == number);
        found.unwrap_or_else(|| panic!("the lab has no host {number}"))
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &LabId {
        &self.lab
    }

    /// A folder for files that go with the lab.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.seat.dir()
    }

    /// Where its NATS is reached.
    #[must_use]
    pub fn nats_url(&self) -> String {
        nats_url(self.seat)
    }

    /// The credentials of its first user.
    #[must_use]
    pub fn creds(&self) -> PathBuf {
        self.seat.dir().join("admin.creds")
    }

    /// What the command needs to speak to this lab and no other.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let creds = self.creds();
        let state = self.seat.dir().join("state");
        vec![
            ("TERCIO_NATS_URL", self.nats_url()),
            ("TERCIO_CREDS", creds.to_string_lossy().into_owned()),
            ("TERCIO_STATE_DIR", state.to_string_lossy().into_owned()),
        ]
    }

    /// The `tercio` command for this lab, not yet run.
    #[must_use]
    pub fn tercio(&self, words: &[&str]) -> Command {
        let mut command = Command::new(binaries().join("tercio"));
        command.args(words).envs(self.environment());
        command.env_remove("TERCIO_USER").env_remove("COMPOSE_FILE");
        command.stdin(std::process::Stdio::null());
        command
    }

    /// Puts an image on every host.
    ///
    /// # Panics
    /// When an engine refuses.
    pub fn load(&self, image: &Image) {
        let archive = image.archive.to_string_lossy();
        for host in &self.hosts {
            host.engine().docker(&["load", "-q", "-i", &archive]);
        }
    }

    /// Cuts a wire; nobody hears a good-bye.
    ///
    /// # Panics
    /// When the machine refuses.
    pub fn cut(&self, wire: Wire) {
        self.cuts.borrow_mut().push(wire);
        network::set_cuts(self.seat, &self.cuts.borrow());
    }

    /// Mends a wire that was cut.
    ///
    /// # Panics
    /// When the machine refuses.
    pub fn mend(&self, wire: Wire) {
        self.cuts.borrow_mut().retain(|cut| *cut != wire);
        network::set_cuts(self.seat, &self.cuts.borrow());
    }

    /// The last lines of all logs, for a failure's message.
    #[must_use]
    pub fn logs(&self, lines: usize) -> String {
        let mut text = String::new();
        for host in &self.hosts {
            for unit in host.units() {
                let log = host.log(*unit);
                let skipped = log.lines().count().saturating_sub(lines);
                let tail: Vec<&str> = log.lines().skip(skipped).collect();
                let heading = format!("--- {} {}\n", host.name(), unit.name());
                text.push_str(&heading);
                text.push_str(&tail.join("\n"));
                text.push('\n');
            }
        }
        text
    }
}

impl Drop for HostLab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = keep_logs(&self.seat, &self.hosts);
            #[allow(clippy::print_stderr, reason = "a failed test says where to look")]
            {
                eprintln!("{}\nall logs: {}", self.logs(40), kept.display());
            }
        }
        self.hosts.clear();
        removal::remove(self.seat);
    }
}

/// Copies the logs of a lab that failed to a folder that outlives it.
fn keep_logs(seat: &Seat, hosts: &[Host]) -> PathBuf {
    let kept = std::env::temp_dir().join(format!("tercio-hosts-{}", seat.name()));
    let _ = std::fs::remove_dir_all(&kept);
    for host in hosts {
        let to = kept.join(host.name());
        let _ = std::fs::create_dir_all(&to);
        let from = host.files().join("var/log/tercio/.");
        let _ = attempt(
            "cp",
            &["-r", &from.to_string_lossy(), &to.to_string_lossy()],
        );
    }
    kept
}

fn nats_url(seat: Seat) -> String {
    format!("nats://{}:{NATS_PORT}", seat.host(1).address())
}

/// The folder of the programs under test: those of the running program's own build.
///
/// # Panics
/// When they are not built.
#[must_use]
pub fn binaries() -> PathBuf {
    let own = std::env::current_exe().expect("invariant: a running program has a path");
    let folder = own.parent().expect("invariant: a file has a folder");
    let folder = match folder.ends_with("deps") || folder.ends_with("examples") {
        true => folder.parent().unwrap_or(folder),
        false => folder,
    };
    for program in ["tercio", "tercio-node-agent", "tercio-scheduler"] {
        assert!(
            folder.join(program).exists(),
            "{} is not built: cargo build --workspace --bins",
            folder.join(program).display()
        );
    }
    folder.to_owned()
}

fn nats_program() -> PathBuf {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("invariant: a runtime of one thread");
    let found = runtime.block_on(ServerBinary::find(None));
    found
        .unwrap_or_else(|problem| panic!("{problem}; {}", problem.help.as_deref().unwrap_or("")))
        .path
}

/// Writes what a host needs before its first boot.
struct Setup<'a> {
    host: HostSeat,
    keys: &'a LabIdentity,
    lab: &'a LabId,
}

impl Setup<'_> {
    fn write(&self, units: &[Unit]) {
        let name = self.host.host_name();
        self.file("/etc/hostname", &format!("{name}\n"));
        let address = self.host.address();
        self.file(
            "/etc/hosts",
            &format!("127.0.0.1 localhost\n{address} {name}\n"),
        );
        // The containers' control groups go below the host's own name, to be found at the end.
        let group = format!("/{}/docker", self.host.name());
        self.file(
            "/etc/docker/daemon.json",
            &format!("{{\"cgroup-parent\":\"{group}\"}}\n"),
        );
        for dir in [unit::CONFIG, unit::STATE, unit::LOGS] {
            std::fs::create_dir_all(self.path(dir)).expect("invariant: an empty disk");
        }
        let node = node_of(self.host.number());
        for unit in units {
            self.unit(*unit, &node);
        }
    }

    fn unit(&self, unit: Unit, node: &NodeId) {
        let Some(text) = unit.file() else { return };
        let file = format!("{}.service", unit.name());
        self.file(&format!("/etc/systemd/system/{file}"), &text);
        let wants = self.path("/etc/systemd/system/multi-user.target.wants");
        std::fs::create_dir_all(&wants).expect("invariant: an empty disk");
        let enabled = std::os::unix::fs::symlink(format!("../{file}"), wants.join(&file));
        enabled.expect("invariant: an empty disk");
        if let Some(role) = unit.role(node) {
            let credentials = self.keys.issue(&role, None);
            let written = credentials.write(&self.path(&unit.creds_file()));
            written.expect("invariant: an empty disk");
            let url = nats_url(self.host.lab());
            self.file(&unit.config_file(), &unit.config(&url, self.lab, node));
        }
        if unit == Unit::Nats {
            let mut settings = ServerSettings::local(format!("{}/nats", unit::STATE));
            settings.host = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
            settings.port = Some(NATS_PORT);
            let text = self.keys.server_config(&settings);
            self.file(&settings.config_file().to_string_lossy(), &text);
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.host.root().join(path.trim_start_matches('/'))
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.path(path);
        let dir = path.parent().unwrap_or(Path::new("/"));
        let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, text));
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }
}

/// The node of a host. Unlike its name, so that a mix-up of the two shows.
fn node_of(number: u8) -> NodeId {
    NodeId::new(format!("n{number}")).expect("invariant: a valid id")
}
