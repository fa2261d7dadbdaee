//! Devices of the node that a container is given.

use super::limits::DEVICE_LIST;
use crate::grammar::support::{NOT_CARRIED, SCHEDULER};
use crate::grammar::{Field, Items, Names, Object, Own, Pairs, Shape, short};

const ON_THE_NODE: &str = "run what needs the device beside the lab, on the machine that has it";

pub(super) const DEVICE_CGROUP_RULES: Field =
    Field::new("device_cgroup_rules", Shape::Names(Names::UNIQUE))
        .refused(NOT_CARRIED, ON_THE_NODE);

pub(super) const DEVICES: Field =
    Field::new("devices", Shape::Items(&DEVICE_LIST)).refused(SCHEDULER, ON_THE_NODE);

pub(super) const GPUS: Field =
    Field::new("gpus", Shape::Items(&GPU_LIST)).refused(SCHEDULER, ON_THE_NODE);

static GPU_LIST: Items = Items {
    expand: Some(short::gpus),
    lone: true,
    ..Items::of(&GPU)
};

/// A request for devices; the engine chooses them.
const REQUEST: &[Field] = &[
    Field::new("capabilities", Shape::Names(Names::UNIQUE)),
    Field::new("driver", Shape::Text),
    Field::new("count", Shape::Count),
    Field::new("device_ids", Shape::Names(Names::UNIQUE)),
    Field::new("options", Shape::Pairs(Pairs::LABELS.unique())),
];

static GPU: Object = Object {
    what: "a request for GPUs",
    keys: REQUEST,
    required: &[],
    own: Own::Any,
};

/// The devices of `deploy.resources.reservations`.
pub(super) static RESERVED: Items = Items::of(&Object {
    what: "a request for devices",
    keys: REQUEST,
    required: &["capabilities"],
    own: Own::Dropped,
});
