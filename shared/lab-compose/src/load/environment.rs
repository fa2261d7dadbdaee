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
        let here = self.options.current_dir.as_ref();
        let here = here.unwrap_or(&self.options.project_dir).clone();
        let mut from_files = EnvMap::new();
        let named = self.named_env_files(env);
        for name in &named {
            self.read_env_file((&here, name), true, env, &mut from_files);
        }
        if named.is_empty() && !switched_off {
            self.read_env_file((&here, ".env"), false, env, &mut from_files);
            let project_dir = &self.options.project_dir;
            if path::clean(project_dir) != path::clean(&here) {
                // The project's own fills what the current folder's leaves open.
                let mut gaps = EnvMap::new();
                self.read_env_file((project_dir, ".env"), false, env, &mut gaps);
                gaps.append(&mut from_files);
                from_files = gaps;
            }
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

    fn read_env_file(
        &mut self,
        (folder, name): (&str, &str),
        required: bool,
        env: &EnvMap,
        into: &mut EnvMap,
    ) {
        let absolute = path::absolute(folder, name);
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
