//! What a service is: its image, its names and labels, how many there are of it.

use crate::grammar::support::{CLIENT, NOT_YET, SCHEDULER};
use crate::grammar::{Field, Names, Object, Own, Pairs, Print, Range, Shape, Support, Table};
use crate::yaml::Value;

pub(super) const IMAGE: Field = Field::new("image", Shape::Text).applied();

pub(super) const PROFILES: Field =
    Field::new("profiles", Shape::Names(Names::ONCE)).support(Support::Read);

pub(super) const ANNOTATIONS: Field = Field::new("annotations", Shape::Pairs(Pairs::LABELS))
    .support(Support::Constraint(
        "a task goes only to nodes whose engine has API 1.43",
    ));

pub(super) const ATTACH: Field = Field::new("attach", Shape::Boolean)
    .print(Print::Given)
    .refused(
        CLIENT,
        "name the services whose logs you want: `tercio logs SERVICE`",
    );

pub(super) const CONTAINER_NAME: Field = Field::new(
    "container_name",
    Shape::Matching(
        is_container_name,
        "a letter or digit and at least one more of letters, digits, '_', '.' and '-'",
    ),
)
.refused(
    "containers are named PROJECT-SERVICE-N, so that there can be several on any node",
    "other containers reach the service by its name; add a network alias for a further one",
);

fn is_container_name(text: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_alphanumeric();
    let is_next = |byte: u8| is_first(byte) || b"_.-".contains(&byte);
    let pairs = text.as_bytes().windows(2);
    pairs
        .into_iter()
        .any(|pair| is_first(pair[0]) && is_next(pair[1]))
}

pub(super) const PROVIDER: Field = Field::new("provider", Shape::Object(&PROVIDER_OBJECT))
    .print(Print::Given)
    .refused(
        "a provider is a program on the client's machine that makes something outside of the lab",
        "run the program yourself and give the service what it made",
    );

static PROVIDER_OBJECT: Object = Object {
    what: "a provider",
    keys: &[
        Field::new("type", Shape::Text),
        Field::new("options", Shape::MultiOptions),
    ],
    required: &["type"],
    own: Own::Kept,
};

/// Taken out of each document before it is brought into full form.
pub(super) const EXTENDS: Field =
    Field::new("extends", Shape::ObjectOrText(&EXTENDS_OBJECT, extends))
        .print(Print::Never)
        .support(Support::Read);

static EXTENDS_OBJECT: Object = Object {
    what: "what a service extends",
    keys: &[
        Field::new("service", Shape::Text).support(Support::Read),
        Field::new("file", Shape::Text).support(Support::Read),
    ],
    required: &["service"],
    own: Own::None,
};

/// `extends: SERVICE`
fn extends(service: &str, place: crate::sink::Place) -> crate::yaml::Map {
    let mut map = crate::yaml::Map::default();
    map.put("service", crate::yaml::Node::text(place, service));
    map
}

pub(super) const LABELS: Field = Field::new("labels", Shape::Pairs(Pairs::LABELS)).applied();

pub(super) const LABEL_FILE: Field = Field::new("label_file", Shape::Names(Names::PLAIN.lone()))
    .print(Print::Never)
    .support(Support::Read);

pub(super) const MODELS: Field = Field::new("models", Shape::Table(&MODELS_TABLE)).refused(
    "models run in Docker's own Model Runner",
    "run the model as a service and set the variables yourself",
);

static MODELS_TABLE: Table = Table {
    entry: Shape::Object(&Object {
        what: "a service's model",
        keys: &[
            Field::new("endpoint_var", Shape::Text),
            Field::new("model_var", Shape::Text),
        ],
        required: &[],
        own: Own::Kept,
    }),
    bare: true,
    listed: |_| Value::Null,
    plain_names: false,
};

pub(super) const PLATFORM: Field = Field::new("platform", Shape::Text).refused(
    SCHEDULER,
    "each node takes the image for its own platform; leave it out",
);

pub(super) const PULL_POLICY: Field = Field::new(
    "pull_policy",
    Shape::Matching(
        is_pull_policy,
        "always, never, missing, if_not_present, build, daily, weekly or every_DURATION",
    ),
)
.partly("`missing` and `if_not_present` are what Tercio does; other policies are refused");

fn is_pull_policy(text: &str) -> bool {
    const WORDS: [&str; 8] = [
        "always",
        "never",
        "build",
        "if_not_present",
        "missing",
        "refresh",
        "daily",
        "weekly",
    ];
    let every = |rest: &str| {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        digits > 0 && rest[digits..].starts_with(['w', 'd', 'h', 'm', 's'])
    };
    WORDS.iter().any(|word| text.contains(word)) || text.split("every_").skip(1).any(every)
}

pub(super) const PULL_REFRESH_AFTER: Field = Field::new("pull_refresh_after", Shape::Text)
    .print(Print::Never)
    .refused(
        NOT_YET,
        "pull a newer image with `docker pull` on the nodes, or name a newer tag",
    );

pub(super) const SCALE: Field = Field::new("scale", Shape::Integer(Range::SIGNED))
    .print(Print::Given)
    .applied();

/// What Tercio alone knows of a service; other tools leave it unread, as all `x-` keys.
pub(super) const X_TERCIO: Field = Field::new("x-tercio", Shape::Object(&TERCIO))
    .print(Print::Given)
    .support(Support::Applied);

static TERCIO: Object = Object {
    what: "x-tercio",
    keys: &[Field::new("exclusive", Shape::Boolean)
        .print(Print::Given)
        .applied()],
    required: &[],
    own: Own::Kept,
};
