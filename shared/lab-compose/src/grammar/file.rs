//! The top level: networks, volumes and the file itself.

use super::service::SERVICE;
use super::{Bare, Object, Shape, Table};
use crate::yaml::Value;

/// A Compose file.
pub(crate) static FILE: Object = Object {
    what: "a Compose file",
    keys: &[
        ("version", Shape::Ignored),
        ("name", Shape::Text),
        ("services", Shape::Named(&SERVICES)),
        ("networks", Shape::Named(&NETWORKS)),
        ("volumes", Shape::Named(&VOLUMES)),
    ],
    later: &["include", "models", "secrets", "configs"],
    required: &[],
};

static SERVICES: Table = Table {
    object: &SERVICE,
    bare: false,
    listed: |_| Value::Null,
};

static NETWORKS: Table = Table {
    object: &NETWORK,
    bare: true,
    listed: |_| Value::Null,
};

static VOLUMES: Table = Table {
    object: &VOLUME,
    bare: true,
    listed: |_| Value::Null,
};

static NETWORK: Object = Object {
    what: "a network",
    keys: &[
        ("name", Shape::Text),
        ("driver", Shape::Text),
        ("external", Shape::Boolean),
        ("labels", Shape::Pairs(Bare::Empty)),
    ],
    later: &[
        "driver_opts",
        "ipam",
        "internal",
        "attachable",
        "enable_ipv4",
        "enable_ipv6",
    ],
    required: &[],
};

static VOLUME: Object = Object {
    what: "a volume",
    keys: &[
        ("name", Shape::Text),
        ("driver", Shape::Text),
        ("external", Shape::Boolean),
        ("labels", Shape::Pairs(Bare::Empty)),
    ],
    later: &["driver_opts"],
    required: &[],
};
