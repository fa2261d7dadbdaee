//! A project in its canonical form: what `config` prints.
//!
//! The form is Docker Compose's: the same keys in the same order, so that tools made for
//! `docker compose config` read ours. It has everything that Compose knows, also what Tercio cannot
//! act on.

mod json;
mod scalar;
mod yaml;

use lab_types::ProjectName;

use crate::grammar::print::{self, Style};
use crate::yaml::{Map, Node};

/// A project as its files have it, made whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Its name.
    pub name: ProjectName,
    root: Map,
}

impl Config {
    pub(crate) fn new(name: ProjectName, mut root: Map) -> Self {
        let text = Node::text(crate::sink::Place::default(), name.as_str());
        root.0.retain(|entry| entry.key != "name");
        root.put("name", text);
        Self { name, root }
    }

    /// The canonical form as JSON, indented by two.
    #[must_use]
    pub fn to_json(&self) -> String {
        escaped(&json::json(&print::file(&self.root, Style::Json)))
    }

    /// The canonical form as YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        escaped(&yaml::yaml(&print::file(&self.root, Style::Yaml)))
    }

    /// The names of its services, sorted.
    #[must_use]
    pub fn services(&self) -> Vec<&str> {
        let services = self.root.map("services").map(|map| map.0.as_slice());
        let entries = services.unwrap_or_default().iter();
        let mut names: Vec<&str> = entries.map(|entry| entry.key.as_str()).collect();
        names.sort_unstable();
        names
    }
}

/// Dollar signs so that they survive being read again.
fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}
