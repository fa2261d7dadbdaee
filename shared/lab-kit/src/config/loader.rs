//! Merges the sources and refuses what does not fit, all of it at once.

use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::Serialized;
use figment::{Figment, Profile};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Validate;
use super::layer::{Layer, get, keys, misspelt_prefixes, remove};
use super::problem::{ConfigProblem, Error, Source};
use super::suggest::{nearest_key, nearest_word};
use crate::paths;

/// Loads the configuration of one service.
///
/// ```text
/// let config: Config = Loader::new("node-agent").file(args.config).flags(&args.flags).load()?;
/// ```
pub struct Loader {
    service: String,
    explicit_file: Option<PathBuf>,
    usual_file: PathBuf,
    environment: Option<Vec<(String, String)>>,
    flags: Option<Layer>,
}

impl Loader {
    /// For the service of this name, as in `node-agent`: it gives the file's name and, in capitals
    /// with `_` for `-`, the prefix of the variables.
    #[must_use]
    pub fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            explicit_file: None,
            usual_file: paths::system_config_file(service),
            environment: None,
            flags: None,
        }
    }

    /// Reads this file, which must exist, in place of `/etc/tercio/<service>.toml`, which need not.
    #[must_use]
    pub fn file(mut self, path: Option<PathBuf>) -> Self {
        self.explicit_file = path;
        self
    }

    /// Reads `path` if it exists, in place of `/etc/tercio/<service>.toml`.
    #[must_use]
    pub fn usual_file(mut self, path: PathBuf) -> Self {
        self.usual_file = path;
        self
    }

    /// Takes these variables for the process's own.
    #[must_use]
    pub fn environment(mut self, variables: Vec<(String, String)>) -> Self {
        self.environment = Some(variables);
        self
    }

    /// Lets the command line win: a struct of options, nested like the configuration, in which
    /// `None` means not given.
    #[must_use]
    pub fn flags<F: Serialize>(mut self, flags: &F) -> Self {
        self.flags = Some(Layer::command_line(flags));
        self
    }

    /// Merges, checks and validates.
    ///
    /// # Errors
    /// [`Error`] with every problem of every source.
    pub fn load<T>(self) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + Default + Validate,
    {
        let defaults = Layer::defaults(&T::default());
        let mut check = Check {
            known: keys(&defaults.values),
            layers: vec![defaults],
            prefix: self.prefix(),
            problems: Vec::new(),
        };
        self.read_sources(&mut check);
        let config = check.extract::<T>();
        if let Some(config) = &config {
            check.validate(config);
        }
        check.problems.sort_by(|a, b| a.source.cmp(&b.source));
        match config {
            Some(config) if check.problems.is_empty() => Ok(config),
            Some(_) | None => Err(Error {
                service: self.service,
                problems: check.problems,
            }),
        }
    }

    /// What the names of the service's variables begin with.
    fn prefix(&self) -> String {
        let service = self.service.to_ascii_uppercase().replace('-', "_");
        format!("TERCIO_{service}__")
    }

    fn read_sources(&self, check: &mut Check) {
        let file = match &self.explicit_file {
            Some(path) => read(path, Absence::IsAProblem),
            None => read(&self.usual_file, Absence::IsFine),
        };
        match file {
            Ok(layer) => check.layers.extend(layer),
            Err(problem) => check.problems.push(*problem),
        }
        let variables = self
            .environment
            .clone()
            .unwrap_or_else(|| lossy(std::env::vars_os()));
        let pairs = variables
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        let layer = Layer::environment(&check.prefix, pairs.clone());
        check.layers.push(layer);
        check.problems.extend(misspelt_prefixes(
            &self.service,
            pairs.map(|(name, _)| name),
        ));
        if let Some(flags) = &self.flags {
            check.layers.push(flags.clone());
        }
    }
}

fn lossy(variables: std::env::VarsOs) -> Vec<(String, String)> {
    variables
        .map(|(name, text)| {
            let text = text.to_string_lossy().into_owned();
            (name.to_string_lossy().into_owned(), text)
        })
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Absence {
    IsAProblem,
    IsFine,
}

fn read(path: &Path, absence: Absence) -> Result<Option<Layer>, Box<ConfigProblem>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Layer::file(path, &text).map(Some),
        Err(error)
            if absence == Absence::IsFine && error.kind() == std::io::ErrorKind::NotFound =>
        {
            Ok(None)
        }
        Err(error) => {
            let path = path.to_owned();
            let problem = ConfigProblem::new("KIT0002", "", format!("cannot be read: {error}"));
            Err(Box::new(problem.set_by(Source::File { path, place: None })))
        }
    }
}

