//! How a command can end other than well.

use lab_types::{Diagnostic, Problem};

/// The exit codes of the command line.
pub mod exit {
    /// Done.
    pub const OK: u8 = 0;
    /// Any error.
    pub const ERROR: u8 = 1;
    /// The command line itself was wrong.
    pub const USAGE: u8 = 2;
    /// `plan --detailed-exitcode`: something would change.
    pub const CHANGES: u8 = 2;
    /// Cancelled by Ctrl-C: 128 and the number of SIGINT, as shells have it.
    pub const CANCELLED: u8 = 130;
}

/// Why a command ended without doing what it was asked for.
#[derive(Debug)]
pub enum Failure {
    /// Something is wrong; a person is told what, where and what next.
    Problem(Box<Problem>),
    /// The Compose files cannot be used; each finding has its place.
    Findings(Vec<Diagnostic>),
    /// The user pressed Ctrl-C; the sentence says what was and was not done.
    Cancelled(String),
    /// Everything has been said already.
    Said,
    /// Nothing went wrong; the code says what was found.
    Exit(u8),
    /// The command line was wrong in a way the parser cannot see.
    Usage(String),
}

impl Failure {
    /// The code the process ends with.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Problem(_) | Self::Findings(_) | Self::Said => exit::ERROR,
            Self::Cancelled(_) => exit::CANCELLED,
            Self::Usage(_) => exit::USAGE,
            Self::Exit(code) => *code,
        }
    }

    /// A problem of the command line's own, with what to do next.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Problem::new(code, message).help(help).into()
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<Box<Problem>> for Failure {
    fn from(problem: Box<Problem>) -> Self {
        Self::Problem(problem)
    }
}

/// Makes a failure of any error that can be told to a person.
pub trait Tell<T> {
    /// The value, or the error as a [`Failure::Problem`].
    ///
    /// # Errors
    /// The error, told.
    fn tell(self) -> Outcome<T>;
}

impl<T, E> Tell<T> for Result<T, E>
where
    for<'a> Problem: From<&'a E>,
{
    fn tell(self) -> Outcome<T> {
        self.map_err(|error| Failure::from(Problem::from(&error)))
    }
}

/// What a command returns.
pub type Outcome<T = ()> = Result<T, Failure>;
