//! The entries of the top-level sections.

use super::Kind::{Either, List, Map, Named, Word};
use super::{Attribute, BOOL, FULL_PAIRS, INT, Kind, OPTIONS, OWN, TEXT, TEXTS};

const EXTERNAL: Kind = Either(&[BOOL, Map(&[("name", Word(&["out"]))])]);

const SUBNET: Kind = Map(&[
    ("!subnet", Word(&["10.0.0.0/24", "10.1.0.0/24"])),
    ("ip_range", Word(&["10.0.0.128/25"])),
    ("gateway", Word(&["10.0.0.1"])),
    ("aux_addresses", Named(&["h"], &Word(&["10.0.0.5"]))),
]);

const IPAM: Kind = Map(&[
    ("driver", Word(&["default"])),
    ("config", List(&SUBNET)),
    ("options", OPTIONS),
]);

pub(crate) const NETWORK: &[Attribute] = &[
    ("name", TEXT),
    ("driver", Word(&["bridge", "overlay"])),
    ("driver_opts", OPTIONS),
    ("attachable", BOOL),
    ("internal", BOOL),
    ("enable_ipv4", BOOL),
    ("enable_ipv6", BOOL),
    ("external", EXTERNAL),
    ("labels", FULL_PAIRS),
    ("ipam", IPAM),
    ("x-n", OWN),
];

const DRIVER_OPTS: Kind = Named(
    &["o", "device", "type"],
    &Word(&["bind", "./d", "/abs", "''", "5"]),
);

pub(crate) const VOLUME: &[Attribute] = &[
    ("name", TEXT),
    ("driver", Word(&["local", "nfs"])),
    ("driver_opts", DRIVER_OPTS),
    ("external", EXTERNAL),
    ("labels", FULL_PAIRS),
    ("x-v", OWN),
];

pub(crate) const SECRET: &[Attribute] = &[
    ("name", TEXT),
    ("!file", Word(&["./f", "/abs/f", "~/f", "../f"])),
    ("environment", Word(&["S", "NONE", "E"])),
    ("external", EXTERNAL),
    ("labels", FULL_PAIRS),
    ("driver", Word(&["vault"])),
    ("driver_opts", OPTIONS),
    ("template_driver", Word(&["golang"])),
    ("x-s", OWN),
];

pub(crate) const CONFIG: &[Attribute] = &[
    ("name", TEXT),
    ("!file", Word(&["./f", "/abs/f", "~/f"])),
    ("environment", Word(&["S", "NONE"])),
    ("content", TEXT),
    ("external", EXTERNAL),
    ("labels", FULL_PAIRS),
    ("template_driver", Word(&["golang"])),
    ("x-c", OWN),
];

pub(crate) const MODEL: &[Attribute] = &[
    ("name", TEXT),
    ("!model", Word(&["ai/x"])),
    ("context_size", INT),
    ("runtime_flags", TEXTS),
];
