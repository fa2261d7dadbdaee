//! What a container's processes may do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::is_default;

/// What a container's processes may do to the kernel and to its files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// Whether it is held back at all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub privileges: Privileges,
    /// Capabilities it has besides the usual ones: `NET_ADMIN`, `ALL`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub cap_add: BTreeSet<String>,
    /// Usual capabilities it does not have.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub cap_drop: BTreeSet<String>,
    /// Words for the security modules: `no-new-privileges:true`, `seccomp=unconfined`, `label=disable`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Further groups of its user, by name or number.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Settings of the kernel for its namespaces alone: `net.core.somaxconn`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sysctls: BTreeMap<String, String>,
    /// Whether it may write to its root.
    #[serde(default, skip_serializing_if = "is_default")]
    pub root: RootFilesystem,
}

/// Whether a container is held back. Source: Compose specification, `privileged`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privileges {
    /// It has the usual capabilities and no devices of the node.
    #[default]
    Usual,
    /// It can do whatever root can do on the node.
    All,
}

/// Whether a container may write to its root. Source: Compose specification, `read_only`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RootFilesystem {
    /// It may; what it writes goes with the container.
    #[default]
    Writable,
    /// It may write only to what is mounted.
    ReadOnly,
}
