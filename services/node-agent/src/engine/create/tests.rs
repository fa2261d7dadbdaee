use std::path::Path;

use expect_test::expect_file;
use lab_converge::CreateContainer;
use lab_types::spec::values_at;
use lab_types::{
    ApiVersion, BindOptions, ENGINE_FIELDS, EngineField, EngineName, MacAddress, Mount,
    MountSource, MountsBelow, SelinuxSharing, TaskId, TaskSpec,
};
use serde_json::Value;

use super::{Error, Kind, endpoint, request};

/// Newer than every field needs.
const NEWEST: ApiVersion = ApiVersion::new(1, 99);

/// The specs that say everything, as they are pinned for the wire: together they use every field.
fn samples() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/lab-wire/fixtures");
    let read = |name| std::fs::read_to_string(folder.join(name)).unwrap();
    let texts = ["spec.json", "spec.host_network.json"].map(read);
    texts
        .map(|text| serde_json::from_str(&text).unwrap())
        .into()
}

fn spec(json: &Value) -> TaskSpec {
    serde_json::from_value(json.clone()).unwrap()
}

fn create(spec: TaskSpec) -> CreateContainer {
    CreateContainer {
        task: TaskId::new("t1").unwrap(),
        name: EngineName::new("shop-web-1").unwrap(),
        image: spec.engine_image().to_owned(),
        digest: spec.digest(),
        labels: spec.labels.clone(),
        spec,
    }
}

/// All that the engine is told of the spec: the body, with the networks that are joined by calls of
/// their own.
fn told(spec: TaskSpec, api: ApiVersion) -> Result<Value, Error> {
    let create = create(spec);
    let mut json = request(&create, api)?.json();
    for joined in create.spec.networks.iter().skip(1) {
        let settings = serde_json::to_value(endpoint(joined)).unwrap();
        json["NetworkingConfig"]["EndpointsConfig"][joined.engine_name.as_str()] = settings;
    }
    Ok(json)
}

