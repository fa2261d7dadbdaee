//! What may stand where: Compose's attributes as data.
//!
//! One table per kind of mapping, its rows in the order in which `config` prints them. Everything
//! general is done by walking these tables: unknown keys, types and short forms ([`canonical`]),
//! merging of files ([`merge`]), missing values ([`complete`]), printing ([`print`]), what Tercio
//! cannot act on yet ([`refuse`]) and the page that says so ([`matrix`]). A further attribute is a
//! row here and, when it is to be acted on, a field in the decoder.

pub(crate) mod canonical;
pub(crate) mod complete;
mod field;
mod file;
pub(crate) mod matrix;
pub(crate) mod merge;
mod natural;
mod pairs;
pub(crate) mod print;
pub(crate) mod refuse;
mod rules;
mod service;
mod short;
mod support;

pub(crate) use canonical::objects::is_plain;
pub(crate) use field::{Field, Print, Support};
pub(crate) use file::{FILE, pools};
pub(crate) use rules::{Bare, Names, Numbers, Pairs, Range, Same, Values};
pub(crate) use short::text_of;

use crate::codes::{self, CodeInfo};
use crate::sink::{Finding, Place, Sink};
use crate::trail::Trail;
use crate::yaml::Map;

/// The grammar of one value.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A text.
    Text,
    /// One of a few texts.
    Choice(&'static [&'static str]),
    /// A text that the check lets pass; else the message says what it must be.
    Matching(fn(&str) -> bool, &'static str),
    /// A text; a whole number becomes one.
    TextOrNumber,
    /// A text; a truth value becomes one.
    TextOrBoolean,
    /// A text such as `1m30s`.
    Duration,
    /// So many bytes: a text such as `1.5g`, or one of these numbers.
    Size(Numbers),
    /// A whole number, or a text that reads as one.
    Integer(Range),
    /// A number, or a text that reads as one; kept as Go keeps it, in 32 bits.
    Float,
    /// `all`, or how many.
    Count,
    /// The bits of a file's permissions; in a text they are octal.
    Mode,
    /// True or false, or a text that reads as one.
    Boolean,
    /// True or false.
    StrictBoolean,
    /// Whether something is made elsewhere: true, false, or in an older form how it is called there.
    External,
    /// A command: a list of texts, or one text that is split into words. Replaced as a whole.
    Words,
    /// A health check's test: a list of texts, or one text for the shell. Replaced as a whole.
    Test,
    /// `KEY: VALUE`, or a list of `KEY=VALUE` where that is allowed; becomes a mapping to texts.
    Pairs(Pairs),
    /// A mapping from names to one or several texts.
    MultiOptions,
    /// Names of hosts with their addresses; becomes a list of `HOST=ADDRESS`.
    Hosts,
    /// A list of texts.
    Names(Names),
    /// A mapping of known keys.
    Object(&'static Object),
    /// The same, or a text that stands for one.
    ObjectOrText(&'static Object, fn(&str, Place) -> Map),
    /// The same, or a whole number that stands for itself. Replaced as a whole.
    ObjectOrNumber(&'static Object),
    /// A mapping of known keys; when `driver` differs, the later one replaces the earlier.
    Driven(&'static Object),
    /// A list of mappings, each of which may have a short form.
    Items(&'static Items),
    /// A mapping from names to mappings, or a list of the names alone.
    Table(&'static Table),
    /// A mapping from names that the user chooses to mappings.
    Named(&'static Table),
    /// Whatever the user likes: `x-` keys.
    Anything,
    /// Accepted and without meaning.
    Ignored,
}

/// A mapping of known keys.
pub(crate) struct Object {
    /// What it describes, in words: `a service`.
    pub(crate) what: &'static str,
    /// Its attributes, in the order in which they are printed.
    pub(crate) keys: &'static [Field],
    /// Keys that must be there once all files are merged.
    pub(crate) required: &'static [&'static str],
    /// What becomes of the user's own keys, `x-…`.
    pub(crate) own: Own,
}

/// What becomes of the user's own keys in a mapping.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// They are kept and printed.
    Kept,
    /// They are read and forgotten, as in Docker Compose.
    Dropped,
    /// There cannot be any.
    None,
    /// There can be, and any other key too.
    Any,
}

impl Object {
    /// The row of `key`.
    pub(crate) fn field(&self, key: &str) -> Option<&'static Field> {
        self.keys.iter().find(|field| field.key == key)
    }

    /// The shape of `key`; other `x-` keys than Tercio's own hold anything.
    pub(crate) fn shape(&self, key: &str) -> Option<&'static Shape> {
        if let Some(field) = self.field(key) {
            return Some(&field.shape);
        }
        let free = match self.own {
            Own::Kept | Own::Dropped => key.starts_with("x-"),
            Own::Any => true,
            Own::None => false,
        };
        free.then_some(&Shape::Anything)
    }
}

/// A list of mappings.
pub(crate) struct Items {
    /// One item in full.
    pub(crate) object: &'static Object,
    /// Reads the short form, where there is one; a list, because ranges of ports stand for several.
    pub(crate) expand: Option<Expand>,
    /// Items of equal identity are the same item: a later one replaces an earlier one. Without it all
    /// are kept.
    pub(crate) identity: Option<fn(&Map) -> String>,
    /// Whether a whole number is a short form too: `80`.
    pub(crate) numbers: bool,
    /// Whether a single short form may stand without the list: `env_file: a.env`.
    pub(crate) lone: bool,
    /// What whoever acts says to two items of equal identity in one file.
    pub(crate) twice: Option<CodeInfo>,
}

/// Reads a short form.
pub(crate) type Expand = fn(&mut Expansion<'_>, &str) -> Vec<Map>;

impl Items {
    /// A list of mappings in full, all of which are kept.
    pub(crate) const fn of(object: &'static Object) -> Self {
        Self {
            object,
            expand: None,
            identity: None,
            numbers: false,
            lone: false,
            twice: None,
        }
    }
}

/// Where a short form is read, and where its faults go.
pub(crate) struct Expansion<'a> {
    pub(crate) place: Place,
    pub(crate) trail: &'a Trail<'a>,
    pub(crate) sink: &'a mut Sink,
}

/// A mapping by name.
pub(crate) struct Table {
    /// What may stand under a name.
    pub(crate) entry: Shape,
    /// Whether a name may stand without a value.
    pub(crate) bare: bool,
    /// What a name in a list stands for.
    pub(crate) listed: fn(Place) -> crate::yaml::Value,
    /// Whether only letters, digits, `.`, `_` and `-` make a name.
    pub(crate) plain_names: bool,
}

/// Reports an unquoted date: YAML makes it a point in time, which no attribute takes.
fn refuse_date(date: &str, place: Place, trail: &Trail<'_>, sink: &mut Sink) {
    let message = format!("{trail} is a date, which YAML reads as a point in time");
    let help = format!("put it in quotes: \"{date}\"");
    sink.add(Finding::error(codes::UNQUOTED_DATE, place, message).help(help));
}
