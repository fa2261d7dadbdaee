//! The variables that files may refer to: the caller's over those of `.env`.

use super::Loader;
use crate::codes;
use crate::dotenv;
use crate::path;
use crate::sink::Finding;
use crate::source::EnvMap;

impl Loader<'_> {
    pub(super) fn environment(&mut self, env: &EnvMap) -> EnvMap {
        let switched_off = env
            .get("COMPOSE_DISABLE_ENV_FILE")
            .is_some_and(|value| ["1", "true"].contains(&value.to_ascii_lowercase().as_str()));
        let mut from_files = EnvMap::new();
        if self.options.env_files.is_empty() {
            if !switched_off {
                self.read_env_file(".env", false, env, &mut from_files);
            }
        } else {
            for name in &self.options.env_files {
                self.read_env_file(name, true, env, &mut from_files);
            }
        }
        from_files.extend(env.clone());
        from_files
    }

    fn read_env_file(&mut self, name: &str, required: bool, env: &EnvMap, into: &mut EnvMap) {
        let absolute = path::absolute(&self.options.project_dir, name);
        let text = match self.src.read(&absolute) {
            Ok(Some(text)) => text,
            Ok(None) if required => return self.missing(name, &absolute),
            Ok(None) => return,
            Err(unreadable) => {
                let message = unreadable.to_string();
                self.sink
                    .add(Finding::error(codes::FILE_UNREADABLE, None, message));
                return;
            }
        };
        let file = self.sink.add_file(name, &text);
        let lookup = |name: &str| env.get(name).or_else(|| into.get(name)).cloned();
        let (assignments, faults) = dotenv::parse(&text, &lookup, &mut self.budget);
        for fault in faults {
            self.sink.add(fault.finding(file));
        }
        let set = |one: dotenv::Assignment| Some((one.key, one.value?));
        into.extend(assignments.into_iter().filter_map(set));
    }
}
