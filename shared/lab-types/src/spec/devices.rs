//! Devices of the node that a container may use.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Devices of the node that a container may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    /// Devices that it sees, each by its path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mapped: Vec<Device>,
    /// Which devices it may use once it sees them: `c 1:3 mr`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cgroup_rules: Vec<String>,
    /// Devices that a driver of the engine chooses: GPUs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<DeviceRequest>,
}

/// A device that a container sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Its path on the node.
    pub host_path: String,
    /// Its path in the container.
    pub container_path: String,
    /// What the container may do with it.
    #[serde(default)]
    pub permissions: DevicePermissions,
}

/// What may be done with a device: some of `r` (read), `w` (write) and `m` (make its node).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DevicePermissions(String);

/// Why a text does not say what may be done with a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} does not say what may be done with a device: write some of r, w and m")]
pub struct InvalidDevicePermissions {
    /// The text.
    pub text: String,
}

impl Default for DevicePermissions {
    /// All of it, as the engine has it.
    fn default() -> Self {
        Self("rwm".to_owned())
    }
}

impl FromStr for DevicePermissions {
    type Err = InvalidDevicePermissions;

    fn from_str(text: &str) -> Result<Self, InvalidDevicePermissions> {
        let letters: BTreeSet<char> = text.chars().collect();
        let known = letters.iter().all(|letter| "rwm".contains(*letter));
        match known && !text.is_empty() && letters.len() == text.len() {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidDevicePermissions {
                text: text.to_owned(),
            }),
        }
    }
}

impl TryFrom<String> for DevicePermissions {
    type Error = InvalidDevicePermissions;

    fn try_from(text: String) -> Result<Self, InvalidDevicePermissions> {
        text.parse()
    }
}

impl From<DevicePermissions> for String {
    fn from(permissions: DevicePermissions) -> Self {
        permissions.0
    }
}

impl std::fmt::Display for DevicePermissions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Devices that a driver of the engine chooses. Source: Compose specification, `gpus` and
/// `deploy.resources.reservations.devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceRequest {
    /// Which driver; absent for any that has the capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Which of its devices.
    pub choice: DeviceChoice,
    /// What they must all be able to do: `gpu`, `nvidia`, `compute`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub capabilities: BTreeSet<String>,
    /// Words for the driver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// Which devices of a driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceChoice {
    /// Every one.
    All,
    /// Any so many.
    Count(u32),
    /// These, by the driver's ids.
    Ids(BTreeSet<String>),
}

#[cfg(test)]
mod tests {
    use super::DevicePermissions;

    #[test]
    fn what_may_be_done_with_a_device_is_said_in_three_letters() {
        for good in ["r", "rw", "mrw", "rwm"] {
            assert_eq!(good.parse::<DevicePermissions>().unwrap().to_string(), good);
        }
        for bad in ["", "x", "rr", "rwmx", "RW"] {
            assert!(bad.parse::<DevicePermissions>().is_err(), "{bad:?}");
        }
    }
}
