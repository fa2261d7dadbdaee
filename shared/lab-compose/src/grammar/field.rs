//! One row of a table: an attribute, how it is printed, and what Tercio does with it.

use super::Shape;

/// An attribute of Compose.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    /// Its key.
    pub(crate) key: &'static str,
    /// What may stand there.
    pub(crate) shape: Shape,
    /// When `config` prints it.
    pub(crate) print: Print,
    /// Its key in JSON, where Docker Compose has another one there.
    pub(crate) json: &'static str,
    /// What Tercio does with it.
    pub(crate) support: Support,
}

/// When `config` prints an attribute: what Docker Compose's own types do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Print {
    /// When it says something: not for an empty text, zero, false, or nothing in a collection.
    Said,
    /// Whenever the file has it.
    Given,
    /// Always, be it with the zero of its kind.
    Always,
    /// Always in JSON; in YAML when there is something in it.
    AlwaysInJson,
    /// Never: Docker Compose reads it and keeps nothing of it.
    Never,
}

/// What Tercio does with an attribute that a service, network or volume has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    /// It acts on it, on one host and on many.
    Applied,
    /// It acts on it; on many hosts that is a constraint or has a limit, in words.
    Constraint(&'static str),
    /// It acts on some values and refuses the others, in words.
    Partly(&'static str),
    /// It is dealt with when the files are read, and nothing of it is left to act on.
    Read,
    /// It changes nothing that runs; `config` prints it.
    Note(&'static str),
    /// Whoever acts refuses the file.
    Refused {
        /// Why, as the end of "refused, because …".
        why: &'static str,
        /// What to do instead, as a sentence without its full stop.
        instead: &'static str,
    },
}

impl Field {
    /// An attribute that is printed when it says something, and refused by whoever acts.
    pub(crate) const fn new(key: &'static str, shape: Shape) -> Self {
        Self {
            key,
            shape,
            print: Print::Said,
            json: key,
            support: Support::Refused {
                why: super::support::NOT_YET,
                instead: "",
            },
        }
    }

    /// The same, printed by another rule.
    pub(crate) const fn print(self, print: Print) -> Self {
        Self { print, ..self }
    }

    /// The same, with another key in JSON.
    pub(crate) const fn json(self, json: &'static str) -> Self {
        Self { json, ..self }
    }

    /// The same, acted on.
    pub(crate) const fn applied(self) -> Self {
        self.support(Support::Applied)
    }

    /// The same, acted on for some of its values.
    pub(crate) const fn partly(self, what: &'static str) -> Self {
        self.support(Support::Partly(what))
    }

    /// The same, refused with a reason and a way out.
    pub(crate) const fn refused(self, why: &'static str, instead: &'static str) -> Self {
        self.support(Support::Refused { why, instead })
    }

    /// The same, with what Tercio does with it.
    pub(crate) const fn support(self, support: Support) -> Self {
        Self { support, ..self }
    }
}
