//! What is mounted into a service's containers.

use super::super::support::TOGETHER;
use crate::codes;
use crate::grammar::{
    Field, Items, Names, Numbers, Object, Own, Pairs, Print, Shape, Support, short,
};

pub(super) const READ_ONLY: Field = Field::new("read_only", Shape::Boolean).applied();

pub(super) const STORAGE_OPT: Field =
    Field::new("storage_opt", Shape::Pairs(Pairs::OPTIONS)).applied();

pub(super) const TMPFS: Field = Field::new("tmpfs", Shape::Names(Names::ONCE.lone())).applied();

pub(super) const VOLUMES: Field = Field::new("volumes", Shape::Items(&MOUNTS)).support(
    Support::Constraint(
        "a named volume and a path of the host are those of the node that runs the task; a task that writes to a named volume never runs twice",
    ),
);

pub(super) const VOLUMES_FROM: Field = Field::new("volumes_from", Shape::Names(Names::UNIQUE))
    .refused(TOGETHER, "mount the same named volumes in both services");

static MOUNTS: Items = Items {
    expand: Some(short::mount),
    identity: Some(|item| short::text_of(item, "target")),
    twice: Some(codes::TARGET_TAKEN_TWICE),
    ..Items::of(&Object {
        what: "a mount",
        keys: &[
            Field::new(
                "type",
                Shape::Choice(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"]),
            )
            .partly("bind, volume and tmpfs"),
            Field::new("source", Shape::Text).applied(),
            Field::new("target", Shape::Text).applied(),
            Field::new("read_only", Shape::Boolean).applied(),
            Field::new("consistency", Shape::Text).support(Support::Note(
                "it was for Docker Desktop on a Mac; no engine heeds it on Linux",
            )),
            Field::new("bind", Shape::Object(&BIND))
                .print(Print::Given)
                .applied(),
            Field::new("volume", Shape::Object(&VOLUME))
                .print(Print::Given)
                .applied(),
            Field::new("tmpfs", Shape::Object(&TMPFS_OPTIONS))
                .print(Print::Given)
                .applied(),
            Field::new("image", Shape::Object(&IMAGE))
                .print(Print::Given)
                .refused(
                    "it needs an engine with API 1.48",
                    "copy the files into the service's image",
                ),
        ],
        required: &["type", "target"],
        own: Own::Kept,
    })
};

static BIND: Object = Object {
    what: "the options of a bind mount",
    keys: &[
        Field::new("selinux", Shape::Choice(&["z", "Z"])).applied(),
        Field::new("propagation", Shape::Text).applied(),
        Field::new("create_host_path", Shape::Boolean).applied(),
        Field::new(
            "recursive",
            Shape::Choice(&["enabled", "disabled", "writable", "readonly"]),
        )
        .support(Support::Constraint("what is not `enabled` needs an engine with API 1.44, and a task goes only to such nodes")),
    ],
    required: &[],
    own: Own::Kept,
};

static VOLUME: Object = Object {
    what: "the options of a volume mount",
    keys: &[
        Field::new("labels", Shape::Pairs(Pairs::LABELS.unique()))
            .partly("of a volume without a name; a named one is labelled at the top level"),
        Field::new("nocopy", Shape::Boolean).applied(),
        Field::new("subpath", Shape::Text).support(Support::Constraint(
            "a task goes only to nodes whose engine has API 1.45",
        )),
    ],
    required: &[],
    own: Own::Kept,
};

static TMPFS_OPTIONS: Object = Object {
    what: "the options of a tmpfs",
    keys: &[
        Field::new("size", Shape::Size(Numbers::Whole)).applied(),
        Field::new(
            "mode",
            Shape::Integer(crate::grammar::Range::from(0, u32::MAX as i128).cut()),
        )
        .applied(),
    ],
    required: &[],
    own: Own::Kept,
};

static IMAGE: Object = Object {
    what: "the options of an image mount",
    keys: &[Field::new("subpath", Shape::Text)],
    required: &[],
    own: Own::Kept,
};
