//! Two states of a project beside each other, as text.

use std::collections::BTreeSet;

use lab_types::{ProjectModel, ServiceModel};
use serde::Serialize;
use serde_json::Value;

/// What differs, a line a thing: `+` for what is new, `-` for what went, `~` for what changed, with its
/// fields below.
pub(super) fn told(old: &ProjectModel, new: &ProjectModel) -> String {
    let mut text = String::new();
    let names: BTreeSet<_> = old.services.keys().chain(new.services.keys()).collect();
    for name in names {
        match (old.services.get(name), new.services.get(name)) {
            (Some(_), None) => text.push_str(&format!("- service {name}\n")),
            (None, Some(model)) => {
                text.push_str(&format!("+ service {name} ({})\n", model.task.image))
            }
            (Some(one), Some(other)) if one != other => {
                text.push_str(&format!("~ service {name}\n"));
                text.push_str(&fields(one, other));
            }
            _ => {}
        }
    }
    text.push_str(&named("network", &old.networks, &new.networks));
    text.push_str(&named("volume", &old.volumes, &new.volumes));
    if old.config_files != new.config_files {
        text.push_str(&format!(
            "~ files\n    {} → {}\n",
            old.config_files.join(", "),
            new.config_files.join(", ")
        ));
    }
    match text.is_empty() {
        true => "the two are the same\n".to_owned(),
        false => text,
    }
}

fn named<K: Ord + std::fmt::Display, V: PartialEq>(
    noun: &str,
    old: &std::collections::BTreeMap<K, V>,
    new: &std::collections::BTreeMap<K, V>,
) -> String {
    let names: BTreeSet<&K> = old.keys().chain(new.keys()).collect();
    let line = |name: &K| match (old.get(name), new.get(name)) {
        (Some(_), None) => Some(format!("- {noun} {name}\n")),
        (None, Some(_)) => Some(format!("+ {noun} {name}\n")),
        (one, other) if one != other => Some(format!("~ {noun} {name}\n")),
        _ => None,
    };
    names.into_iter().filter_map(line).collect()
}

/// The fields of a service in which two of its states differ, by their path.
fn fields(old: &ServiceModel, new: &ServiceModel) -> String {
    let mut lines = Vec::new();
    compare("", &value(&old.task), &value(&new.task), &mut lines);
    compare(
        "depends_on",
        &value(&old.depends_on),
        &value(&new.depends_on),
        &mut lines,
    );
    compare(
        "replicas",
        &value(&old.replicas),
        &value(&new.replicas),
        &mut lines,
    );
    lines.concat()
}

fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).expect("invariant: what the lab stores fits JSON")
}

fn compare(path: &str, old: &Value, new: &Value, lines: &mut Vec<String>) {
    if old == new {
        return;
    }
    if let (Value::Object(old), Value::Object(new)) = (old, new) {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let path = match path.is_empty() {
                true => key.clone(),
                false => format!("{path}.{key}"),
            };
            let of =
                |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
            compare(&path, &of(old), &of(new), lines);
        }
        return;
    }
    lines.push(format!("    {path}: {} → {}\n", shown(old), shown(new)));
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;
    use lab_types::{ProjectModel, ProjectName, ServiceModel, ServiceName, TaskSpec};

    use super::told;

    fn model(services: &[(&str, &str, u32)]) -> ProjectModel {
        let service = |(name, image, replicas): &(&str, &str, u32)| {
            let task = TaskSpec {
                image: (*image).to_owned(),
                environment: [("IMAGE".to_owned(), (*image).to_owned())].into(),
                ..TaskSpec::default()
            };
            let model = ServiceModel {
                task,
                replicas: *replicas,
                depends_on: BTreeMap::new(),
            };
            (ServiceName::new(*name).unwrap(), model)
        };
        ProjectModel {
            name: ProjectName::new("shop").unwrap(),
            services: services.iter().map(service).collect(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            working_dir: "/".into(),
            config_files: Vec::new(),
        }
    }

    #[test]
    fn what_came_what_went_and_what_changed_is_told_with_its_values() {
        let old = model(&[("db", "db:1", 1), ("web", "web:1", 1), ("same", "a", 1)]);
        let new = model(&[
            ("cache", "redis:1", 1),
            ("web", "web:2", 3),
            ("same", "a", 1),
        ]);
        expect![[r#"
            + service cache (redis:1)
            - service db
            ~ service web
                environment.IMAGE: web:1 → web:2
                image: web:1 → web:2
                replicas: 1 → 3
        "#]]
        .assert_eq(&told(&old, &new));
        assert_eq!(told(&old, &old), "the two are the same\n");
    }
}
