use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{ENGINE_FIELDS, Needs, values_at};
use crate::engine::ApiVersion;
use crate::spec::TaskSpec;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The spec that says everything, as it is pinned for the wire.
fn everything() -> Value {
    let path = workspace().join("shared/lab-wire/fixtures/spec.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn spec(json: &Value) -> TaskSpec {
    serde_json::from_value(json.clone()).unwrap()
}

/// The spec that says everything, and it without each of its parts.
fn samples() -> Vec<Value> {
    let full = everything();
    let mut samples = vec![full.clone(), serde_json::json!({ "image": "a" })];
    for name in full
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| *name != "image")
    {
        let mut less = full.clone();
        less.as_object_mut().unwrap().remove(name);
        samples.push(less);
    }
    samples
}

#[test]
fn a_row_that_needs_a_newer_engine_knows_exactly_the_specs_that_have_its_field() {
    for row in ENGINE_FIELDS {
        let Needs::Since { used_by, .. } = row.needs else {
            continue;
        };
        for sample in samples() {
            let has = !values_at(&sample, row.model).is_empty();
            // With what becomes of mounts below it, or without: only the former needs more.
            let has = match row.compose.contains("with `recursive`") {
                true => !values_at(&sample, "mounts[].source.options.below").is_empty(),
                false => has,
            };
            assert_eq!(used_by(&spec(&sample)), has, "{}: {sample}", row.model);
        }
    }
}

#[test]
fn what_an_engine_is_too_old_for_is_told_field_by_field() {
    let full = spec(&everything());
    let asked = |minor| -> Vec<String> {
        let found = full.asks_too_much_of(ApiVersion::new(1, minor));
        found
            .map(|(row, api)| format!("{} {api}", row.compose))
            .collect()
    };
    assert_eq!(asked(41).len(), 9, "{:?}", asked(41));
    assert_eq!(
        asked(47),
        [
            "networks.*.mac_address, of a further network 1.54",
            "networks.*.gw_priority 1.48",
            "networks.*.interface_name 1.49",
        ]
    );
    assert_eq!(asked(54), Vec::<String>::new());
    assert_eq!(full.needs_api(), ApiVersion::new(1, 54));
    let least = spec(&serde_json::json!({ "image": "a" }));
    assert_eq!(least.needs_api(), ApiVersion::MIN);
}

#[test]
fn a_plan_names_the_settings_that_differ_as_a_file_does() {
    let full = everything();
    let mut other = full.clone();
    other["process"]["user"] = "0".into();
    other["limits"]["ulimits"]["nofile"]["soft"] = serde_json::json!({ "at_most": 1 });
    other["devices"]["requests"] = serde_json::json!([]);
    other["image"] = "web:2".into();
    let differing = spec(&full).differing_settings(&spec(&other));
    assert_eq!(differing, ["user", "ulimits", "gpus"]);
    assert!(spec(&full).differing_settings(&spec(&full)).is_empty());
}

/// A group that says nothing is not written, nor is a field of one: else a field that comes later would
/// change the digests of specs that do not use it.
#[test]
fn what_says_nothing_is_not_written() {
    let least = serde_json::to_value(spec(&serde_json::json!({ "image": "a" }))).unwrap();
    let names: Vec<&String> = least.as_object().unwrap().keys().collect();
    assert_eq!(names, ["image", "reservation", "restart", "stop_grace"]);
    let empty = serde_json::json!({
        "image": "a", "process": {}, "host_names": {}, "limits": {"block_io": {}}, "security": {},
        "isolation": {}, "devices": {}, "storage": {}, "logging": {}, "annotations": {},
        "network_mode": "networks", "expose": [],
        "mounts": [
            { "source": { "kind": "anonymous", "filling": "from_image", "labels": {} }, "target": "/a" },
            { "source": { "kind": "bind", "path": "/b", "create_host_path": true,
                "options": { "below": "shown" } }, "target": "/b" },
            { "source": { "kind": "volume", "volume": "c", "engine_name": "c", "options": {} },
                "target": "/c" }],
        "networks": [{ "network": "n", "engine_name": "n", "endpoint": {} }],
    });
    let plain = serde_json::json!({
        "image": "a",
        "mounts": [
            { "source": { "kind": "anonymous" }, "target": "/a" },
            { "source": { "kind": "bind", "path": "/b", "create_host_path": true }, "target": "/b" },
            { "source": { "kind": "volume", "volume": "c", "engine_name": "c" }, "target": "/c" }],
        "networks": [{ "network": "n", "engine_name": "n" }],
    });
    assert_eq!(spec(&empty).digest(), spec(&plain).digest());
}

#[test]
fn a_word_that_a_group_does_not_know_is_refused_by_name() {
    for group in [
        "process",
        "host_names",
        "limits",
        "security",
        "isolation",
        "devices",
        "storage",
        "logging",
    ] {
        let text = format!(r#"{{"image":"a","{group}":{{"teleport":1}}}}"#);
        let refused = serde_json::from_str::<TaskSpec>(&text).unwrap_err();
        assert!(refused.to_string().contains("teleport"), "{refused}");
    }
}

const PAGE: &str = "ops/docs/containers.md";
const BEGIN: &str =
    "<!-- made from lab_types::ENGINE_FIELDS by `cargo xtask golden --update` -->\n";
const END: &str = "<!-- end -->\n";

fn table() -> String {
    let mut table = "| in a Compose file | in a `TaskSpec` | in the Engine API | from API |\n\
         |---|---|---|---|\n"
        .to_owned();
    for row in ENGINE_FIELDS {
        let needs = match row.needs {
            Needs::Nothing => String::new(),
            Needs::Since { api, .. } => match api.release() {
                Some(release) => format!("{api} (Docker {release})"),
                None => api.to_string(),
            },
        };
        let engine = row.engine.replace(" or ", "` or `");
        let (compose, model) = (row.compose.replace('`', ""), row.model);
        writeln!(table, "| `{compose}` | `{model}` | `{engine}` | {needs} |").unwrap();
    }
    table
}

#[test]
fn the_page_of_containers_has_the_table_as_it_is() {
    let path = workspace().join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page
        .split_once(BEGIN)
        .expect("the page has the table's begin");
    let (written, tail) = rest.split_once(END).expect("the page has the table's end");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{}{END}{tail}", table())).unwrap();
        return;
    }
    assert!(
        written == table(),
        "{PAGE} is not as the table is: run `cargo xtask golden --update`"
    );
}
