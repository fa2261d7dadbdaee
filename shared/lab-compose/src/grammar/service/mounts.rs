//! What is mounted into a service's containers.

use super::super::support::{NOT_CARRIED, NOT_YET, TOGETHER};
use crate::codes;
use crate::grammar::{
    Field, Items, Names, Numbers, Object, Own, Pairs, Print, Shape, Support, short,
};

pub(super) const READ_ONLY: Field = Field::new("read_only", Shape::Boolean).refused(
    NOT_CARRIED,
    "leave it out, or mount what must not change with `:ro`",
);

pub(super) const STORAGE_OPT: Field = Field::new("storage_opt", Shape::Pairs(Pairs::OPTIONS))
    .refused(
        NOT_CARRIED,
        "set it for the engine: /etc/docker/daemon.json",
    );

pub(super) const TMPFS: Field = Field::new("tmpfs", Shape::Names(Names::ONCE.lone())).refused(
    NOT_CARRIED,
    "mount an anonymous volume there: `volumes: [/PATH]`",
);

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
            .partly("bind and volume"),
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
                .refused(NOT_YET, "mount an anonymous volume there"),
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
        Field::new("selinux", Shape::Choice(&["z", "Z"])).refused(
            NOT_YET,
            "label the folder yourself: `chcon -Rt container_file_t PATH`",
        ),
        Field::new("propagation", Shape::Text)
            .refused(NOT_YET, "leave it out: it is then rprivate"),
        Field::new("create_host_path", Shape::Boolean).applied(),
        Field::new(
            "recursive",
            Shape::Choice(&["enabled", "disabled", "writable", "readonly"]),
        )
        .refused(
            "it needs an engine with API 1.44",
            "leave it out: it is then enabled",
        ),
    ],
    required: &[],
    own: Own::Kept,
};

static VOLUME: Object = Object {
    what: "the options of a volume mount",
    keys: &[
        Field::new("labels", Shape::Pairs(Pairs::LABELS.unique()))
            .refused(NOT_YET, "name the volume and label it at the top level"),
        Field::new("nocopy", Shape::Boolean)
            .refused(NOT_YET, "remove what the image has at this path"),
        Field::new("subpath", Shape::Text).refused(
            "it needs an engine with API 1.45",
            "mount the whole volume, or one of its own",
        ),
    ],
    required: &[],
    own: Own::Kept,
};

static TMPFS_OPTIONS: Object = Object {
    what: "the options of a tmpfs",
    keys: &[
        Field::new("size", Shape::Size(Numbers::Whole)),
        Field::new(
            "mode",
            Shape::Integer(crate::grammar::Range::from(0, u32::MAX as i128).cut()),
        ),
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
