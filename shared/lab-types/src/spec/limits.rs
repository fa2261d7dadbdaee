//! What a container may use of its node.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::is_default;

/// What a container may use. What is absent is as the engine has it. What placement sets aside is
/// [`TaskSpec::reservation`](super::TaskSpec::reservation).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// At most so many billionths of a CPU at a time; 1.5 CPUs are 1,500,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nano_cpus: Option<u64>,
    /// Its weight among containers that want the CPU at the same time; usually 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_shares: Option<u64>,
    /// The period of the CPU quota, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_period_us: Option<u64>,
    /// At most so many microseconds of CPU in each period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_quota_us: Option<u64>,
    /// The same period for processes of a real-time scheduler, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_realtime_period_us: Option<u64>,
    /// The same quota for processes of a real-time scheduler, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_realtime_quota_us: Option<u64>,
    /// On which CPUs it may run: `0-2,7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpuset: Option<String>,
    /// At most so many bytes of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Under pressure it is brought down to so many bytes of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_reservation_bytes: Option<u64>,
    /// At most so many bytes of memory and swap together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_and_swap_bytes: Option<Ceiling>,
    /// How readily its memory is swapped out, from 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_swappiness_percent: Option<u8>,
    /// Whether it is killed when it wants more memory than it may have.
    #[serde(default, skip_serializing_if = "is_default")]
    pub oom_killer: OomKiller,
    /// How readily it is killed when the node runs out of memory, from -1000 (never) to 1000 (first).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_score_adjust: Option<i16>,
    /// At most so many processes and threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<Ceiling>,
    /// The size of its `/dev/shm` in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shm_bytes: Option<u64>,
    /// What each of its processes may use, by the name of the limit: `nofile`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ulimits: BTreeMap<String, Ulimit>,
    /// How it may use block devices.
    #[serde(default, skip_serializing_if = "is_default")]
    pub block_io: BlockIo,
    /// The control group under which its own is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_parent: Option<String>,
}

/// A limit that can also be said to be none, which is not the same as saying nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ceiling {
    /// As much as it wants.
    Unlimited,
    /// At most so much.
    AtMost(u64),
}

/// What happens to a container that wants more memory than it may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OomKiller {
    /// It is killed.
    #[default]
    On,
    /// It waits until it gets it.
    Off,
}

/// A limit of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ulimit {
    /// The limit in force, which the process may raise.
    pub soft: Ceiling,
    /// Up to here.
    pub hard: Ceiling,
}

/// How a container may use block devices; devices by their path on the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockIo {
    /// Its weight among containers that want a device at the same time, from 10 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// The same for single devices.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub device_weights: BTreeMap<String, u16>,
    /// At most so many bytes a second read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub read_bytes_per_second: BTreeMap<String, u64>,
    /// At most so many bytes a second written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub write_bytes_per_second: BTreeMap<String, u64>,
    /// At most so many reads a second.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reads_per_second: BTreeMap<String, u64>,
    /// At most so many writes a second.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub writes_per_second: BTreeMap<String, u64>,
}
