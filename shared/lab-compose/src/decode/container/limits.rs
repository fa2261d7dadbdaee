//! What a container may use.

use std::collections::BTreeMap;

use lab_types::{BlockIo, Ceiling, Limits, OomKiller, Ulimit};

use crate::codes;
use crate::decode::{Decoder, boolean, text};
use crate::trail::Trail;
use crate::yaml::{Map, Node, Value};

impl Decoder<'_> {
    /// Limits of the service itself; those of its `deploy` are the same where both say something, and
    /// come in where it says nothing.
    pub(super) fn limits(&mut self, map: &Map, trail: &Trail<'_>) -> Limits {
        let resources = map.map("deploy").and_then(|map| map.map("resources"));
        let deployed = resources.and_then(|map| map.map("limits"));
        let reserved = resources.and_then(|map| map.map("reservations"));
        let memory = bytes(map, "mem_limit").or_else(|| bytes(deployed?, "memory"));
        let kept = bytes(map, "mem_reservation").or_else(|| bytes(reserved?, "memory"));
        let processes = map.get("pids_limit").and_then(Node::as_int);
        let processes = processes
            .filter(|number| *number != 0)
            .or_else(|| deployed?.get("pids")?.as_int());
        Limits {
            nano_cpus: self
                .cpus(map, trail)
                .or_else(|| self.cpus(deployed?, &trail.key("deploy"))),
            cpu_shares: self.number(map, "cpu_shares", trail),
            cpu_period_us: self.number(map, "cpu_period", trail),
            cpu_quota_us: self.number(map, "cpu_quota", trail),
            cpu_realtime_period_us: self.number(map, "cpu_rt_period", trail),
            cpu_realtime_quota_us: self.number(map, "cpu_rt_runtime", trail),
            cpuset: said(map, "cpuset"),
            memory_bytes: memory,
            memory_reservation_bytes: kept,
            memory_and_swap_bytes: text(map, "memswap_limit")
                .and_then(|word| ceiling(word.parse().ok()?)),
            memory_swappiness_percent: bytes(map, "mem_swappiness")
                .and_then(|percent| u8::try_from(percent).ok()),
            oom_killer: match boolean(map, "oom_kill_disable") {
                Some(true) => OomKiller::Off,
                Some(false) | None => OomKiller::On,
            },
            oom_score_adjust: self.number(map, "oom_score_adj", trail),
            pids: processes.and_then(ceiling),
            shm_bytes: bytes(map, "shm_size"),
            ulimits: ulimits(map),
            block_io: block_io(map),
            cgroup_parent: said(map, "cgroup_parent"),
        }
    }

    /// A whole number of the width that the engine takes; 0 says nothing.
    fn number<T: TryFrom<i128>>(&mut self, map: &Map, key: &str, trail: &Trail<'_>) -> Option<T> {
        let node = map.get(key)?;
        let number = node.as_int().filter(|number| *number != 0)?;
        let fits = T::try_from(number).ok();
        if fits.is_none() {
            let message = format!("{} cannot be {number}", trail.key(key));
            self.refuse(codes::BAD_NUMBER, node.place, message);
        }
        fits
    }

    fn cpus(&mut self, map: &Map, trail: &Trail<'_>) -> Option<u64> {
        let node = map.get("cpus")?;
        let Value::Float(cpus) = node.value else {
            return None;
        };
        if cpus == 0.0 {
            return None;
        }
        self.nano_cpus(cpus, node.place, &trail.key("cpus"))
    }
}

fn said(map: &Map, key: &str) -> Option<String> {
    let text = text(map, key).filter(|text| !text.is_empty());
    text.map(str::to_owned)
}

/// A size in bytes; 0 says nothing.
fn bytes(map: &Map, key: &str) -> Option<u64> {
    let bytes = text(map, key)?.parse().ok();
    bytes.filter(|bytes| *bytes != 0)
}

/// A number where any below zero means none, and zero says nothing.
fn ceiling(number: i128) -> Option<Ceiling> {
    match number {
        0 => None,
        ..0 => Some(Ceiling::Unlimited),
        most => u64::try_from(most).ok().map(Ceiling::AtMost),
    }
}

/// The same where zero is a limit.
fn limit(number: i128) -> Ceiling {
    u64::try_from(number).map_or(Ceiling::Unlimited, Ceiling::AtMost)
}

fn ulimits(map: &Map) -> BTreeMap<String, Ulimit> {
    let entries = map.map("ulimits").map(|map| map.0.as_slice());
    let entries = entries.unwrap_or_default().iter();
    let one = |node: &Node| {
        let part = |key| node.as_map()?.get(key)?.as_int();
        let both = node.as_int();
        Some(Ulimit {
            soft: limit(both.or_else(|| part("soft"))?),
            hard: limit(both.or_else(|| part("hard"))?),
        })
    };
    let pair = |entry: &crate::yaml::Entry| Some((entry.key.clone(), one(&entry.node)?));
    entries.filter_map(pair).collect()
}

fn block_io(map: &Map) -> BlockIo {
    let Some(map) = map.map("blkio_config") else {
        return BlockIo::default();
    };
    let weight = |node: &Node| node.as_int().and_then(|weight| u16::try_from(weight).ok());
    BlockIo {
        weight: map
            .get("weight")
            .and_then(weight)
            .filter(|weight| *weight != 0),
        device_weights: by_path(map, "weight_device", |item| weight(item.get("weight")?)),
        read_bytes_per_second: rates(map, "device_read_bps"),
        write_bytes_per_second: rates(map, "device_write_bps"),
        reads_per_second: rates(map, "device_read_iops"),
        writes_per_second: rates(map, "device_write_iops"),
    }
}

fn rates(map: &Map, key: &str) -> BTreeMap<String, u64> {
    by_path(map, key, |item| text(item, "rate")?.parse().ok())
}

fn by_path<T>(map: &Map, key: &str, value: impl Fn(&Map) -> Option<T>) -> BTreeMap<String, T> {
    let items = map.get(key).and_then(Node::as_list).unwrap_or_default();
    let pair = |item: &Node| {
        let item = item.as_map()?;
        Some((text(item, "path")?.to_owned(), value(item)?))
    };
    items.iter().filter_map(pair).collect()
}
