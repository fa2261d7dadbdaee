//! The canonical form equals that of `docker compose config` 2.40.3, whose output is the expected
//! text of each case in `testdata/config` (made by `testdata/regenerate`).

use crate::support::Files;

struct Case {
    name: &'static str,
    files: Files,
    json: &'static str,
    yaml: &'static str,
}

/// A case with the files beside `compose.yml` and the file laid over it.
macro_rules! case {
    ($name:literal $(, beside $beside:literal)* $(, over $over:literal)?) => {{
        let files = Files::one(include_str!(concat!("../../testdata/config/", $name, "/compose.yml")))
            $(.and($over, include_str!(concat!("../../testdata/config/", $name, "/", $over))))?
            $(.beside($beside, include_str!(concat!("../../testdata/config/", $name, "/", $beside))))*;
        Case {
            name: $name,
            files,
            json: include_str!(concat!("../../testdata/config/", $name, "/expected.json")),
            yaml: include_str!(concat!("../../testdata/config/", $name, "/expected.yaml")),
        }
    }};
}

fn cases() -> Vec<Case> {
    vec![
        case!("anchors"),
        case!("classic"),
        case!("classic-code"),
        case!("depends"),
        case!("documents"),
        case!("environment", beside "a.env", beside "b.env"),
        case!("health"),
        case!("interpolation", beside ".env"),
        case!("merge", beside "a.env", beside "b.env", over "override.yml"),
        case!("misc"),
        case!("networks"),
        case!("ports"),
        case!("scalars"),
        case!("volumes"),
    ]
}

#[test]
fn json_is_docker_composes_byte_for_byte() {
    for case in cases() {
        similar(case.name, &case.files.config().to_json(), case.json);
    }
}

#[test]
fn yaml_is_docker_composes_byte_for_byte() {
    for case in cases() {
        similar(case.name, &case.files.config().to_yaml(), case.yaml);
    }
}

#[test]
fn the_canonical_form_is_read_back_as_itself() {
    for case in cases() {
        let yaml = case.files.config().to_yaml();
        similar(case.name, &Files::one(&yaml).config().to_yaml(), &yaml);
    }
}

#[track_caller]
pub(crate) fn similar(case: &str, ours: &str, theirs: &str) {
    let differing = ours
        .lines()
        .zip(theirs.lines())
        .enumerate()
        .find(|(_, (a, b))| a != b);
    if let Some((number, (a, b))) = differing {
        panic!(
            "{case}, line {}:\n  ours   {a}\n  theirs {b}\n{ours}",
            number + 1
        );
    }
    assert_eq!(ours, theirs, "{case}");
}
