//! How an image is built.

use super::limits::ULIMIT_TABLE;
use super::objects::BUILD_SECRETS;
use crate::grammar::support::{self, WINDOWS};
use crate::grammar::{Bare, Field, Names, Numbers, Object, Own, Pairs, Print, Shape, short};

pub(super) const ATTRIBUTE: Field = Field::new("build", Shape::ObjectOrText(&BUILD, short::build))
    .print(Print::Given)
    .applied();

const LATER: &str = "build the image with `docker build` and name it as `image`";

const fn later(key: &'static str, shape: Shape) -> Field {
    Field::new(key, shape).refused(support::BUILD, LATER)
}

/// A build.
static BUILD: Object = Object {
    what: "a build",
    keys: &[
        Field::new("context", Shape::Text).partly("a folder on your machine; no URL"),
        Field::new("dockerfile", Shape::Text).applied(),
        later("dockerfile_inline", Shape::Text),
        later("entitlements", Shape::Names(Names::PLAIN)),
        Field::new("args", Shape::Pairs(Pairs::VARIABLES)).applied(),
        later("provenance", Shape::TextOrBoolean),
        later("sbom", Shape::TextOrBoolean),
        later("ssh", Shape::Pairs(SSH)),
        Field::new("labels", Shape::Pairs(Pairs::LABELS)).applied(),
        later("cache_from", Shape::Names(Names::PLAIN)),
        later("cache_to", Shape::Names(Names::PLAIN)),
        Field::new("no_cache", Shape::Boolean).applied(),
        later("no_cache_filter", Shape::Names(Names::UNIQUE.lone())),
        later("additional_contexts", Shape::Pairs(CONTEXTS)),
        Field::new("pull", Shape::Boolean).applied(),
        later("extra_hosts", Shape::Hosts),
        Field::new("isolation", Shape::Text).refused(WINDOWS, "leave it out"),
        later("network", Shape::Text),
        later("target", Shape::Text),
        later("secrets", Shape::Items(&BUILD_SECRETS)),
        later("shm_size", Shape::Size(Numbers::Whole)),
        later("tags", Shape::Names(Names::ONCE)),
        later("ulimits", Shape::Named(&ULIMIT_TABLE)),
        later("platforms", Shape::Names(Names::PLAIN)),
        later("privileged", Shape::Boolean),
    ],
    required: &[],
    own: Own::Kept,
};

const SSH: Pairs = Pairs {
    bare: Bare::Absent,
    unique: true,
    ..Pairs::VARIABLES
};

const CONTEXTS: Pairs = Pairs {
    valued: true,
    ..Pairs::LABELS
};
