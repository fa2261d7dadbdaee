//! How much of a node a container may take.

use crate::grammar::support::{NOT_CARRIED, WINDOWS};
use crate::grammar::{Field, Items, Numbers, Object, Own, Print, Range, Shape, Table, short};
use crate::yaml::Value;

const NO_LIMIT: &str = "leave it out; the lab's nodes share their processors evenly";
const NO_MEMORY_LIMIT: &str = "leave it out, and give the service nodes with memory enough";

/// The blkio weights are 16 bits wide, those of the engine's API.
const WEIGHT: Range = Range::from(0, u16::MAX as i128).bare();

pub(super) const BLKIO_CONFIG: Field = Field::new("blkio_config", Shape::Object(&BLKIO))
    .print(Print::Given)
    .refused(NOT_CARRIED, "leave it out; disks are shared evenly");

static BLKIO: Object = Object {
    what: "blkio_config",
    keys: &[
        Field::new("weight", Shape::Integer(WEIGHT)),
        Field::new("weight_device", Shape::Items(&WEIGHTS)),
        Field::new("device_read_bps", Shape::Items(&RATES)),
        Field::new("device_read_iops", Shape::Items(&RATES)),
        Field::new("device_write_bps", Shape::Items(&RATES)),
        Field::new("device_write_iops", Shape::Items(&RATES)),
    ],
    required: &[],
    own: Own::None,
};

static WEIGHTS: Items = Items::of(&Object {
    what: "the weight of a device",
    keys: &[
        Field::new("path", Shape::Text)
            .print(Print::Always)
            .json("Path"),
        Field::new("weight", Shape::Integer(WEIGHT))
            .print(Print::Always)
            .json("Weight"),
    ],
    required: &[],
    own: Own::None,
});

static RATES: Items = Items::of(&Object {
    what: "the limit of a device",
    keys: &[
        Field::new("path", Shape::Text)
            .print(Print::Always)
            .json("Path"),
        Field::new("rate", Shape::Size(Numbers::Whole))
            .print(Print::Always)
            .json("Rate"),
    ],
    required: &[],
    own: Own::None,
});

pub(super) const CPU_COUNT: Field =
    Field::new("cpu_count", Shape::Integer(Range::COUNT)).refused(WINDOWS, NO_LIMIT);
pub(super) const CPU_PERCENT: Field =
    Field::new("cpu_percent", Shape::Integer(Range::from(0, 100))).refused(WINDOWS, NO_LIMIT);
pub(super) const CPU_PERIOD: Field = number("cpu_period");
pub(super) const CPU_QUOTA: Field = number("cpu_quota");
pub(super) const CPU_RT_PERIOD: Field = number("cpu_rt_period");
pub(super) const CPU_RT_RUNTIME: Field = number("cpu_rt_runtime");
pub(super) const CPU_SHARES: Field = number("cpu_shares");
pub(super) const CPUS: Field = Field::new("cpus", Shape::Float).refused(NOT_CARRIED, NO_LIMIT);
pub(super) const CPUSET: Field = Field::new("cpuset", Shape::Text).refused(NOT_CARRIED, NO_LIMIT);

const fn number(key: &'static str) -> Field {
    Field::new(key, Shape::Integer(Range::SIGNED.cut())).refused(NOT_CARRIED, NO_LIMIT)
}

pub(super) const MEM_LIMIT: Field = memory("mem_limit");
pub(super) const MEM_RESERVATION: Field = memory("mem_reservation");
pub(super) const MEMSWAP_LIMIT: Field = memory("memswap_limit");
pub(super) const MEM_SWAPPINESS: Field = memory("mem_swappiness");

const fn memory(key: &'static str) -> Field {
    Field::new(key, Shape::Size(Numbers::Whole)).refused(NOT_CARRIED, NO_MEMORY_LIMIT)
}

pub(super) const OOM_KILL_DISABLE: Field =
    Field::new("oom_kill_disable", Shape::Boolean).refused(NOT_CARRIED, NO_MEMORY_LIMIT);
pub(super) const OOM_SCORE_ADJ: Field =
    Field::new("oom_score_adj", Shape::Integer(Range::from(-1000, 1000)))
        .refused(NOT_CARRIED, NO_MEMORY_LIMIT);
pub(super) const PIDS_LIMIT: Field = Field::new("pids_limit", Shape::Integer(Range::SIGNED.cut()))
    .refused(
        NOT_CARRIED,
        "limit it for the engine: `default-ulimits` in /etc/docker/daemon.json",
    );
pub(super) const SHM_SIZE: Field = Field::new("shm_size", Shape::Size(Numbers::Whole)).refused(
    NOT_CARRIED,
    "set it for the engine: `default-shm-size` in /etc/docker/daemon.json",
);

pub(super) const ULIMITS: Field = Field::new("ulimits", Shape::Named(&ULIMIT_TABLE)).refused(
    NOT_CARRIED,
    "set them for the engine: `default-ulimits` in /etc/docker/daemon.json",
);

/// Limits by name; a later file replaces one as a whole.
pub(super) static ULIMIT_TABLE: Table = Table {
    entry: Shape::ObjectOrNumber(&Object {
        what: "a ulimit",
        keys: &[
            Field::new("soft", Shape::Integer(Range::SIGNED)),
            Field::new("hard", Shape::Integer(Range::SIGNED)),
        ],
        required: &["soft", "hard"],
        own: Own::Dropped,
    }),
    bare: false,
    listed: |_| Value::Null,
    plain_names: false,
};

/// `HOST: [ADDRESS]` and the like need nothing more than a list.
pub(super) static DEVICE_LIST: Items = Items {
    expand: Some(short::device),
    identity: Some(|item| short::text_of(item, "target")),
    ..Items::of(&Object {
        what: "a device",
        keys: &[
            Field::new("source", Shape::Text),
            Field::new("target", Shape::Text),
            Field::new("permissions", Shape::Text),
        ],
        required: &["source", "target"],
        own: Own::Kept,
    })
};
