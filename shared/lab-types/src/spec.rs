//! How to run a task of a service: immutable and content-addressed.

mod carried;
mod devices;
mod fields;
mod hosts;
mod isolation;
mod limits;
mod logging;
mod network;
mod platform;
mod process;
mod security;
mod storage;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::{EngineName, NetworkName, SpecDigest, VolumeName, sha256_hex};
use crate::status::NodeFacts;
use crate::time::DurationMs;

pub use carried::CarriedSpec;
pub use devices::{
    Device, DeviceChoice, DevicePermissions, DeviceRequest, Devices, InvalidDevicePermissions,
};
pub use fields::{ENGINE_FIELDS, EngineField, Needs, values_at};
pub use hosts::{ExtraHost, HostAddress, HostNames, InvalidHostAddress};
pub use isolation::{CgroupNamespace, IpcNamespace, Isolation, Namespace};
pub use limits::{BlockIo, Ceiling, Limits, OomKiller, Ulimit};
pub use logging::Logging;
pub use network::{
    Endpoint, ExposedPort, InvalidMacAddress, MacAddress, NetworkAttachment, NetworkMode,
};
pub use platform::{InvalidPlatform, Platform};
pub use process::{Init, Process, Stdin, Terminal};
pub use security::{Privileges, RootFilesystem, Security};
pub use storage::{
    BindOptions, Mount, MountSource, MountsBelow, Propagation, SelinuxSharing, Storage,
    VolumeFilling, VolumeOptions,
};

/// Everything an agent must know to run one task. Equal specs have equal digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSpec {
    /// The image as the engine is asked for it: `redis:alpine`, `sha256:…`.
    pub image: String,
    /// Set when the image was built for this spec: the image's id on the engine that built it.
    ///
    /// A rebuilt image under the same tag thereby makes another spec, and so a new task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// The platforms on which the image can run; empty where that is not known, or where each node gets
    /// its own from a registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// Replaces the image's `CMD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Replaces the image's `ENTRYPOINT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Environment variables; all values are resolved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The user's container labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What is mounted where, by target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Ports published on the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortPublish>,
    /// Networks joined; the first is the primary one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NetworkAttachment>,
    /// How the engine asks the container whether it is well; absent means the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<HealthCheck>,
    /// What the agent does when the container ends.
    #[serde(default)]
    pub restart: RestartPolicy,
    /// How long a container may take to stop before it is killed. Compose's default is 10 s.
    #[serde(default = "stop_grace_default")]
    pub stop_grace: DurationMs,
    /// What placement sets aside for one task.
    #[serde(default)]
    pub reservation: Resources,
    /// Whether two tasks of one slot must never run at the same time, also while the network is
    /// split; absent for what follows from the mounts, see [`TaskSpec::is_exclusive`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusive: Option<bool>,
    /// How its first process runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub process: Process,
    /// Its own name, and where it looks names up.
    #[serde(default, skip_serializing_if = "is_default")]
    pub host_names: HostNames,
    /// What it may use.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// What its processes may do.
    #[serde(default, skip_serializing_if = "is_default")]
    pub security: Security,
    /// What sets it apart from its node.
    #[serde(default, skip_serializing_if = "is_default")]
    pub isolation: Isolation,
    /// Which devices of the node it may use.
    #[serde(default, skip_serializing_if = "is_default")]
    pub devices: Devices,
    /// What holds its files besides its mounts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub storage: Storage,
    /// Where its output goes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub logging: Logging,
    /// The user's words for the runtime.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What it has for a network.
    #[serde(default, skip_serializing_if = "is_default")]
    pub network_mode: NetworkMode,
    /// Ports that others on its networks may use.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub expose: BTreeSet<ExposedPort>,
}

/// Whether a value is what its absence means. What is so is never written: a field that came later
/// must not change the digests of the specs that do not use it.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

const fn stop_grace_default() -> DurationMs {
    DurationMs::from_secs(10)
}

