//! How much of a node a container may take.

use crate::grammar::support::WINDOWS;
use crate::grammar::{Field, Items, Numbers, Object, Own, Print, Range, Shape, Table};
use crate::yaml::Value;

const NO_LIMIT: &str = "leave it out; the lab's nodes share their processors evenly";

/// The blkio weights are 16 bits wide, those of the engine's API.
const WEIGHT: Range = Range::from(0, u16::MAX as i128).bare();

pub(super) const BLKIO_CONFIG: Field = Field::new("blkio_config", Shape::Object(&BLKIO))
    .print(Print::Given)
    .applied();

static BLKIO: Object = Object {
    what: "blkio_config",
    keys: &[
        Field::new("weight", Shape::Integer(WEIGHT)).applied(),
        Field::new("weight_device", Shape::Items(&WEIGHTS)).applied(),
        Field::new("device_read_bps", Shape::Items(&RATES)).applied(),
        Field::new("device_read_iops", Shape::Items(&RATES)).applied(),
        Field::new("device_write_bps", Shape::Items(&RATES)).applied(),
        Field::new("device_write_iops", Shape::Items(&RATES)).applied(),
    ],
    required: &[],
    own: Own::None,
};

static WEIGHTS: Items = Items::of(&Object {
    what: "the weight of a device",
    keys: &[
        Field::new("path", Shape::Text)
            .print(Print::Always)
            .json("Path")
            .applied(),
        Field::new("weight", Shape::Integer(WEIGHT))
            .print(Print::Always)
            .json("Weight")
            .applied(),
    ],
    required: &[],
    own: Own::None,
});

static RATES: Items = Items::of(&Object {
    what: "the limit of a device",
    keys: &[
        Field::new("path", Shape::Text)
            .print(Print::Always)
            .json("Path")
            .applied(),
        Field::new("rate", Shape::Size(Numbers::Whole))
            .print(Print::Always)
            .json("Rate")
            .applied(),
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
pub(super) const CPUS: Field = Field::new("cpus", Shape::Float).applied();
pub(super) const CPUSET: Field = Field::new("cpuset", Shape::Text).applied();

const fn number(key: &'static str) -> Field {
    Field::new(key, Shape::Integer(Range::SIGNED.cut())).applied()
}

pub(super) const MEM_LIMIT: Field = memory("mem_limit");
pub(super) const MEM_RESERVATION: Field = memory("mem_reservation");
pub(super) const MEMSWAP_LIMIT: Field = memory("memswap_limit");
pub(super) const MEM_SWAPPINESS: Field = memory("mem_swappiness");

const fn memory(key: &'static str) -> Field {
    Field::new(key, Shape::Size(Numbers::Whole)).applied()
}

pub(super) const OOM_KILL_DISABLE: Field = Field::new("oom_kill_disable", Shape::Boolean).applied();
pub(super) const OOM_SCORE_ADJ: Field =
    Field::new("oom_score_adj", Shape::Integer(Range::from(-1000, 1000))).applied();
pub(super) const PIDS_LIMIT: Field =
    Field::new("pids_limit", Shape::Integer(Range::SIGNED.cut())).applied();
pub(super) const SHM_SIZE: Field = Field::new("shm_size", Shape::Size(Numbers::Whole)).applied();

pub(super) const ULIMITS: Field = Field::new("ulimits", Shape::Named(&ULIMIT_TABLE)).applied();

/// Limits by name; a later file replaces one as a whole.
pub(super) static ULIMIT_TABLE: Table = Table {
    entry: Shape::ObjectOrNumber(&Object {
        what: "a ulimit",
        keys: &[
            Field::new("soft", Shape::Integer(Range::SIGNED)).applied(),
            Field::new("hard", Shape::Integer(Range::SIGNED)).applied(),
        ],
        required: &["soft", "hard"],
        own: Own::Dropped,
    }),
    bare: false,
    listed: |_| Value::Null,
    plain_names: false,
};
