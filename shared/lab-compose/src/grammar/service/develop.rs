//! What is done while one works on a service's source.

use super::process::HOOK;
use crate::grammar::{Field, Items, Names, Object, Own, Print, Shape, Support};

pub(super) const ATTRIBUTE: Field = Field::new("develop", Shape::Object(&DEVELOP))
    .print(Print::Given)
    .support(Support::Note(
        "only a command that watches the source acts on it",
    ));

static DEVELOP: Object = Object {
    what: "development",
    keys: &[Field::new("watch", Shape::Items(&WATCHES)).support(NOTE)],
    required: &[],
    own: Own::Kept,
};

const NOTE: Support = Support::Note("only a command that watches the source acts on it");

static WATCHES: Items = Items::of(&Object {
    what: "a watch",
    keys: &[
        Field::new("path", Shape::Text)
            .print(Print::Always)
            .support(NOTE),
        Field::new(
            "action",
            Shape::Choice(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]),
        )
        .print(Print::Always)
        .support(NOTE),
        Field::new("target", Shape::Text).support(NOTE),
        Field::new("exec", Shape::Object(&HOOK))
            .print(Print::AlwaysInJson)
            .support(NOTE),
        Field::new("include", Shape::Names(Names::UNIQUE.lone())).support(NOTE),
        Field::new("ignore", Shape::Names(Names::UNIQUE.lone())).support(NOTE),
        Field::new("initial_sync", Shape::StrictBoolean).support(NOTE),
    ],
    required: &["path", "action"],
    own: Own::Kept,
});