impl Default for TaskSpec {
    /// What a spec means that names only an image: everything else as the image has it, and the
    /// lab's defaults.
    fn default() -> Self {
        Self {
            image: String::new(),
            image_id: None,
            platforms: Vec::new(),
            command: None,
            entrypoint: None,
            environment: BTreeMap::new(),
            labels: BTreeMap::new(),
            mounts: Vec::new(),
            ports: Vec::new(),
            networks: Vec::new(),
            healthcheck: None,
            restart: RestartPolicy::default(),
            stop_grace: stop_grace_default(),
            reservation: Resources::default(),
            exclusive: None,
            process: Process::default(),
            host_names: HostNames::default(),
            limits: Limits::default(),
            security: Security::default(),
            isolation: Isolation::default(),
            devices: Devices::default(),
            storage: Storage::default(),
            logging: Logging::default(),
            annotations: BTreeMap::new(),
            network_mode: NetworkMode::default(),
            expose: BTreeSet::new(),
        }
    }
}

impl TaskSpec {
    /// Whether two tasks of one slot must never run at the same time: what the spec says, else
    /// whether the task writes to a named volume.
    ///
    /// A named volume is how a file says that data outlives its container, so two writers could
    /// harm it. A bind mount says only that a path of the node is shown: most are configuration,
    /// sockets and source trees, and a path of one node is not that path of another.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        self.exclusive.unwrap_or_else(|| self.writes_named_volume())
    }

    /// Whether it mounts a named volume that it may write to.
    #[must_use]
    pub fn writes_named_volume(&self) -> bool {
        let mut mounts = self.mounts.iter();
        mounts.any(|mount| !mount.read_only && matches!(mount.source, MountSource::Volume { .. }))
    }

    /// Whether its image can run on a node of these facts, as far as is known.
    #[must_use]
    pub fn runs_on(&self, facts: &NodeFacts) -> bool {
        self.platforms.is_empty() || self.platforms.iter().any(|platform| platform.fits(facts))
    }

    /// What the engine is asked for: the id of a built image, else the image's name.
    #[must_use]
    pub fn engine_image(&self) -> &str {
        self.image_id.as_ref().unwrap_or(&self.image)
    }

    /// The digest of the spec's canonical bytes: JSON with sorted keys, no white space, and without the
    /// fields that say what a spec means by itself. So neither the order of the fields nor a new optional
    /// one changes the digest of a spec that is there, which would replace every task of every lab.
    ///
    /// # Panics
    /// Never: every field is a string, a number or a map of them, which JSON can always hold.
    #[must_use]
    pub fn digest(&self) -> SpecDigest {
        let fields = |spec: &Self| -> BTreeMap<String, serde_json::Value> {
            serde_json::to_value(spec)
                .and_then(serde_json::from_value)
                .expect("invariant: a task spec is a JSON object")
        };
        let usual = fields(&Self::default());
        let own = fields(self).into_iter();
        let own = own.filter(|(name, value)| usual.get(name) != Some(value));
        let own: BTreeMap<String, Sorted> = own
            .map(|(name, value)| (name, Sorted::from(value)))
            .collect();
        let bytes = serde_json::to_vec(&own).expect("invariant: a JSON value is always JSON");
        SpecDigest::new(sha256_hex(&bytes)).expect("invariant: SHA-256 in hex is a spec digest")
    }
}

/// A JSON value whose keys are sorted, whatever map `serde_json` was built with.
#[derive(Serialize)]
#[serde(untagged)]
enum Sorted {
    Object(BTreeMap<String, Sorted>),
    List(Vec<Sorted>),
    Plain(serde_json::Value),
}

impl From<serde_json::Value> for Sorted {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Object(members) => {
                let members = members.into_iter();
                Self::Object(members.map(|(k, v)| (k, Self::from(v))).collect())
            }
            serde_json::Value::Array(items) => {
                Self::List(items.into_iter().map(Self::from).collect())
            }
            plain => Self::Plain(plain),
        }
    }
}

/// CPU and memory, as reserved by a task or offered by a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Billionths of a CPU; 1.5 CPUs are 1,500,000,000.
    pub nano_cpus: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
}

/// Tells the protocols apart that Docker can publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl std::fmt::Display for PortProtocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// A container port made reachable from outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortPublish {
    /// The host's address to bind, absent for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<String>,
    /// The host's port, absent for any free one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<u16>,
    /// The container's port.
    pub target: u16,
    /// Which protocol.
    pub protocol: PortProtocol,
}

