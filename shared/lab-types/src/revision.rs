//! The history of a project: what each of its changes made different.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{NetworkName, PlanHash, ProjectName, ServiceName, SpecDigest, VolumeName};
use crate::record::{Dependency, ProjectRecord};
use crate::spec::{NetworkSpec, VolumeSpec};
use crate::time::UnixMillis;

/// Key `desired.revision.<project>.<revision>`: one change of a project, with what was before it. So it
/// costs what it changed, and an earlier state is found by going back from the present one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRecord {
    /// The project.
    pub project: ProjectName,
    /// The revision that the change made.
    pub revision: u64,
    /// When, by the leader's clock.
    pub at: UnixMillis,
    /// By whom: the user of the request.
    pub by: String,
    /// The plan that was applied, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanHash>,
    /// What was there before, of all that the change touched.
    pub before: Before,
}

/// What a change replaced; what it left alone is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Services as they were; nothing for one that was not there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<ServiceName, Option<ServiceBefore>>,
    /// The project's networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<BTreeMap<NetworkName, NetworkSpec>>,
    /// Its volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volumes: Option<BTreeMap<VolumeName, VolumeSpec>>,
    /// Its folder on the client's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Its files on the client's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_files: Option<Vec<String>>,
}

/// A service as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceBefore {
    /// How one task was run; the spec itself stands under `spec.<digest>`.
    pub spec: SpecDigest,
    /// How many.
    pub replicas: u32,
    /// What had to be there first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub depends_on: BTreeMap<ServiceName, Dependency>,
}

impl Before {
    /// What of a project's own record differs between two of its states.
    #[must_use]
    pub fn of(old: Option<&ProjectRecord>, new: &ProjectRecord) -> Self {
        fn replaced<T: Clone + PartialEq + Default>(old: Option<&T>, new: &T) -> Option<T> {
            let old = old.cloned().unwrap_or_default();
            (old != *new).then_some(old)
        }
        Self {
            services: BTreeMap::new(),
            networks: replaced(old.map(|old| &old.networks), &new.networks),
            volumes: replaced(old.map(|old| &old.volumes), &new.volumes),
            working_dir: replaced(old.map(|old| &old.working_dir), &new.working_dir),
            config_files: replaced(old.map(|old| &old.config_files), &new.config_files),
        }
    }
}
