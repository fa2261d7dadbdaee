//! The layers of the workspace, as data: who may import whom. ARCHITECTURE.md tells why.

/// A layer; a crate imports only from the layers its own one allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// What things are.
    Nouns,
    /// Pure decisions.
    Decisions,
    /// What travels.
    Wire,
    /// What every process needs; it knows no bus.
    Kit,
    /// The bus, in need of a clock and of configuration itself.
    Plumbing,
    /// The services.
    Services,
    /// The one program that links all services.
    Command,
    /// What proves the others right.
    Proof,
    /// This crate.
    Tools,
}

use Layer::{Command, Decisions, Kit, Nouns, Plumbing, Proof, Services, Tools, Wire};

/// Every crate has a layer; those under `tests/` are proof without being listed.
const LAYERS: &[(&str, Layer)] = &[
    ("lab-types", Nouns),
    ("lab-compose", Decisions),
    ("lab-converge", Decisions),
    ("lab-machine", Decisions),
    ("lab-net", Decisions),
    ("lab-placement", Decisions),
    ("lab-wire", Wire),
    ("lab-bus", Plumbing),
    ("lab-kit", Kit),
    ("compose-planner", Services),
    ("node-agent", Services),
    ("provisioner", Services),
    ("scheduler", Services),
    ("tercio", Command),
    ("compose-fuzz", Proof),
    ("lab-sim", Proof),
    ("lab-testkit", Proof),
    ("xtask", Tools),
];

/// Which layer a crate belongs to.
pub(super) fn layer_of(name: &str, folder: &str) -> Option<Layer> {
    if folder.starts_with("tests/") {
        return Some(Proof);
    }
    LAYERS
        .iter()
        .find(|(listed, _)| *listed == name)
        .map(|(_, layer)| *layer)
}

/// The names of all decision crates, also of those to come.
pub(crate) fn decision_crates() -> impl Iterator<Item = &'static str> {
    LAYERS
        .iter()
        .filter(|(_, layer)| *layer == Decisions)
        .map(|(name, _)| *name)
}

impl Layer {
    /// What it may import of ours, to build and run.
    pub(super) const fn may_import(self) -> &'static [Self] {
        match self {
            Nouns | Tools => &[],
            Decisions | Wire | Kit => &[Nouns],
            Plumbing => &[Nouns, Wire, Kit],
            Services => &[Nouns, Decisions, Wire, Kit, Plumbing],
            Command => &[Nouns, Decisions, Wire, Kit, Plumbing, Services],
            Proof => &[
                Nouns, Decisions, Wire, Kit, Plumbing, Services, Command, Proof,
            ],
        }
    }

    /// The only crates of others it may import, where that is limited: the pure ones. To add one, see
    /// first that it does no I/O and reads no clock, environment or randomness.
    pub(super) const fn third_party(self) -> Option<&'static [&'static str]> {
        match self {
            Nouns => Some(&["data-encoding", "serde", "serde_json", "sha2", "thiserror"]),
            Decisions => Some(&[
                "data-encoding",
                "granit-parser",
                "rand_chacha",
                "serde",
                "serde_json",
                "sha2",
                "thiserror",
            ]),
            Wire => Some(&[
                "bytes",
                "data-encoding",
                "rmp-serde",
                "rmpv",
                "serde",
                "serde_bytes",
                "serde_json",
                "thiserror",
            ]),
            Kit | Plumbing | Services | Command | Proof | Tools => None,
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Nouns => "the crate of nouns",
            Decisions => "a decision crate",
            Wire => "the wire crate",
            Kit => "the kit",
            Plumbing => "a plumbing crate",
            Services => "a service",
            Command => "the command",
            Proof => "a proof crate",
            Tools => "a tool",
        }
    }
}

/// Crates of others with one user of ours, and what the rest uses in their place.
pub(super) const SOLE_USERS: &[(&str, &str, &str)] = &[
    ("async-nats", "lab-bus", "use lab_bus"),
    ("bollard", "node-agent", "ask the agent"),
    ("ssh2", "provisioner", "ask the provisioner"),
    ("figment", "lab-kit", "use lab_kit::config"),
    ("tracing-subscriber", "lab-kit", "use lab_kit::telemetry"),
    (
        "clap",
        "tercio",
        "only the command reads a command line with it",
    ),
];
