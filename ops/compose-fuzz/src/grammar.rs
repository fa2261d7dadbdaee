//! What may stand where in a Compose file, as tables.

mod parts;
mod service;
mod top;

pub(crate) use service::SERVICE;
pub(crate) use top::{CONFIG, MODEL, NETWORK, SECRET, VOLUME};

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// One of these, written as it stands. The first ones are right; a few are not.
    Word(&'static [&'static str]),
    /// Some of these attributes.
    Map(&'static [Attribute]),
    /// Some of these names, each with such a value.
    Named(&'static [&'static str], &'static Kind),
    /// Some such values.
    List(&'static Kind),
    /// One of these.
    Either(&'static [Kind]),
}

/// A key and what its value may be. A key after `!` is required: it is nearly always there.
pub(crate) type Attribute = (&'static str, Kind);

use Kind::{Either, List, Map, Named, Word};

/// Truth values as people write them.
const BOOL: Kind = Word(&[
    "true",
    "false",
    "'true'",
    "yes",
    "off",
    "'${U:-true}'",
    "'${E:-n}'",
]);

/// Texts that look like something else, and some that do not.
const TEXT: Kind = Word(&[
    "a",
    "b",
    "''",
    "'5'",
    "'true'",
    "'null'",
    "'1.50'",
    "'a b'",
    "'it''s'",
    "'$S'",
    "'$$x'",
    "'${U:-d}'",
    "'a: b'",
    "'a #b'",
    "' lead'",
    "'0x1F'",
    "'é🙂'",
    "\"a\\nb\"",
    "'~'",
    "'-'",
    "'*a'",
    "'[a]'",
    "'1e3'",
    "\"a\\tb\"",
    "yes",
]);

/// Values of variables and labels.
const VALUE: Kind = Either(&[
    TEXT,
    Word(&[
        "5", "1.50", "true", "", "~", "0x1F", "017", "1e3", "-1", "1_000", ".5", "0o17", "'${U}'",
    ]),
]);

const KEYS: &[&str] = &["A", "B", "S", "NONE", "a.b", "'with space'", "'9'"];

const PAIRS: Kind = Either(&[
    Named(KEYS, &VALUE),
    List(&Word(&[
        "A=1",
        "B=",
        "A=2",
        "S",
        "NONE",
        "'C=a=b'",
        "'D=$S'",
        "'a.b=x y'",
    ])),
]);

/// Pairs whose keys have values.
const FULL_PAIRS: Kind = Either(&[
    Named(&["a", "b", "c"], &Word(&["x", "5", "''", "1.0", "true"])),
    List(&Word(&["a=1", "b=2", "a=3"])),
]);

const OPTIONS: Kind = Named(&["a", "b", "c"], &Word(&["x", "5", "''", "1.5", "'$S'"]));

const INT: Kind = Word(&["0", "1", "2", "7", "'3'", "'${U:-4}'", "017", "0x10"]);

const FLOAT: Kind = Word(&["0.5", "1", "'1.25'", "0.1", "'${U:-2.5}'", "1e1", "0"]);

const DURATION: Kind = Word(&[
    "5s", "1m30s", "90s", "500ms", "1h", "0s", "1.5h", "1d", "2w", "10", "soon", "1m", "100us",
    "3600s",
]);

const SIZE: Kind = Word(&[
    "64m", "1g", "1024", "1.5g", "'300kb'", "2GB", "5b", "big", "0", "1k", "1T",
]);

const MODE: Kind = Word(&["0440", "'0400'", "256", "0o444", "'644'"]);

const COMMAND: Kind = Either(&[
    Word(&[
        "a",
        "a b",
        "sh -c 'x y'",
        "",
        "''",
        "'a \"b c\"'",
        "'echo $$X'",
        "'a\\ b'",
    ]),
    List(&Word(&["a", "'b c'", "'$S'", "''", "'5'"])),
]);

const TEXTS: Kind = List(&Word(&["a", "b", "c", "'d'", "'$S'"]));

const TEXT_OR_TEXTS: Kind = Either(&[Word(&["a", "b", "''"]), TEXTS]);

const PATHS: Kind = Word(&[
    "./d", ".", "../up", "/abs", "~/h", "/a/../b/", "./x//y/", "'$S/z'",
]);

const ULIMITS: Kind = Named(
    &["nofile", "nproc", "core"],
    &Either(&[INT, Map(&[("!soft", INT), ("!hard", INT)])]),
);

const EXTRA_HOSTS: Kind = Either(&[
    Named(
        &["h", "g"],
        &Either(&[
            Word(&["1.1.1.1", "'::1'"]),
            List(&Word(&["1.1.1.1", "2.2.2.2"])),
        ]),
    ),
    List(&Word(&[
        "h=1.1.1.1",
        "h=2.2.2.2",
        "'g:3.3.3.3'",
        "'v=::1'",
        "'w=[::1]'",
    ])),
]);

/// A file given to a container: a secret or a config.
const FILE_MOUNT: Kind = Either(&[
    Word(&["s", "t"]),
    Map(&[
        ("!source", Word(&["s", "t"])),
        ("target", Word(&["/run/secrets/s", "x", "/abs/x"])),
        ("uid", Word(&["'103'"])),
        ("gid", Word(&["'104'"])),
        ("mode", MODE),
    ]),
]);

const HOOK: Kind = Map(&[
    ("!command", COMMAND),
    ("user", TEXT),
    ("privileged", BOOL),
    ("working_dir", Word(&["/w"])),
    ("environment", PAIRS),
]);

/// Data of the user's own.
const OWN: Kind = Either(&[
    VALUE,
    List(&TEXT),
    Named(
        &["a", "b"],
        &Either(&[VALUE, List(&TEXT), Named(&["c"], &VALUE)]),
    ),
]);
