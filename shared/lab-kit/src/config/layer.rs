//! One source of values, and how a value finds back to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Profile};
use serde::Serialize;

use super::locate::{Places, line_and_column, places};
use super::problem::{ConfigProblem, Source};
use super::redacted::REDACTED;
use super::suggest;

/// One source of values. Later layers win.
#[derive(Clone)]
pub(super) struct Layer {
    pub(super) values: Dict,
    origin: Origin,
}

#[derive(Clone)]
enum Origin {
    Defaults,
    File { path: PathBuf, places: Places },
    Environment(BTreeMap<Vec<String>, Variable>),
    CommandLine,
}

#[derive(Clone)]
struct Variable {
    name: String,
    text: String,
}

impl Layer {
    /// What holds when nothing is set.
    pub(super) fn defaults<T: Serialize>(config: &T) -> Self {
        Self {
            values: set_values(config),
            origin: Origin::Defaults,
        }
    }

    /// What the command line sets: a struct of options, where nothing means not given.
    pub(super) fn command_line<T: Serialize>(flags: &T) -> Self {
        Self {
            values: set_values(flags),
            origin: Origin::CommandLine,
        }
    }

    /// What the TOML `text` of the file `path` sets.
    pub(super) fn file(path: &Path, text: &str) -> Result<Self, Box<ConfigProblem>> {
        // Parsed here first, because figment keeps no place of a mistake.
        if let Err(error) = text.parse::<toml::Table>() {
            let place = error.span().map(|span| line_and_column(text, span.start));
            let path = path.to_owned();
            let problem =
                ConfigProblem::new("KIT0003", "", error.message().trim().replace('\n', ", "));
            return Err(Box::new(problem.set_by(Source::File { path, place })));
        }
        Ok(Self {
            values: Figment::from(Toml::string(text))
                .extract()
                .unwrap_or_default(),
            origin: Origin::File {
                path: path.to_owned(),
                places: places(text),
            },
        })
    }

    /// What the variables `<prefix>SECTION__KEY` set.
    pub(super) fn environment<'a>(
        prefix: &str,
        variables: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut layer = Self {
            values: Dict::new(),
            origin: Origin::Environment(BTreeMap::new()),
        };
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix(prefix) else {
                continue;
            };
            let path: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
            let Ok(value) = text.parse::<Value>();
            insert(&mut layer.values, &path, value);
            if let Origin::Environment(variables) = &mut layer.origin {
                let (name, text) = (name.to_owned(), text.to_owned());
                variables.insert(path, Variable { name, text });
            }
        }
        layer
    }

    /// Who set the value at `path`.
    pub(super) fn source(&self, path: &[String]) -> Source {
        match &self.origin {
            Origin::Defaults => Source::Default,
            Origin::CommandLine => Source::CommandLine,
            Origin::File { path: file, places } => Source::File {
                path: file.clone(),
                place: prefixes(path).find_map(|path| places.get(path).copied()),
            },
            Origin::Environment(variables) => {
                let set = prefixes(path).find_map(|path| variables.get(path));
                let below = || variables.iter().find(|(at, _)| at.starts_with(path));
                let variable = set.or_else(|| below().map(|(_, variable)| variable));
                Source::Environment(variable.map_or_else(String::new, |v| v.name.clone()))
            }
        }
    }

    /// Takes the variable behind `path` as the text it is, where it was read as a number or a truth
    /// value before; whether that changed something.
    pub(super) fn take_as_text(&mut self, path: &[String]) -> bool {
        let Origin::Environment(variables) = &self.origin else {
            return false;
        };
        let (Some(variable), Some(value)) = (variables.get(path), get(&self.values, path)) else {
            return false;
        };
        let is_text_already = matches!(
            value,
            Value::String(..) | Value::Dict(..) | Value::Array(..)
        );
        if !is_text_already {
            let text = Value::from(variable.text.clone());
            insert(&mut self.values, path, text);
        }
        !is_text_already
    }
}

/// Problems of variables that are near the prefix of a service and miss it.
pub(super) fn misspelt_prefixes<'a>(
    service: &'a str,
    names: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = ConfigProblem> {
    let own = service.to_ascii_uppercase().replace('-', "_");
    names.filter_map(move |name| {
        let rest = name.strip_prefix("TERCIO_")?;
        let meant = match (rest.split_once("__"), rest.strip_prefix(&own)) {
            (Some((part, _)), _) if part == own => return None,
            // One underscore after the service where two are needed.
            (_, Some(key)) if key.starts_with('_') => {
                format!("TERCIO_{own}__{}", key.trim_start_matches('_'))
            }
            (Some((part, key)), _) if suggest::distance(part, &own) <= 2 => {
                format!("TERCIO_{own}__{key}")
            }
            (Some(_) | None, _) => return None,
        };
        let message = format!("{name} is not a variable of any service");
        let problem = ConfigProblem::new("KIT0008", "", message);
        let problem = problem.set_by(Source::Environment(name.to_owned()));
        Some(problem.help(format!("did you mean {meant}?")))
    })
}

/// The values that are set and not secret, as a tree.
fn set_values<T: Serialize>(from: &T) -> Dict {
    let whole: Dict = Figment::from(Serialized::from(from, Profile::Default))
        .extract()
        .unwrap_or_default();
    without_unset(whole)
}

/// Leaves out what is not set, and secrets: they serialize to their redacted form, which is no
/// value; `serde(default)` fills them in again.
fn without_unset(dict: Dict) -> Dict {
    dict.into_iter()
        .filter_map(|(key, value)| match value {
            Value::Empty(..) => None,
            Value::String(_, text) if text == REDACTED => None,
            Value::Dict(tag, inner) => Some((key, Value::Dict(tag, without_unset(inner)))),
            other => Some((key, other)),
        })
        .collect()
}

/// `path`, then each shorter one.
fn prefixes(path: &[String]) -> impl Iterator<Item = &[String]> {
    (1..=path.len()).rev().map(|length| &path[..length])
}

pub(super) fn get<'a>(dict: &'a Dict, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = dict.get(first)?;
    match (rest.is_empty(), value) {
        (true, value) => Some(value),
        (false, Value::Dict(_, inner)) => get(inner, rest),
        (false, _) => None,
    }
}

pub(super) fn remove(dict: &mut Dict, path: &[String]) {
    match path {
        [] => {}
        [last] => drop(dict.remove(last)),
        [first, rest @ ..] => {
            if let Some(Value::Dict(_, inner)) = dict.get_mut(first) {
                remove(inner, rest);
            }
        }
    }
}

fn insert(dict: &mut Dict, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => drop(dict.insert(last.clone(), value)),
        [first, rest @ ..] => {
            let slot = dict
                .entry(first.clone())
                .or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = slot {
                return insert(inner, rest, value);
            }
            let mut inner = Dict::new();
            insert(&mut inner, rest, value);
            *slot = Value::from(inner);
        }
    }
}

/// Every key of a tree, sections included.
pub(super) fn keys(dict: &Dict) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (key, value) in dict {
        found.push(vec![key.clone()]);
        if let Value::Dict(_, inner) = value {
            found.extend(
                keys(inner)
                    .into_iter()
                    .map(|below| [vec![key.clone()], below].concat()),
            );
        }
    }
    found
}
