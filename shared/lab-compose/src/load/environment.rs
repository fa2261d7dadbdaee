//! The variables that files may refer to: the caller's over those of `.env`.

use super::Loader;
use crate::codes;
use crate::dotenv::{self, Lookup};
use crate::path;
use crate::sink::{Finding, Place};
use crate::source::EnvMap;

impl Loader<'_> {
    /// The caller's variables over those of `--env-file`, or of `.env`: first the one of the folder
    /// that the user is in, unless he named the files or the project's folder, then the project's,
    /// which fills what the first leaves open.
    pub(super) fn environment(&mut self, env: &EnvMap) -> EnvMap {
        let switched_off = env
            .get("COMPOSE_DISABLE_ENV_FILE")
            .is_some_and(|value| is_true(value));
        let here = self.current_dir().to_owned();
        let outer = |name: &str| env.get(name).cloned();
        let mut from_files = EnvMap::new();
        let named = self.named_env_files(env);
        for name in &named {
            self.read_env_file((&here, name), Some(None), &outer, &mut from_files);
        }
        if named.is_empty() && !switched_off {
            let project_dir = &self.options.project_dir;
            if !self.options.files_named && path::clean(project_dir) != path::clean(&here) {
                self.read_env_file((&here, ".env"), None, &outer, &mut from_files);
            }
            let first = from_files.clone();
            let outer = |name: &str| env.get(name).or_else(|| first.get(name)).cloned();
            let mut gaps = EnvMap::new();
            self.read_env_file((project_dir, ".env"), None, &outer, &mut gaps);
            gaps.append(&mut from_files);
            from_files = gaps;
        }
        from_files.extend(env.clone());
        from_files
    }

    /// The files of `--env-file`, else those of `COMPOSE_ENV_FILES`, from the folder the user is in.
    fn named_env_files(&self, env: &EnvMap) -> Vec<String> {
        if !self.options.env_files.is_empty() {
            return self.options.env_files.clone();
        }
        let variable = env.get("COMPOSE_ENV_FILES").map_or("", String::as_str);
        let names = variable.split(',').map(str::trim);
        let names = names.filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }

    /// Reads a file of variables into `into`; those of `outer` are known in it. `named` is there when
    /// the file must be, with the place that names it if there is one.
    pub(super) fn read_env_file(
        &mut self,
        (folder, name): (&str, &str),
        named: Option<Option<Place>>,
        outer: &Lookup<'_>,
        into: &mut EnvMap,
    ) {
        let absolute = path::absolute(folder, name);
        let text = match self.src.read(&absolute) {
            Ok(Some(text)) => text,
            Ok(None) => {
                if let Some(place) = named {
                    self.no_env_file(name, &absolute, place);
                }
                return;
            }
            Err(unreadable) => {
                let place = named.flatten();
                let message = unreadable.to_string();
                self.sink
                    .add(Finding::error(codes::FILE_UNREADABLE, place, message));
                return;
            }
        };
        let shown = match named {
            Some(None) => name.to_owned(),
            _ => self.shown(&absolute),
        };
        let file = self.sink.add_file(&shown, &text);
        let lookup = |name: &str| outer(name).or_else(|| into.get(name).cloned());
        let (assignments, faults) = dotenv::parse(&text, &lookup, &mut self.budget);
        for fault in faults {
            self.sink.add(fault.finding(file));
        }
        let set = |one: dotenv::Assignment| Some((one.key, one.value?));
        into.extend(assignments.into_iter().filter_map(set));
    }

    /// A file that is not there although it must be.
    fn no_env_file(&mut self, name: &str, absolute: &str, place: Option<Place>) {
        let message = format!("the environment file {name} does not exist");
        self.sink.add(
            Finding::error(codes::ENV_FILE_MISSING, place, message)
                .help(format!("looked for {absolute}")),
        );
    }
}

/// What Go reads as true.
fn is_true(word: &str) -> bool {
    ["1", "t", "T", "TRUE", "true", "True"].contains(&word)
}
