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
mod service;
mod short;
mod support;

pub(crate) use canonical::objects::is_plain;
pub(crate) use field::{Field, Print, Support};
pub(crate) use file::{FILE, pools};
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

/// Which numbers may stand for a size.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// None: it must be a text.
    None,
    /// Whole ones.
    Whole,
}

/// Which whole numbers are allowed.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    /// The least.
    pub(crate) least: i128,
    /// The greatest.
    pub(crate) most: i128,
    /// Whether a fraction is cut off rather than refused.
    pub(crate) cut: bool,
    /// Whether a text that reads as a number is one.
    pub(crate) texts: bool,
}

impl Range {
    /// What fits 64 bits with a sign.
    pub(crate) const SIGNED: Self = Self::from(i64::MIN as i128, i64::MAX as i128);
    /// What fits 63 bits and is not negative.
    pub(crate) const COUNT: Self = Self::from(0, i64::MAX as i128);

    /// From `least` to `most`.
    pub(crate) const fn from(least: i128, most: i128) -> Self {
        Self {
            least,
            most,
            cut: false,
            texts: true,
        }
    }

    /// The same; a text is refused.
    pub(crate) const fn bare(self) -> Self {
        Self {
            texts: false,
            ..self
        }
    }

    /// The same; of a number with a fraction the whole part is taken, as Docker Compose does.
    pub(crate) const fn cut(self) -> Self {
        Self { cut: true, ..self }
    }
}

/// How pairs are written and what they mean.
#[derive(Clone, Copy)]
pub(crate) struct Pairs {
    /// What a key without a value means.
    pub(crate) bare: Bare,
    /// Whether a list of `KEY=VALUE` is allowed too.
    pub(crate) listed: bool,
    /// Whether an entry of the list must have a value.
    pub(crate) valued: bool,
    /// Whether the list must not hold an entry twice.
    pub(crate) unique: bool,
    /// Which values there are besides texts.
    pub(crate) values: Values,
}

/// Which values of pairs become texts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Numbers, truth values, and none.
    All,
    /// Numbers, and none.
    NumbersOrNone,
    /// Numbers.
    Numbers,
    /// Nothing but texts.
    Texts,
}

impl Pairs {
    /// Variables: a key without a value takes that of the environment.
    pub(crate) const VARIABLES: Self = Self {
        bare: Bare::FromEnvironment,
        listed: true,
        valued: false,
        unique: false,
        values: Values::All,
    };
    /// Labels and the like: a key without a value has an empty one.
    pub(crate) const LABELS: Self = Self {
        bare: Bare::Empty,
        ..Self::VARIABLES
    };
    /// Options of drivers: only a mapping.
    pub(crate) const OPTIONS: Self = Self {
        listed: false,
        values: Values::Numbers,
        ..Self::LABELS
    };

    /// The same; no entry of a list may stand there twice.
    pub(crate) const fn unique(self) -> Self {
        Self {
            unique: true,
            ..self
        }
    }

    /// The same with these values.
    pub(crate) const fn of(self, values: Values) -> Self {
        Self { values, ..self }
    }
}

/// What a key without a value means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bare {
    /// The value comes from the project's environment, if it is set there.
    FromEnvironment,
    /// The value is empty.
    Empty,
    /// There is none.
    Absent,
}

/// A list of texts.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    /// Whether one text may stand without the list.
    pub(crate) lone: bool,
    /// Whether whole numbers become texts.
    pub(crate) numbers: bool,
    /// Whether empty ones are left out.
    pub(crate) filled: bool,
    /// What equal ones are.
    pub(crate) same: Same,
}

impl Names {
    /// A list that may hold a text twice.
    pub(crate) const PLAIN: Self = Self {
        lone: false,
        numbers: false,
        filled: false,
        same: Same::Kept,
    };
    /// A list that keeps each once.
    pub(crate) const ONCE: Self = Self {
        same: Same::Replaced,
        ..Self::PLAIN
    };
    /// A list that must not hold a text twice.
    pub(crate) const UNIQUE: Self = Self {
        same: Same::Refused,
        ..Self::PLAIN
    };

    /// The same; one text may stand without the list.
    pub(crate) const fn lone(self) -> Self {
        Self { lone: true, ..self }
    }

    /// The same; empty ones are left out.
    pub(crate) const fn filled(self) -> Self {
        Self {
            filled: true,
            ..self
        }
    }

    /// The same; whole numbers become texts.
    pub(crate) const fn numbers(self) -> Self {
        Self {
            numbers: true,
            ..self
        }
    }
}

/// What equal texts of a list are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Same {
    /// Nothing to speak of.
    Kept,
    /// The same thing: the later one stands where the earlier stood. What stands before a `=` counts.
    Replaced,
    /// An error.
    Refused,
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
