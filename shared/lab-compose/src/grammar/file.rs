//! The top level: the file itself, and what is defined in it besides services.

use super::service::SERVICE;
use super::support::{PLAIN_NETWORK, PLAIN_VOLUME};
use super::{
    Field, Items, Names, Object, Own, Pairs, Print, Range, Shape, Support, Table, Values, short,
};
use crate::yaml::Value;

/// A Compose file. Its rows stand in the order of YAML; JSON sorts them.
pub(crate) static FILE: Object = Object {
    what: "a Compose file",
    keys: &[
        Field::new("version", Shape::Ignored)
            .print(Print::Never)
            .support(Support::Note(
                "it has no meaning any more; a warning says so",
            )),
        Field::new("name", Shape::Text).applied(),
        // Taken out of each document before it is brought into full form.
        Field::new("include", Shape::Items(&INCLUDES))
            .print(Print::Never)
            .support(Support::Read),
        Field::new("services", Shape::Named(&SERVICES))
            .print(Print::Always)
            .applied(),
        Field::new("networks", Shape::Named(&NETWORKS)).applied(),
        Field::new("volumes", Shape::Named(&VOLUMES)).applied(),
        Field::new("secrets", Shape::Named(&SECRETS)).support(USED),
        Field::new("configs", Shape::Named(&CONFIGS)).support(USED),
        Field::new("models", Shape::Named(&MODELS)).support(USED),
    ],
    required: &[],
    own: Own::Kept,
};

/// What a service would have to use, which is refused there.
const USED: Support = Support::Note("refused where a service uses one");

const fn named(entry: Shape, bare: bool) -> Table {
    Table {
        entry,
        bare,
        listed: |_| Value::Null,
        plain_names: true,
    }
}

/// As Docker Compose has it, whatever the reason.
const fn freely_named(entry: Shape, bare: bool) -> Table {
    Table {
        plain_names: false,
        ..named(entry, bare)
    }
}

static SERVICES: Table = named(Shape::Object(&SERVICE), false);
static NETWORKS: Table = freely_named(Shape::Object(&NETWORK), true);
static VOLUMES: Table = named(Shape::Object(&VOLUME), true);
static SECRETS: Table = named(Shape::Object(&SECRET), false);
static CONFIGS: Table = named(Shape::Object(&CONFIG), false);
static MODELS: Table = freely_named(Shape::Object(&MODEL), false);

static INCLUDES: Items = Items {
    expand: Some(short::include),
    ..Items::of(&Object {
        what: "what a file includes",
        keys: &[
            Field::new("path", Shape::Names(Names::UNIQUE.lone())).support(Support::Read),
            Field::new("project_directory", Shape::Text).support(Support::Read),
            Field::new("env_file", Shape::Names(Names::UNIQUE.lone())).support(Support::Read),
        ],
        required: &["path"],
        own: Own::None,
    })
};

static NETWORK: Object = Object {
    what: "a network",
    keys: &[
        Field::new("name", Shape::Text).applied(),
        Field::new("driver", Shape::Text).partly("`bridge`; other drivers are refused"),
        Field::new("driver_opts", Shape::Pairs(Pairs::OPTIONS))
            .refused(PLAIN_NETWORK, "leave them out"),
        Field::new("ipam", Shape::Object(&IPAM))
            .print(Print::AlwaysInJson)
            .applied(),
        Field::new("external", Shape::External).applied(),
        Field::new("internal", Shape::Boolean).refused(
            PLAIN_NETWORK,
            "leave it out; nothing outside reaches a port that is not published",
        ),
        Field::new("attachable", Shape::Boolean).support(Support::Note(
            "any container can join a bridge; nothing has to allow it",
        )),
        Field::new("labels", Shape::Pairs(Pairs::LABELS)).applied(),
        Field::new("enable_ipv4", Shape::Boolean)
            .print(Print::Given)
            .refused(PLAIN_NETWORK, "leave it out"),
        Field::new("enable_ipv6", Shape::Boolean)
            .print(Print::Given)
            .refused(PLAIN_NETWORK, "leave it out"),
    ],
    required: &[],
    own: Own::Kept,
};

static IPAM: Object = Object {
    what: "the addresses of a network",
    keys: &[
        Field::new("driver", Shape::Text).refused(PLAIN_NETWORK, "leave it out"),
        Field::new("config", Shape::Items(&POOLS)).refused(PLAIN_NETWORK, "leave it out"),
        // Docker Compose reads it and forgets it.
        Field::new("options", Shape::Pairs(Pairs::OPTIONS.of(Values::Texts)))
            .print(Print::Never)
            .refused(PLAIN_NETWORK, "leave them out"),
    ],
    required: &[],
    own: Own::Kept,
};

/// The table of a network's address ranges, which are merged in a way of their own.
pub(crate) const fn pools() -> &'static Items {
    &POOLS
}

static POOLS: Items = Items::of(&Object {
    what: "a range of addresses",
    keys: &[
        Field::new("subnet", Shape::Text),
        Field::new("gateway", Shape::Text),
        Field::new("ip_range", Shape::Text),
        Field::new(
            "aux_addresses",
            Shape::Pairs(Pairs::OPTIONS.of(Values::Texts)),
        ),
    ],
    required: &[],
    own: Own::Dropped,
});

static VOLUME: Object = Object {
    what: "a volume",
    keys: &[
        Field::new("name", Shape::Text).applied(),
        Field::new("driver", Shape::Text).partly("`local`; other drivers are refused"),
        Field::new("driver_opts", Shape::Pairs(Pairs::OPTIONS)).refused(
            PLAIN_VOLUME,
            "make the volume yourself on the nodes and write `external: true`",
        ),
        Field::new("external", Shape::External).applied(),
        Field::new("labels", Shape::Pairs(Pairs::LABELS.unique())).applied(),
    ],
    required: &[],
    own: Own::Kept,
};

static SECRET: Object = Object {
    what: "a secret",
    keys: &[
        Field::new("name", Shape::Text),
        Field::new("file", Shape::Text),
        Field::new("environment", Shape::Text),
        Field::new("external", Shape::External),
        Field::new("labels", Shape::Pairs(Pairs::LABELS.unique())),
        Field::new("driver", Shape::Text),
        Field::new("driver_opts", Shape::Pairs(Pairs::OPTIONS)),
        Field::new("template_driver", Shape::Text),
    ],
    required: &[],
    own: Own::Kept,
};

static CONFIG: Object = Object {
    what: "a config",
    keys: &[
        Field::new("name", Shape::Text),
        Field::new("file", Shape::Text),
        Field::new("environment", Shape::Text),
        Field::new("content", Shape::Text),
        Field::new("external", Shape::External),
        Field::new("labels", Shape::Pairs(Pairs::LABELS.unique())),
        Field::new("template_driver", Shape::Text),
    ],
    required: &[],
    own: Own::Kept,
};

static MODEL: Object = Object {
    what: "a model",
    keys: &[
        Field::new("name", Shape::Text),
        Field::new("model", Shape::Text),
        Field::new("context_size", Shape::Integer(Range::SIGNED.bare())),
        Field::new("runtime_flags", Shape::Names(Names::PLAIN)),
    ],
    required: &["model"],
    own: Own::Kept,
};
