//! The configs and secrets that a service is given.

use crate::grammar::support::NO_OBJECTS;
use crate::grammar::{Field, Items, Object, Own, Print, Shape, short};

const INSTEAD: &str = "bring the file into the image or into a volume, or set a variable";

pub(super) const CONFIGS: Field =
    Field::new("configs", Shape::Items(&CONFIG_FILES)).refused(NO_OBJECTS, INSTEAD);

pub(super) const SECRETS: Field =
    Field::new("secrets", Shape::Items(&SECRET_FILES)).refused(NO_OBJECTS, INSTEAD);

static CONFIG_FILES: Items = Items {
    expand: Some(short::file),
    identity: Some(|item| identity(item, "")),
    ..Items::of(&FILE)
};

static SECRET_FILES: Items = Items {
    expand: Some(short::file),
    identity: Some(|item| identity(item, "/run/secrets")),
    ..Items::of(&FILE)
};

/// The secrets of a build; all are kept.
pub(super) static BUILD_SECRETS: Items = Items {
    expand: Some(short::file),
    ..Items::of(&FILE)
};

fn identity(item: &crate::yaml::Map, folder: &str) -> String {
    match item.get("target") {
        Some(_) => short::text_of(item, "target"),
        None => format!("{folder}/{}", short::text_of(item, "source")),
    }
}

static FILE: Object = Object {
    what: "a config or secret of a service",
    keys: &[
        Field::new("source", Shape::Text),
        Field::new("target", Shape::Text),
        Field::new("uid", Shape::Text),
        Field::new("gid", Shape::Text),
        Field::new("mode", Shape::Mode).print(Print::Given),
    ],
    required: &[],
    own: Own::Kept,
};