/// The sources, and what has been found wrong with them.
struct Check {
    layers: Vec<Layer>,
    /// Every key that has a default.
    known: Vec<Vec<String>>,
    /// What the names of the service's variables begin with.
    prefix: String,
    problems: Vec<ConfigProblem>,
}

impl Check {
    /// Serde stops at the first mistake. So each one is noted and taken out of its source, until the
    /// rest fits: that way all are found, whatever the type.
    fn extract<T: DeserializeOwned>(&mut self) -> Option<T> {
        loop {
            let mut merged = Figment::new();
            for layer in &self.layers {
                merged = merged.merge(Serialized::from(&layer.values, Profile::Default));
            }
            let error = match merged.extract::<T>() {
                Ok(config) => return Some(config),
                Err(error) => error,
            };
            if !self.note(&error) {
                return None;
            }
        }
    }

    /// Notes a mistake and takes it out; whether there was something to take out.
    fn note(&mut self, error: &figment::Error) -> bool {
        let Some((layer, depth)) = self.origin(&error.path) else {
            let problem = self.describe(&error.path, &error.kind, &Source::Default);
            self.problems.push(problem);
            return false;
        };
        let path = &error.path[..depth];
        if self.layers[layer].take_as_text(path) {
            return true;
        }
        let source = self.layers[layer].source(path);
        let problem = self.describe(&error.path, &error.kind, &source);
        self.problems.push(problem.set_by(source));
        if matches!(error.kind, Kind::MissingField(_)) {
            for layer in &mut self.layers {
                remove(&mut layer.values, path);
            }
        } else {
            remove(&mut self.layers[layer].values, path);
        }
        true
    }

    /// The topmost source that sets `path`, or what is nearest above it, and how much of it.
    fn origin(&self, path: &[String]) -> Option<(usize, usize)> {
        (1..=path.len()).rev().find_map(|depth| {
            let sets = |layer: &Layer| get(&layer.values, &path[..depth]).is_some();
            Some((self.layers.iter().rposition(sets)?, depth))
        })
    }

    fn describe(&self, path: &[String], kind: &Kind, source: &Source) -> ConfigProblem {
        let key = path.join(".");
        match kind {
            Kind::UnknownField(_, expected) => self.describe_unknown(path, expected, source),
            Kind::UnknownVariant(found, expected) => {
                let list = quoted(expected);
                let problem =
                    ConfigProblem::new("KIT0005", key, format!("{found:?} is not one of {list}"));
                match nearest_word(found, expected) {
                    Some(meant) => problem.help(format!("did you mean {meant:?}?")),
                    None => problem,
                }
            }
            Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
                let message = format!("expected {expected}, found {found}");
                ConfigProblem::new("KIT0005", key, message)
            }
            Kind::MissingField(name) => {
                let problem = ConfigProblem::new("KIT0006", name.as_ref(), "is not set");
                match key.is_empty() {
                    true => problem,
                    false => problem.under(&key),
                }
            }
            other => ConfigProblem::new("KIT0005", key, other.to_string()),
        }
    }

    fn describe_unknown(
        &self,
        path: &[String],
        expected: &[&str],
        source: &Source,
    ) -> ConfigProblem {
        let problem = ConfigProblem::new("KIT0004", path.join("."), "is not a known key");
        let section = &path[..path.len().saturating_sub(1)];
        let siblings = expected
            .iter()
            .map(|name| [section, &[(*name).to_owned()]].concat());
        let known: Vec<_> = self.known.iter().cloned().chain(siblings).collect();
        match nearest_key(path, &known) {
            Some(meant) => {
                let meant = match source {
                    Source::Environment(_) => {
                        format!("{}{}", self.prefix, meant.join("__").to_ascii_uppercase())
                    }
                    Source::Default | Source::File { .. } | Source::CommandLine => meant.join("."),
                };
                problem.help(format!("did you mean {meant}?"))
            }
            None if expected.is_empty() => problem.help("there are no keys here"),
            None => problem.help(format!("known here: {}", expected.join(", "))),
        }
    }

    /// Adds what the configuration itself finds wrong, unless the key is known to be wrong already:
    /// its default stands in for it then.
    fn validate<T: Validate>(&mut self, config: &T) {
        let is_new = |problem: &ConfigProblem, known: &[ConfigProblem]| {
            !known.iter().any(|other| other.key == problem.key)
        };
        for problem in config.problems() {
            if is_new(&problem, &self.problems) {
                let path: Vec<String> = problem.key.split('.').map(str::to_owned).collect();
                let problem = match self.origin(&path) {
                    Some((layer, depth)) => {
                        problem.set_by(self.layers[layer].source(&path[..depth]))
                    }
                    None => problem,
                };
                self.problems.push(problem);
            }
        }
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
    quoted.join(", ")
}
