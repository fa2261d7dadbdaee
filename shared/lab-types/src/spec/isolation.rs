//! What a container shares with its node.

use serde::{Deserialize, Serialize};

use super::is_default;

/// What sets a container apart from its node. What is absent is as the engine has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Isolation {
    /// Whose shared memory and semaphores it sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipc: Option<IpcNamespace>,
    /// Whose processes it sees.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pid: Namespace,
    /// Whose host name it has.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uts: Namespace,
    /// Whose users it has, where the engine maps users.
    #[serde(default, skip_serializing_if = "is_default")]
    pub user: Namespace,
    /// Whose control groups it sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<CgroupNamespace>,
    /// Which of the engine's runtimes runs it: `runc`, `nvidia`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
}

/// Whose namespace a container is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Namespace {
    /// Its own, or what the engine is configured for.
    #[default]
    Own,
    /// The node's.
    Host,
}

/// Whose shared memory and semaphores a container sees. Source: Compose specification, `ipc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IpcNamespace {
    /// Its own, and it has no `/dev/shm`.
    None,
    /// Its own.
    Private,
    /// Its own, which others may join.
    Shareable,
    /// The node's.
    Host,
}

/// Whose control groups a container sees. Source: Compose specification, `cgroup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupNamespace {
    /// Its own.
    Private,
    /// The node's.
    Host,
}
