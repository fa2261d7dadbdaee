//! What a container sees in its folders, besides its image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::is_default;
use crate::ids::{EngineName, VolumeName};

/// What holds a container's files besides its mounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Folders in memory, each with its options as the kernel takes them: `/run` → `size=1m,mode=755`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tmpfs: BTreeMap<String, String>,
    /// Words for the engine's storage driver: `size` → `1G`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// One mount of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// The absolute path inside the container.
    pub target: String,
    /// Whether the container may not write to it.
    #[serde(default)]
    pub read_only: bool,
}

/// What a mount shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MountSource {
    /// A volume of the project.
    Volume {
        /// Its key in the project.
        volume: VolumeName,
        /// Its name on the engine.
        engine_name: EngineName,
        /// How it is mounted.
        #[serde(default, skip_serializing_if = "is_default")]
        options: VolumeOptions,
    },
    /// A volume without a name, made with the container.
    Anonymous {
        /// What it gets at first.
        #[serde(default, skip_serializing_if = "is_default")]
        filling: VolumeFilling,
        /// The user's labels of the volume.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        labels: BTreeMap<String, String>,
    },
    /// A path of the node.
    Bind {
        /// Absolute.
        path: String,
        /// Whether a missing path is made as a folder (the short form does so).
        create_host_path: bool,
        /// How it is mounted.
        #[serde(default, skip_serializing_if = "is_default")]
        options: BindOptions,
    },
    /// A folder in memory.
    Tmpfs {
        /// At most so many bytes; absent for half of the node's memory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size_bytes: Option<u64>,
        /// The folder's permissions, as a number; 0o755 is 493.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<u32>,
    },
}

/// How a volume of the project is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeOptions {
    /// Whether an empty volume gets what the image has at the target.
    #[serde(default, skip_serializing_if = "is_default")]
    pub filling: VolumeFilling,
    /// A folder of the volume that is mounted in place of its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subpath: Option<String>,
}

/// What an empty volume gets when it is first mounted. Source: Compose specification, `volume.nocopy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeFilling {
    /// A copy of what the image has at the target.
    #[default]
    FromImage,
    /// Nothing.
    Empty,
}

/// How a path of the node is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BindOptions {
    /// Which later mounts show on the other side; absent for the engine's `rprivate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// What becomes of mounts below the path.
    #[serde(default, skip_serializing_if = "is_default")]
    pub below: MountsBelow,
    /// Who may use it where SELinux is on; absent to leave its label alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selinux: Option<SelinuxSharing>,
}

/// Which later mounts show on the other side of a bind mount. Source: mount(8), "Shared subtree
/// operations"; the forms with `R` include mounts below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Propagation {
    /// None.
    Private,
    /// None.
    Rprivate,
    /// Those of both sides.
    Shared,
    /// Those of both sides.
    Rshared,
    /// Those of the node in the container.
    Slave,
    /// Those of the node in the container.
    Rslave,
}

impl std::fmt::Display for Propagation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Private => "private",
            Self::Rprivate => "rprivate",
            Self::Shared => "shared",
            Self::Rshared => "rshared",
            Self::Slave => "slave",
            Self::Rslave => "rslave",
        })
    }
}

/// What becomes of mounts below a path that is bound. Source: Compose specification, `bind.recursive`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountsBelow {
    /// They show, and are read-only with it where the node's kernel can do that.
    #[default]
    Shown,
    /// They show, and stay writable where it is read-only.
    ShownWritable,
    /// They show and are read-only with it, or it is not mounted.
    ShownReadOnly,
    /// They do not show.
    Hidden,
}

/// Who may use a path where SELinux is on. Source: Compose specification, `bind.selinux`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelinuxSharing {
    /// Every container (`z`).
    Shared,
    /// This one alone (`Z`).
    Private,
}
