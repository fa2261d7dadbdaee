//! What runs in the containers, when it starts, stops and counts as well.

use crate::grammar::support::{NOT_CARRIED, NOT_YET};
use crate::grammar::{
    Field, Items, Object, Own, Pairs, Print, Range, Shape, Support, Table, Values, short,
};

pub(super) const COMMAND: Field = Field::new("command", Shape::Words)
    .print(Print::AlwaysInJson)
    .applied();

pub(super) const ENTRYPOINT: Field = Field::new("entrypoint", Shape::Words)
    .print(Print::AlwaysInJson)
    .applied();

pub(super) const ENVIRONMENT: Field =
    Field::new("environment", Shape::Pairs(Pairs::VARIABLES)).applied();

pub(super) const ENV_FILE: Field = Field::new("env_file", Shape::Items(&ENV_FILES))
    .print(Print::Never)
    .support(Support::Read);

static ENV_FILES: Items = Items {
    expand: Some(short::env_file),
    identity: Some(|item| short::text_of(item, "path")),
    lone: true,
    ..Items::of(&Object {
        what: "an environment file",
        keys: &[
            Field::new("path", Shape::Text).support(Support::Read),
            Field::new("required", Shape::Boolean).support(Support::Read),
            Field::new("format", Shape::Text).support(Support::Read),
        ],
        required: &["path"],
        own: Own::None,
    })
};

pub(super) const DEPENDS_ON: Field =
    Field::new("depends_on", Shape::Table(&DEPENDENCIES)).applied();

static DEPENDENCIES: Table = Table {
    entry: Shape::Object(&Object {
        what: "a dependency",
        keys: &[
            Field::new(
                "condition",
                Shape::Choice(&[
                    "service_started",
                    "service_healthy",
                    "service_completed_successfully",
                ]),
            )
            .applied(),
            Field::new("restart", Shape::Boolean).refused(
                NOT_YET,
                "restart the service yourself when its dependency was replaced",
            ),
            Field::new("required", Shape::StrictBoolean)
                .print(Print::Always)
                .applied(),
        ],
        required: &["condition"],
        own: Own::Kept,
    }),
    bare: false,
    listed: short::dependency,
    plain_names: true,
};

pub(super) const HEALTHCHECK: Field = Field::new("healthcheck", Shape::Object(&HEALTH))
    .print(Print::Given)
    .partly("a check without a `test` of its own is refused");

static HEALTH: Object = Object {
    what: "a health check",
    keys: &[
        Field::new("test", Shape::Test).applied(),
        Field::new("timeout", Shape::Duration)
            .print(Print::Given)
            .applied(),
        Field::new("interval", Shape::Duration)
            .print(Print::Given)
            .applied(),
        Field::new("retries", Shape::Integer(Range::COUNT.cut()))
            .print(Print::Given)
            .applied(),
        Field::new("start_period", Shape::Duration)
            .print(Print::Given)
            .applied(),
        Field::new("start_interval", Shape::Duration)
            .print(Print::Given)
            .refused(
                "it needs an engine with API 1.44",
                "leave it out; the check then runs at `interval` from the start",
            ),
        Field::new("disable", Shape::Boolean).applied(),
    ],
    required: &[],
    own: Own::Kept,
};

pub(super) const INIT: Field = Field::new("init", Shape::Boolean)
    .print(Print::Given)
    .refused(
        NOT_CARRIED,
        "put an init such as tini into the image, as the first word of its entrypoint",
    );

pub(super) const LOGGING: Field = Field::new("logging", Shape::Driven(&LOGS))
    .print(Print::Given)
    .refused(
        NOT_CARRIED,
        "set the log driver and its limits for the engine: /etc/docker/daemon.json",
    );

static LOGS: Object = Object {
    what: "logging",
    keys: &[
        Field::new("driver", Shape::Text),
        Field::new(
            "options",
            Shape::Pairs(Pairs::OPTIONS.of(Values::NumbersOrNone)),
        ),
    ],
    required: &[],
    own: Own::Kept,
};

pub(super) const RESTART: Field = Field::new("restart", Shape::Text).applied();

pub(super) const STDIN_OPEN: Field = Field::new("stdin_open", Shape::Boolean).refused(
    NOT_CARRIED,
    "leave it out; the containers of a lab have no terminal of yours",
);

pub(super) const STOP_GRACE_PERIOD: Field = Field::new("stop_grace_period", Shape::Duration)
    .print(Print::Given)
    .applied();

pub(super) const STOP_SIGNAL: Field = Field::new("stop_signal", Shape::Text).refused(
    NOT_CARRIED,
    "set it in the image: `STOPSIGNAL` in the Dockerfile",
);

pub(super) const TTY: Field = Field::new("tty", Shape::Boolean).refused(
    NOT_CARRIED,
    "leave it out; a program that buffers its output is told so by its own option",
);

pub(super) const USER: Field = Field::new("user", Shape::Text)
    .refused(NOT_CARRIED, "set it in the image: `USER` in the Dockerfile");

pub(super) const WORKING_DIR: Field = Field::new("working_dir", Shape::Text).refused(
    NOT_CARRIED,
    "set it in the image: `WORKDIR` in the Dockerfile",
);

pub(super) const POST_START: Field = Field::new("post_start", Shape::Items(&HOOKS)).refused(
    NOT_YET,
    "let the container's own command do it before it goes on",
);

pub(super) const PRE_STOP: Field = Field::new("pre_stop", Shape::Items(&HOOKS)).refused(
    NOT_YET,
    "let the container's own command do it when it is told to stop",
);

pub(super) const PRE_START: Field = Field::new("pre_start", Shape::Items(&INITS)).refused(
    NOT_YET,
    "make it a service of its own, and wait for it: `depends_on: {NAME: {condition: service_completed_successfully}}`",
);

/// What runs in a container of its own before the service; Docker Compose has it from version 5 on.
static INITS: Items = Items::of(&Object {
    what: "a step before the start",
    keys: &[
        Field::new("command", Shape::Words).print(Print::AlwaysInJson),
        Field::new("image", Shape::Text),
        Field::new("user", Shape::Text),
        Field::new("privileged", Shape::Boolean),
        Field::new("working_dir", Shape::Text),
        Field::new("environment", Shape::Pairs(Pairs::VARIABLES.unique())),
        Field::new("per_replica", Shape::Boolean),
    ],
    required: &[],
    own: Own::Kept,
});

static HOOKS: Items = Items::of(&HOOK);

/// A command that runs in a container besides its own.
pub(super) static HOOK: Object = Object {
    what: "a hook",
    keys: &[
        Field::new("command", Shape::Words).print(Print::AlwaysInJson),
        Field::new("user", Shape::Text),
        Field::new("privileged", Shape::Boolean),
        Field::new("working_dir", Shape::Text),
        Field::new("environment", Shape::Pairs(Pairs::VARIABLES.unique())),
    ],
    required: &["command"],
    own: Own::Kept,
};
