//! Where a container's output goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where the engine puts what a container writes. What is absent is as the node's engine is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    /// Which of the engine's log drivers: `json-file`, `journald`, `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Words for the driver: `max-size` → `10m`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}
