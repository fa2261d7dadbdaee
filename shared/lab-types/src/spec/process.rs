//! The process that a container runs.

use serde::{Deserialize, Serialize};

use super::is_default;

/// How a container's first process runs, besides its command and environment. What is absent is as the
/// image has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// As whom: `web`, `1000`, `1000:1000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// In which folder; absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Whether it has a terminal.
    #[serde(default, skip_serializing_if = "is_default")]
    pub terminal: Terminal,
    /// Whether somebody can write to it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stdin: Stdin,
    /// Whether a small init is its parent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub init: Init,
    /// What asks it to end: `SIGINT`, `SIGRTMIN+3`, `9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
}

/// Whether a process has a terminal. Source: Compose specification, `tty`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Terminal {
    /// Its output is two pipes.
    #[default]
    None,
    /// Its output is one terminal.
    Tty,
}

/// What a process reads. Source: Compose specification, `stdin_open`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// Nothing: its input is at its end.
    #[default]
    Closed,
    /// What somebody who attaches writes; until then it waits.
    Open,
}

/// Whether the engine puts a small init before the process, which passes signals on and takes up what is
/// left of its children. Source: Compose specification, `init`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// As the node's engine is configured.
    #[default]
    EngineDefault,
    /// It does.
    Added,
    /// It does not.
    LeftOut,
}
