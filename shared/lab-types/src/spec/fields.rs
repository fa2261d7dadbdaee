//! Which field of a spec goes where in the engine's API, and which version of it that needs: one table
//! for the adapter's tests, for whoever chooses a node, and for the page `ops/docs/containers.md`.

mod table;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::TaskSpec;
use crate::engine::ApiVersion;
use crate::status::{EngineFacts, NodeFacts};

pub use table::ENGINE_FIELDS;

/// The parts of a spec that a plan names as a whole, whatever differs in them.
const NAMED_WHOLE: &[&str] = &[
    "image",
    "image_id",
    "command",
    "entrypoint",
    "environment",
    "labels",
    "ports",
    "stop_grace",
    "healthcheck",
    "mounts",
    "networks",
];

/// One attribute of a container on its way to the engine.
#[derive(Clone, Copy, Debug)]
pub struct EngineField {
    /// What a Compose file calls it, below the service.
    pub compose: &'static str,
    /// Where a [`TaskSpec`] has it, as a path in its JSON. `[]` is any entry of a list, `[+]` any but the
    /// first, `*` any entry of a map; `=` follows what it says there.
    pub model: &'static str,
    /// Where the body of `POST /containers/create` has it, as such a path; where that depends on the rest
    /// of the spec, the paths with `or` between them. Source: Docker Engine API.
    pub engine: &'static str,
    /// From when on an engine heeds it; an older one drops it without a word.
    pub needs: Needs,
}

/// From when on an engine heeds a field.
#[derive(Clone, Copy, Debug)]
pub enum Needs {
    /// Every engine that an agent works with does ([`ApiVersion::MIN`]).
    Nothing,
    /// Only one that speaks a newer API. Source: "Engine API version history" of Docker's documentation.
    Since {
        /// The first version.
        api: ApiVersion,
        /// Whether a spec uses the field.
        used_by: fn(&TaskSpec) -> bool,
    },
}

const fn field(compose: &'static str, model: &'static str, engine: &'static str) -> EngineField {
    EngineField {
        compose,
        model,
        engine,
        needs: Needs::Nothing,
    }
}

impl EngineField {
    const fn since(self, minor: u16, used_by: fn(&TaskSpec) -> bool) -> Self {
        let api = ApiVersion::new(1, minor);
        Self {
            needs: Needs::Since { api, used_by },
            ..self
        }
    }
}

impl TaskSpec {
    /// What it asks for that an engine speaking `api` would drop without a word, with the version each
    /// needs.
    pub fn asks_too_much_of(
        &self,
        api: ApiVersion,
    ) -> impl Iterator<Item = (&'static EngineField, ApiVersion)> + '_ {
        ENGINE_FIELDS.iter().filter_map(move |row| match row.needs {
            Needs::Since {
                api: since,
                used_by,
            } if since > api && used_by(self) => Some((row, since)),
            Needs::Since { .. } | Needs::Nothing => None,
        })
    }

    /// The oldest version of the API with which an engine can run it as it asks.
    #[must_use]
    pub fn needs_api(&self) -> ApiVersion {
        let newer = self.asks_too_much_of(ApiVersion::MIN);
        newer.map(|(_, api)| api).max().unwrap_or(ApiVersion::MIN)
    }

    /// Whether the engine of a node of these facts can do all that it asks, as far as is known.
    #[must_use]
    pub fn suits_engine_of(&self, facts: &NodeFacts) -> bool {
        let api = facts.engine.as_ref().and_then(EngineFacts::api);
        api.is_none_or(|api| self.asks_too_much_of(api).next().is_none())
    }

    /// What it asks for that this engine cannot do, in words for the end of a sentence.
    #[must_use]
    pub fn too_new_for(&self, engine: &EngineFacts) -> Option<String> {
        let asked: Vec<String> = self
            .asks_too_much_of(engine.api()?)
            .map(|(field, api)| match api.release() {
                Some(release) => format!("`{}` needs API {api} (Docker {release})", field.compose),
                None => format!("`{}` needs API {api}", field.compose),
            })
            .collect();
        let words = format!(
            "Docker Engine {} (API {}) is too old for what the service asks: {}",
            engine.version,
            engine.api_version,
            asked.join(", ")
        );
        (!asked.is_empty()).then_some(words)
    }

    /// The attributes, as a Compose file calls them, in which the settings of two specs differ: all that
    /// is for the engine besides image, command, environment, labels, ports, mounts, networks and health.
    #[must_use]
    pub fn differing_settings(&self, other: &Self) -> Vec<&'static str> {
        let json = |spec: &Self| {
            serde_json::to_value(spec).expect("invariant: a task spec is a JSON object")
        };
        let (one, two) = (json(self), json(other));
        let mut last = "";
        let rows = ENGINE_FIELDS.iter().filter(|row| {
            let head = row.model.split(['.', '[']).next().unwrap_or_default();
            // One field may have two names; the first is enough.
            let again = std::mem::replace(&mut last, row.model) == row.model;
            !again && !NAMED_WHOLE.contains(&head)
        });
        rows.filter(|row| values_at(&one, row.model) != values_at(&two, row.model))
            .map(|row| row.compose)
            .collect()
    }
}

/// What is at a path such as those of an [`EngineField`]; nothing where the path leads nowhere.
#[must_use]
pub fn values_at<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let (path, wanted) = match path.split_once('=') {
        Some((path, wanted)) => (path, Some(wanted)),
        None => (path, None),
    };
    let mut found = vec![value];
    for step in path.split('.') {
        let (name, entries) = match step.split_once('[') {
            Some((name, entries)) => (name, Some(entries)),
            None => (step, None),
        };
        found = match name {
            "*" => found
                .into_iter()
                .filter_map(Value::as_object)
                .flat_map(|map| map.values())
                .collect(),
            name => found
                .into_iter()
                .filter_map(|value| value.get(name))
                .collect(),
        };
        if let Some(entries) = entries {
            let skipped = usize::from(entries == "+]");
            let lists = found.into_iter().filter_map(Value::as_array);
            found = lists.flat_map(|list| list.iter().skip(skipped)).collect();
        }
    }
    found.retain(|value| wanted.is_none_or(|wanted| value.as_str() == Some(wanted)));
    found
}
