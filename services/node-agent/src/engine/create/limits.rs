//! What a container may use.

use std::collections::BTreeMap;

use bollard::models::{HostConfig, ResourcesBlkioWeightDevice, ResourcesUlimits, ThrottleDevice};
use lab_types::{BlockIo, Ceiling, Limits, OomKiller};

use super::{said, signed};

/// Adds the limits.
pub(super) fn add(config: HostConfig, limits: &Limits) -> HostConfig {
    // Taken apart so that a new field cannot be forgotten here.
    let Limits {
        nano_cpus,
        cpu_shares,
        cpu_period_us,
        cpu_quota_us,
        cpu_realtime_period_us,
        cpu_realtime_quota_us,
        cpuset,
        memory_bytes,
        memory_reservation_bytes,
        memory_and_swap_bytes,
        memory_swappiness_percent,
        oom_killer,
        oom_score_adjust,
        pids,
        shm_bytes,
        ulimits,
        block_io,
        cgroup_parent,
    } = limits;
    let ulimits = ulimits.iter().map(|(name, limit)| ResourcesUlimits {
        name: Some(name.clone()),
        soft: Some(ceiling(limit.soft)),
        hard: Some(ceiling(limit.hard)),
    });
    let config = HostConfig {
        nano_cpus: nano_cpus.map(signed),
        cpu_shares: cpu_shares.map(signed),
        cpu_period: cpu_period_us.map(signed),
        cpu_quota: cpu_quota_us.map(signed),
        cpu_realtime_period: cpu_realtime_period_us.map(signed),
        cpu_realtime_runtime: cpu_realtime_quota_us.map(signed),
        cpuset_cpus: cpuset.clone(),
        memory: memory_bytes.map(signed),
        memory_reservation: memory_reservation_bytes.map(signed),
        memory_swap: memory_and_swap_bytes.map(ceiling),
        memory_swappiness: memory_swappiness_percent.map(i64::from),
        oom_kill_disable: (*oom_killer == OomKiller::Off).then_some(true),
        oom_score_adj: oom_score_adjust.map(i64::from),
        pids_limit: pids.map(ceiling),
        shm_size: shm_bytes.map(signed),
        ulimits: said(ulimits),
        cgroup_parent: cgroup_parent.clone(),
        ..config
    };
    add_block_io(config, block_io)
}

fn add_block_io(config: HostConfig, block_io: &BlockIo) -> HostConfig {
    let BlockIo {
        weight,
        device_weights,
        read_bytes_per_second,
        write_bytes_per_second,
        reads_per_second,
        writes_per_second,
    } = block_io;
    let weights = device_weights.iter();
    let weights = weights.map(|(path, weight)| ResourcesBlkioWeightDevice {
        path: Some(path.clone()),
        weight: Some(usize::from(*weight)),
    });
    HostConfig {
        blkio_weight: *weight,
        blkio_weight_device: said(weights),
        blkio_device_read_bps: rates(read_bytes_per_second),
        blkio_device_write_bps: rates(write_bytes_per_second),
        blkio_device_read_iops: rates(reads_per_second),
        blkio_device_write_iops: rates(writes_per_second),
        ..config
    }
}

fn rates(rates: &BTreeMap<String, u64>) -> Option<Vec<ThrottleDevice>> {
    said(rates.iter().map(|(path, rate)| ThrottleDevice {
        path: Some(path.clone()),
        rate: Some(signed(*rate)),
    }))
}

/// The engine's word for no limit is -1.
fn ceiling(ceiling: Ceiling) -> i64 {
    match ceiling {
        Ceiling::Unlimited => -1,
        Ceiling::AtMost(number) => signed(number),
    }
}
