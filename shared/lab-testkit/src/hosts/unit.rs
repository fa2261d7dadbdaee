//! The lab's processes, each a systemd unit.

use std::fmt::Write as _;

use lab_types::{LabId, NodeId, UserName};
use lab_wire::Role;

/// Where a host finds the programs under test.
pub(super) const PROGRAMS: &str = "/opt/tercio/bin";
/// Where it finds nats-server.
pub(super) const NATS_PROGRAM: &str = "/opt/tercio/nats-server";
/// Where its configuration and credentials are.
pub(super) const CONFIG: &str = "/etc/tercio";
/// Where the parts keep what they must not lose.
pub(super) const STATE: &str = "/var/lib/tercio";
/// Where the parts' words go.
pub(super) const LOGS: &str = "/var/log/tercio";

/// A process of a host that faults are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// nats-server.
    Nats,
    /// `tercio-scheduler`.
    Scheduler,
    /// `tercio-compose-planner`.
    Planner,
    /// `tercio-provisioner`.
    Provisioner,
    /// `tercio-node-agent`.
    Agent,
    /// The Docker engine.
    Engine,
}

impl Unit {
    /// Its name for systemd.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nats => "tercio-nats",
            Self::Scheduler => "tercio-scheduler",
            Self::Planner => "tercio-compose-planner",
            Self::Provisioner => "tercio-provisioner",
            Self::Agent => "tercio-node-agent",
            Self::Engine => "docker",
        }
    }

    /// What it may do in the lab; NATS and the engine have no part in it.
    pub(super) fn role(self, node: &NodeId) -> Option<Role> {
        match self {
            Self::Nats | Self::Engine => None,
            Self::Scheduler => Some(Role::Scheduler),
            Self::Planner => Some(Role::Planner),
            Self::Provisioner => Some(Role::Provisioner),
            Self::Agent => Some(Role::Node(node.clone())),
        }
    }

    pub(super) fn config_file(self) -> String {
        format!("{CONFIG}/{}.toml", self.name())
    }

    pub(super) fn creds_file(self) -> String {
        format!("{CONFIG}/{}.creds", self.name())
    }

    pub(super) fn log_file(self) -> String {
        format!("{LOGS}/{}.log", self.name())
    }

    /// The unit file; nothing for the engine, which brings its own.
    ///
    /// Nothing starts a unit again when it ends: a test says what dies and what comes back.
    pub(super) fn file(self) -> Option<String> {
        let command = match self {
            Self::Engine => return None,
            Self::Nats => format!("{NATS_PROGRAM} --config {STATE}/nats/nats-server.conf"),
            other => format!(
                "{PROGRAMS}/{} --config {}",
                other.name(),
                other.config_file()
            ),
        };
        let order = match self {
            Self::Agent => "Wants=docker.service\n",
            _ => "",
        };
        Some(format!(
            "[Unit]\n{order}[Service]\nExecStart={command}\nEnvironment=RUST_BACKTRACE=1\n\
             StandardOutput=append:{log}\nStandardError=append:{log}\n\
             [Install]\nWantedBy=multi-user.target\n",
            log = self.log_file(),
        ))
    }

    /// The service's configuration.
    pub(super) fn config(self, nats_url: &str, lab: &LabId, node: &NodeId) -> String {
        let mut text = String::new();
        if self == Self::Agent {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "lab = \"{lab}\"\nnode = \"{node}\"\nstate_dir = \"{STATE}\""
            );
        }
        let creds = self.creds_file();
        let _ = writeln!(
            text,
            "[nats]\nurls = [\"{nats_url}\"]\ncredentials = \"{creds}\""
        );
        text
    }
}

/// The lab's first user.
pub(super) fn admin() -> Role {
    Role::Admin(UserName::new("admin").expect("invariant: a valid name"))
}
