//! What may stand where: Compose's attributes as data.
//!
//! One table per kind of mapping. Everything general is done by walking these tables: unknown and
//! unsupported keys, types, short forms ([`canonical`]), merging of files ([`merge`]), missing
//! values ([`complete`]). A further attribute is a row here and a field in the decoder.

pub(crate) mod canonical;
pub(crate) mod complete;
mod file;
pub(crate) mod merge;
mod pairs;
mod service;
mod short;

pub(crate) use file::FILE;

use crate::codes::{self, CodeInfo};
use crate::sink::{Finding, Place, Sink};
use crate::trail::Trail;
use crate::yaml::Map;

/// The grammar of one value.
pub(crate) enum Shape {
    /// A text.
    Text,
    /// A text; a whole number becomes one.
    TextOrNumber,
    /// A text such as `1m30s`.
    Duration,
    /// A whole number, or a text that reads as one.
    Integer,
    /// True or false, or a text that reads as one.
    Boolean,
    /// A command: a list of texts, or one text that is split into words. Replaced as a whole.
    Words,
    /// A health check's test: a list of texts, or one text for the shell. Replaced as a whole.
    Test,
    /// `KEY: VALUE` or a list of `KEY=VALUE`; becomes a mapping to texts.
    Pairs(Bare),
    /// A list of texts, each kept once.
    Names,
    /// A mapping of known keys.
    Object(&'static Object),
    /// The same, or a text that stands for one.
    ObjectOrText(&'static Object, fn(&str, Place) -> Map),
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

/// What a key without a value means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bare {
    /// The value comes from the project's environment, if it is set there.
    FromEnvironment,
    /// The value is empty.
    Empty,
}

/// A mapping of known keys.
pub(crate) struct Object {
    /// What it describes, in words: `a service`.
    pub(crate) what: &'static str,
    /// Keys that are understood.
    pub(crate) keys: &'static [(&'static str, Shape)],
    /// Keys of Compose that are not supported yet.
    pub(crate) later: &'static [&'static str],
    /// Keys that must be there once all files are merged.
    pub(crate) required: &'static [&'static str],
}

impl Object {
    /// The shape of `key`; other `x-` keys than Tercio's own hold anything.
    pub(crate) fn shape(&self, key: &str) -> Option<&'static Shape> {
        let known = self.keys.iter().find(|(name, _)| *name == key);
        let known = known.map(|(_, shape)| shape);
        known.or_else(|| key.starts_with("x-").then_some(&Shape::Anything))
    }
}

/// A list of mappings.
pub(crate) struct Items {
    /// One item in full.
    pub(crate) object: &'static Object,
    /// Reads the short form; a list, because ranges of ports stand for several.
    pub(crate) expand: fn(&mut Expansion<'_>, &str) -> Vec<Map>,
    /// Items of equal identity are the same item: a later file replaces an earlier one's.
    pub(crate) identity: fn(&Map) -> String,
    /// Whether a whole number is a short form too: `80`.
    pub(crate) numbers: bool,
    /// Whether a single short form may stand without the list: `env_file: a.env`.
    pub(crate) lone: bool,
    /// What two items of equal identity in one file are: nothing to speak of, or an error.
    pub(crate) twice: Option<CodeInfo>,
}

/// Where a short form is read, and where its faults go.
pub(crate) struct Expansion<'a> {
    pub(crate) place: Place,
    pub(crate) trail: &'a Trail<'a>,
    pub(crate) sink: &'a mut Sink,
}

/// A mapping by name.
pub(crate) struct Table {
    /// One entry in full.
    pub(crate) object: &'static Object,
    /// Whether a name may stand without a value.
    pub(crate) bare: bool,
    /// What a name in a list stands for.
    pub(crate) listed: fn(Place) -> crate::yaml::Value,
}

/// Reports an unquoted date: YAML makes it a point in time, which no attribute takes.
fn refuse_date(date: &str, place: Place, trail: &Trail<'_>, sink: &mut Sink) {
    let message = format!("{trail} is a date, which YAML reads as a point in time");
    let help = format!("put it in quotes: \"{date}\"");
    sink.add(Finding::error(codes::UNQUOTED_DATE, place, message).help(help));
}
