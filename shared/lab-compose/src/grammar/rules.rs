//! Rules of single shapes: which numbers, which pairs, which texts.

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
