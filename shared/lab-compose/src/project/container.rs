//! What a container is told besides what it runs: the engine's own settings, as the file has them.

use std::collections::BTreeMap;

use lab_types::{
    Devices, HostNames, Isolation, Limits, Logging, MacAddress, NetworkMode, Process, Security,
    Storage,
};

/// Settings of a service's containers that the engine of their node carries out. What is absent, the
/// image or the engine decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// How its first process runs.
    pub process: Process,
    /// Its own name, and where it looks names up.
    pub host_names: HostNames,
    /// What it may use.
    pub limits: Limits,
    /// What its processes may do.
    pub security: Security,
    /// What sets it apart from its node.
    pub isolation: Isolation,
    /// Which devices of the node it may use.
    pub devices: Devices,
    /// What holds its files besides its mounts.
    pub storage: Storage,
    /// Where its output goes.
    pub logging: Logging,
    /// The user's words for the runtime.
    pub annotations: BTreeMap<String, String>,
    /// What it has for a network.
    pub network_mode: NetworkMode,
    /// Its hardware address on its first network.
    pub mac_address: Option<MacAddress>,
}