#[test]
fn a_spec_that_says_everything_is_told_in_these_words() {
    for (spec_json, file) in samples().iter().zip(["everything", "host_network"]) {
        let json = told(spec(spec_json), NEWEST).unwrap();
        let text = serde_json::to_string_pretty(&json).unwrap() + "\n";
        let path = format!(
            "{}/src/engine/create/testdata/{file}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        expect_file![path].assert_eq(&text);
    }
}

/// A spec that says nothing asks for nothing: what the engine's configuration gives, it gives.
#[test]
fn a_spec_that_names_only_an_image_leaves_all_else_to_the_engine() {
    let least = spec(&serde_json::json!({ "image": "web:1" }));
    let json = told(least, NEWEST).unwrap();
    let expected = serde_json::json!({
        "Image": "web:1",
        "Env": [],
        "Labels": {},
        "ExposedPorts": {},
        "StopTimeout": 10,
        "HostConfig": {
            "Binds": [],
            "Mounts": [],
            "PortBindings": {},
            "RestartPolicy": { "Name": "no" },
        },
    });
    assert_eq!(json, expected);
}

/// The places of a path, as JSON pointers.
fn places(json: &Value, path: &str) -> Vec<String> {
    let (path, wanted) = match path.split_once('=') {
        Some((path, wanted)) => (path, Some(wanted)),
        None => (path, None),
    };
    let mut places = vec![String::new()];
    for step in path.split('.') {
        let (name, entries) = step.split_once('[').unwrap_or((step, ""));
        places = places
            .iter()
            .map(|place| format!("{place}/{name}"))
            .collect();
        if !entries.is_empty() {
            let skipped = usize::from(entries == "+]");
            let entries = |place: &String| {
                let list = json.pointer(place).and_then(Value::as_array);
                let n = list.map_or(0, Vec::len);
                let place = place.clone();
                (skipped..n).map(move |index| format!("{place}/{index}"))
            };
            places = places.iter().flat_map(entries).collect();
        }
    }
    let is_there = |place: &String| {
        let value = json.pointer(place);
        value.is_some_and(|value| wanted.is_none_or(|wanted| value == wanted))
    };
    places.retain(is_there);
    places
}

/// The sample without what is at a place, and with something else there where a spec must have it.
fn altered(sample: &Value, place: &str) -> Option<TaskSpec> {
    let (parent, name) = place.rsplit_once('/')?;
    let mut lacking = sample.clone();
    let object = lacking.pointer_mut(parent)?.as_object_mut()?;
    let old = object.remove(name)?;
    if let Ok(spec) = serde_json::from_value(lacking.clone()) {
        return Some(spec);
    }
    let other = match old {
        Value::String(text) => format!("{text}x").into(),
        Value::Bool(flag) => (!flag).into(),
        // What a health check runs.
        Value::Object(_) => serde_json::json!({ "kind": "disabled" }),
        other => panic!("{place} is {other}: say how to change it"),
    };
    let object = lacking.pointer_mut(parent)?.as_object_mut()?;
    object.insert(name.to_owned(), other);
    serde_json::from_value(lacking).ok()
}

/// Whether the engine is told something else in the row's place when the spec says something else.
fn is_told(row: &EngineField, sample: &Value) -> bool {
    let full = told(spec(sample), NEWEST).unwrap();
    places(sample, row.model).iter().any(|place| {
        let altered = altered(sample, place).map(|spec| told(spec, NEWEST));
        // What is left of a mount may be something that the engine cannot be told.
        let Some(Ok(less)) = altered else {
            return false;
        };
        let mut ends = row.engine.split(" or ");
        ends.any(|end| values_at(&full, end) != values_at(&less, end))
    })
}

#[test]
fn each_row_of_the_table_is_what_the_engine_is_told() {
    let samples = samples();
    for row in ENGINE_FIELDS {
        let told = samples.iter().any(|sample| is_told(row, sample));
        assert!(told, "{} does not reach {}", row.model, row.engine);
    }
}

/// The other way round: what a spec can say stands in the table, or is named here as not the engine's.
#[test]
fn no_field_of_a_spec_is_left_out_of_the_table() {
    const NOT_THE_ENGINES: &[&str] = &["platforms", "restart", "reservation", "exclusive"];
    // They say which of several things is meant, or are keys that only the lab knows.
    const IN_ANOTHERS_ROW: &[&str] = &[
        "mounts[].source.kind",
        "mounts[].source.volume",
        "networks[].network",
    ];
    let rows: Vec<&str> = ENGINE_FIELDS
        .iter()
        .map(|row| row.model.split('=').next().unwrap_or_default())
        .collect();
    for sample in samples() {
        let mut paths = Vec::new();
        collect(&sample, "", &mut paths);
        for path in paths {
            let is_in = |row: &&str| {
                path == **row
                    || path.starts_with(&format!("{row}."))
                    || path.starts_with(&format!("{row}["))
            };
            let known = rows.iter().any(is_in)
                || IN_ANOTHERS_ROW.contains(&path.as_str())
                || NOT_THE_ENGINES.iter().any(is_in);
            assert!(known, "{path} stands in no row");
        }
    }
}

/// The paths of all leaves.
fn collect(value: &Value, path: &str, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let dot = if path.is_empty() { "" } else { "." };
                collect(member, &format!("{path}{dot}{name}"), paths);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, &format!("{path}[]"), paths);
            }
        }
        _ => paths.push(path.to_owned()),
    }
}

#[test]
fn a_hardware_address_is_the_containers_for_an_old_api_and_its_ends_for_a_new_one() {
    let spec = spec(&samples()[0]);
    let mac: MacAddress = "02:42:0a:05:00:09".parse().unwrap();
    let end = "NetworkingConfig.EndpointsConfig.shop_front.MacAddress";
    let old = told(spec.clone(), ApiVersion::new(1, 43)).unwrap();
    assert_eq!(old["MacAddress"], mac.to_string());
    assert!(values_at(&old, end).is_empty(), "{old}");
    let new = told(spec, ApiVersion::new(1, 44)).unwrap();
    assert!(values_at(&new, "MacAddress").is_empty(), "{new}");
    assert_eq!(values_at(&new, end), [&Value::from(mac.to_string())]);
}

#[test]
fn what_neither_notation_of_mounts_can_say_is_refused_in_words() {
    let shared = Some(SelinuxSharing::Shared);
    for (create_host_path, below, path, words) in [
        (true, MountsBelow::Hidden, "/a", "mounts below it"),
        (false, MountsBelow::Shown, "/a", "is not made"),
        (true, MountsBelow::Shown, "/a:b", "colon"),
    ] {
        let source = MountSource::Bind {
            path: path.to_owned(),
            create_host_path,
            options: BindOptions {
                below,
                selinux: shared,
                ..BindOptions::default()
            },
        };
        let mount = Mount {
            source,
            target: "/t".to_owned(),
            read_only: false,
        };
        let spec = TaskSpec {
            mounts: vec![mount],
            ..TaskSpec::default()
        };
        let error = told(spec, NEWEST).unwrap_err();
        assert_eq!(error.kind, Kind::BadSpec);
        assert!(error.message.contains(words), "{error}");
    }
}