/// How the engine asks a container whether it is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// What is run.
    pub test: HealthTest,
    /// Time between two checks; absent for the engine's 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<DurationMs>,
    /// How long one check may take; absent for the engine's 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<DurationMs>,
    /// Failures in a row until unhealthy; absent for the engine's 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Time at the start in which failures do not count; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_period: Option<DurationMs>,
    /// Time between two checks in that time; absent for the engine's 5 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_interval: Option<DurationMs>,
}

/// What a health check runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HealthTest {
    /// Nothing: the image's own check is switched off.
    Disabled,
    /// A program with its arguments.
    Exec {
        /// Program and arguments.
        argv: Vec<String>,
    },
    /// A line for the container's shell.
    Shell {
        /// The line.
        line: String,
    },
}

/// What the agent does when a container ends. Source: Compose specification, `restart`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RestartPolicy {
    /// Start again after a failure (exit code other than 0), with back-off and without limit.
    ///
    /// The lab's default where a file says nothing: what fails is brought back, what has finished
    /// its work stays finished.
    #[default]
    OnFailure,
    /// Start again after a failure, at most `max_attempts` further times.
    OnFailureAtMost {
        /// Starts after the first.
        max_attempts: u32,
    },
    /// Start again whatever the exit code.
    Always,
    /// Never start again.
    Never,
}

/// A project network on one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Its key in the project.
    pub network: NetworkName,
    /// Its name on the engine: `PROJECT_KEY`, or what `name:` says.
    pub engine_name: EngineName,
    /// The user's labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether it exists outside the project and is only used.
    #[serde(default)]
    pub external: bool,
}

/// A project volume on one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// Its key in the project.
    pub volume: VolumeName,
    /// Its name on the engine: `PROJECT_KEY`, or what `name:` says.
    pub engine_name: EngineName,
    /// The user's labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether it exists outside the project and is only used.
    #[serde(default)]
    pub external: bool,
}

#[cfg(test)]
mod tests {
    use super::TaskSpec;

    /// A digest that changes here replaces every task of every lab at its next `up`: do not update this
    /// test, but give the new field a default that is left out.
    #[test]
    fn the_digests_of_specs_that_labs_have_stay_what_they_are() {
        let least = r#"{"image":"redis:alpine"}"#;
        let full = r#"{
            "reservation": {"nano_cpus":1,"memory_bytes":2}, "stop_grace": 1,
            "restart": {"kind":"on_failure_at_most","max_attempts":3},
            "healthcheck": {"test":{"kind":"shell","line":"true"},"interval":1,"timeout":2,
                "retries":3,"start_period":4},
            "networks": [{"network":"default","engine_name":"shop_default","aliases":["web"]}],
            "ports": [{"host_ip":"127.0.0.1","published":80,"target":8080,"protocol":"udp"}],
            "mounts": [
                {"source":{"kind":"volume","volume":"data","engine_name":"shop_data"},
                    "target":"/data","read_only":true},
                {"source":{"kind":"anonymous"},"target":"/tmp"},
                {"source":{"kind":"bind","path":"/etc","create_host_path":true},"target":"/etc"}],
            "labels": {"a.b":""}, "environment": {"B":"2"}, "entrypoint": [], "command": ["run"],
            "image_id": "sha256:0", "image": "web:1"
        }"#;
        let digest = |text| {
            let spec: TaskSpec = serde_json::from_str(text).unwrap();
            spec.digest().to_string()
        };
        assert_eq!(
            digest(least),
            "ba92c8dc0615cb99798121b5e50e18937f0a4449648299428c23408f77a596b4"
        );
        assert_eq!(
            digest(full),
            "c482efbbf6d85793a88cf5c3b7190d9c9a151b7fd867506594ef3a1369d8841d"
        );
    }

    #[test]
    fn the_digest_tells_specs_apart_and_is_the_same_each_time() {
        let of = |image: &str| {
            let spec = TaskSpec {
                image: image.into(),
                ..TaskSpec::default()
            };
            spec.digest()
        };
        assert_eq!(of("redis:alpine"), of("redis:alpine"));
        assert_ne!(of("redis:alpine"), of("redis:7"));
    }

    #[test]
    fn an_unknown_field_of_a_spec_is_refused_not_ignored() {
        let text = r#"{"image":"a","restart":{"kind":"never"},"privilegd":true}"#;
        let refused = serde_json::from_str::<TaskSpec>(text)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("privilegd"), "{refused}");
    }
}
