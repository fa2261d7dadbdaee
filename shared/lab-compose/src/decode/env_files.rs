//! `environment` and `env_file`: later files over earlier ones, `environment` over all.

use std::collections::BTreeMap;

use super::{Decoder, boolean, pairs};
use crate::codes;
use crate::dotenv;
use crate::path;
use crate::sink::{FileId, Finding, Place};
use crate::trail::Trail;
use crate::yaml::{Map, Node};

/// A file that has been read; several services may name it.
#[derive(Clone)]
pub(super) struct Loaded {
    file: FileId,
    text: String,
}

impl Decoder<'_> {
    pub(super) fn environment(
        &mut self,
        map: &Map,
        trail: &Trail<'_>,
    ) -> BTreeMap<String, Option<String>> {
        let own = pairs(map, "environment");
        let mut environment = BTreeMap::new();
        let files = map
            .get("env_file")
            .and_then(Node::as_list)
            .unwrap_or_default();
        for file in files.iter().filter_map(Node::as_map) {
            environment.extend(self.env_file(file, &own, trail));
        }
        for (key, value) in own {
            let value = value.or_else(|| self.scope.env.get(&key).cloned());
            environment.insert(key, value);
        }
        environment
    }

    fn env_file(
        &mut self,
        map: &Map,
        own: &BTreeMap<String, Option<String>>,
        trail: &Trail<'_>,
    ) -> BTreeMap<String, Option<String>> {
        let Some((node, name)) = map
            .get("path")
            .and_then(|node| Some((node, node.as_text()?)))
        else {
            return BTreeMap::new();
        };
        let required = boolean(map, "required").unwrap_or(true);
        let Some(loaded) = self.load_env_file(name, node.place, required, trail) else {
            return BTreeMap::new();
        };
        let project = self.scope.env;
        let lookup = |name: &str| {
            let from_project = project.get(name).cloned();
            from_project.or_else(|| own.get(name).cloned().flatten())
        };
        if self.budget.checked_sub(loaded.text.len()).is_none() {
            let message = format!("the environment files of the project are too large: {trail}");
            self.error(codes::TOO_LARGE, node.place, message);
            return BTreeMap::new();
        }
        *self.budget -= loaded.text.len();
        let (assignments, faults) = dotenv::parse(&loaded.text, &lookup, self.budget);
        for fault in faults {
            self.sink.add(fault.finding(loaded.file));
        }
        let full = |one: dotenv::Assignment| {
            // A name without a value comes from the project's environment or not at all.
            let value = one.value.or_else(|| project.get(&one.key).cloned())?;
            Some((one.key, Some(value)))
        };
        assignments.into_iter().filter_map(full).collect()
    }

    fn load_env_file(
        &mut self,
        name: &str,
        place: Place,
        required: bool,
        trail: &Trail<'_>,
    ) -> Option<Loaded> {
        let absolute = path::clean(&self.host_path(name, place));
        if let Some(loaded) = self.env_files.get(&absolute) {
            return Some(loaded.clone());
        }
        match self.scope.src.read(&absolute) {
            Ok(Some(text)) => {
                let file = self.sink.add_file(name, &text);
                let loaded = Loaded { file, text };
                self.env_files.insert(absolute, loaded.clone());
                return Some(loaded);
            }
            Ok(None) if !required => {}
            Ok(None) => {
                let message = format!("the environment file {name} of {trail} does not exist");
                self.sink.add(
                    Finding::error(codes::ENV_FILE_MISSING, place, message).help(format!(
                        "looked for {absolute}; write {{path: {name}, required: false}} if it may be absent"
                    )),
                );
            }
            Err(unreadable) => {
                let message = format!("the environment file of {trail}: {unreadable}");
                self.error(codes::FILE_UNREADABLE, place, message);
            }
        }
        None
    }
}
