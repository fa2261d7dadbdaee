//! What several files make together: tags, `extends`, `include`, profiles.
//!
//! Where Docker Compose 2.40.3 accepts the files, its output is the expected text, in
//! `testdata/load` (made by `testdata/regenerate`). What is refused is said here.

mod broken;
mod cycles;
mod files;
mod limits;

mod marks;
mod profiles;

use expect_test::Expect;

use crate::support::{Files, similar};

#[track_caller]
fn check(files: &Files, expected: &Expect) {
    expected.assert_eq(&files.findings());
}

struct Case {
    name: &'static str,
    files: Files,
    json: &'static str,
    yaml: &'static str,
}

/// A case with the file laid over `compose.yml` and the files that these point to.
macro_rules! case {
    ($name:literal $(over $over:literal)? $(, $beside:literal)*) => {{
        let files = Files::one(include_str!(concat!("../../testdata/load/", $name, "/compose.yml")))
            $(.and($over, include_str!(concat!("../../testdata/load/", $name, "/", $over))))?
            $(.beside($beside, include_str!(concat!("../../testdata/load/", $name, "/", $beside))))*;
        Case {
            name: $name,
            files,
            json: include_str!(concat!("../../testdata/load/", $name, "/expected.json")),
            yaml: include_str!(concat!("../../testdata/load/", $name, "/expected.yaml")),
        }
    }};
}

fn cases() -> Vec<Case> {
    vec![
        case!("dotenv", ".env", "a.env"),
        case!("env-raw", "later.env", "raw.env"),
        case!(
            "extends",
            ".env",
            "sub/.env",
            "sub/base.yml",
            "sub/one.env",
            "sub/two.env",
            "sub/deeper/top.yml"
        ),
        case!("extends-documents", "base.yml"),
        case!("extends-override" over "override.yml"),
        case!(
            "include",
            ".env",
            "bare.yml",
            "other/a.yml",
            "other/b.yml",
            "other/more.env",
            "other/set.env",
            "sub/.env",
            "sub/a.env",
            "sub/compose.yml",
            "sub/nested/.env",
            "sub/nested/n.yml"
        ),
        case!("label-file", "one.env", "sub/base.yml", "sub/two.env"),
        case!(
            "paths",
            "s/r.labels",
            "s/r.yml",
            "t/base.env",
            "t/base.labels",
            "t/base.yml",
            "t/only.env"
        ),
        case!("profiles" over "override.yml", ".env"),
        case!("tag-documents"),
        case!("tags" over "override.yml"),
    ]
}

#[test]
fn several_files_make_what_docker_compose_makes_of_them() {
    for case in cases() {
        let project = case.files.config();
        similar(case.name, &project.to_json(), case.json);
        similar(case.name, &project.to_yaml(), case.yaml);
    }
}
