//! What is wrong with a configuration, and where it was said.

use std::fmt;
use std::path::PathBuf;

use lab_types::{Code, Diagnostic, Location, Problem, Severity};

/// Who set a value, in the order in which problems are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nobody: it is the default.
    Default,
    /// A file; line and column count from 1.
    File {
        /// Which.
        path: PathBuf,
        /// Where in it, if that can be told.
        place: Option<(u32, u32)>,
    },
    /// The variable of this name.
    Environment(String),
    /// The command line.
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the defaults"),
            Self::File { path, place } => {
                write!(f, "{}", path.display())?;
                place.map_or(Ok(()), |(line, column)| write!(f, ":{line}:{column}"))
            }
            Self::Environment(variable) => write!(f, "the environment variable {variable}"),
            Self::CommandLine => f.write_str("the command line"),
        }
    }
}

/// One problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The stable code.
    pub code: &'static str,
    /// The key, with dots between sections; empty when it concerns the whole.
    pub key: String,
    /// Who set it; filled in by the loader.
    pub source: Option<Source>,
    /// What is wrong, a phrase that follows the key: `must be longer than lease.renew`.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl ConfigProblem {
    /// A value of the right form that cannot work; for [`super::Validate`].
    #[must_use]
    pub fn invalid(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("KIT0007", key, message)
    }

    pub(super) fn new(
        code: &'static str,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            key: key.into(),
            source: None,
            message: message.into(),
            help: None,
        }
    }

    /// The same with what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same for a key that lies in `section`.
    #[must_use]
    pub fn under(mut self, section: &str) -> Self {
        self.key = match self.key.is_empty() {
            true => section.to_owned(),
            false => format!("{section}.{}", self.key),
        };
        self
    }

    pub(super) fn set_by(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    fn sentence(&self) -> String {
        match (self.key.is_empty(), &self.source) {
            (true, _) => self.message.clone(),
            (false, Some(Source::Environment(variable))) => {
                format!("{}: {} (set by {variable})", self.key, self.message)
            }
            (false, Some(Source::CommandLine)) => {
                format!("{}: {} (set on the command line)", self.key, self.message)
            }
            (false, Some(Source::File { .. } | Source::Default) | None) => {
                format!("{}: {}", self.key, self.message)
            }
        }
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code)?;
        if let Some(source @ Source::File { .. }) = &self.source {
            write!(f, "{source}: ")?;
        }
        f.write_str(&self.sentence())?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl From<&ConfigProblem> for Diagnostic {
    fn from(problem: &ConfigProblem) -> Self {
        let location = match &problem.source {
            Some(Source::File {
                path,
                place: Some((line, column)),
            }) => Some(Location {
                file: path.display().to_string(),
                line: *line,
                column: *column,
            }),
            Some(_) | None => None,
        };
        Self {
            location,
            severity: Severity::Error,
            code: Code::of(problem.code),
            message: problem.sentence(),
            help: problem.help.clone(),
            source_line: None,
            related: None,
        }
    }
}

/// A configuration that was refused, with every problem it has. Its `Display` is a list of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Whose configuration.
    pub service: String,
    /// At least one: of the file from top to bottom, of the environment, of the command line.
    pub problems: Vec<ConfigProblem>,
}

impl Error {
    fn headline(&self) -> String {
        let count = match self.problems.len() {
            1 => "a problem".to_owned(),
            count => format!("{count} problems"),
        };
        format!("the configuration of {} has {count}", self.service)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Error {}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self::new("KIT0001", error.headline())
            .help("correct every line; --dump-config prints what would be used")
            .diagnostics(error.problems.iter().map(Diagnostic::from).collect())
    }
}
