//! What is wrong with `extends` and `include`, and with the files that they name.

use std::collections::BTreeMap;

use expect_test::expect;
use lab_compose::{EnvMap, LoadOptions, MemorySource, Recording, SourceFile, load};

use super::check;
use crate::support::Files;

#[test]
fn a_service_to_be_extended_must_be_there() {
    check(
        &Files::one(
            "services:\n  web: {image: a}\n  a: {image: a, extends: wbe}\n  b: {image: b, extends: {service: nothing}}\n  c: {image: c, extends: {file: base.yml, service: bsae}}\n  d: {image: d, extends: {file: gone.yml, service: x}}\n  e: {image: e, extends: {file: empty.yml, service: x}}\n",
        )
        .beside("base.yml", "services: {base: {image: b}, more: {image: b}}\n")
        .beside("empty.yml", "networks: {n: }\n"),
        &expect![[r#"
            compose.yml:3:26 CMP0044 services.a extends the service `wbe`, which compose.yml does not define
            compose.yml:4:36 CMP0044 services.b extends the service `nothing`, which compose.yml does not define
            compose.yml:5:52 CMP0044 services.c extends the service `bsae`, which base.yml does not define
            compose.yml:6:33 CMP0043 the file gone.yml that `extends` names does not exist
            compose.yml:7:53 CMP0044 services.e extends the service `x`, which empty.yml does not define
        "#]],
    );
    // In the file of the service alone: another file's is merged later.
    check(
        &Files::one("services: {base: {image: a}}\n")
            .and("over.yml", "services: {w: {image: a, extends: base}}\n"),
        &expect![[r#"
            over.yml:1:35 CMP0044 services.w extends the service `base`, which over.yml does not define
        "#]],
    );
}

#[test]
fn what_extends_may_say() {
    check(
        &Files::one(
            "services:\n  a: {image: a, extends: [x]}\n  b: {image: a, extends: {file: x.yml}}\n  c: {image: a, extends: {service: a, fil: y}}\n  d: {image: a, extends: {service: 1}}\n  e: {image: a, extends: }\n",
        ),
        &expect![[r#"
            compose.yml:2:26 CMP0007 services.a.extends must be a text or a mapping, not a list
            compose.yml:3:26 CMP0035 services.b.extends lacks `service`
            compose.yml:4:39 CMP0005 services.c.extends has no attribute `fil`; it changes nothing
            compose.yml:5:36 CMP0007 services.d.extends.service must be a text, not a number
            compose.yml:6:24 CMP0007 services.e.extends must be a text or a mapping, not nothing
        "#]],
    );
}

#[test]
fn what_include_may_say() {
    check(
        &Files::one("include: a.yml\nservices: {w: {image: a}}\n"),
        &expect![[r#"
            compose.yml:1:10 CMP0007 include must be a list, not a text
        "#]],
    );
    check(
        &Files::one(
            "include:\n  - gone.yml\n  - {path: [a.yml, gone/b.yml]}\n  - {paht: x.yml}\n  - {path: {a: b}}\n  - 1\n  - {path: a.yml, env_file: gone.env}\n  - {path: a.yml, project_directory: 1, env_file: [2]}\n  - https://example.com/x.git\nservices: {w: {image: a}}\n",
        )
        .beside("a.yml", "services: {a: {image: a}}\n"),
        &expect![[r#"
            compose.yml:2:5 CMP0043 the file gone.yml that `include` names does not exist
            compose.yml:3:20 CMP0043 the file gone/b.yml that `include` names does not exist
            compose.yml:4:5 CMP0035 include[2] lacks `path`
            compose.yml:4:6 CMP0005 an entry of `include` has no attribute `paht`; it changes nothing
            compose.yml:5:12 CMP0007 include[3].path must be a text or a list of texts, not a mapping
            compose.yml:6:5 CMP0007 include[4] must be a text or a mapping, not a number
            compose.yml:7:29 CMP0028 the environment file gone.env does not exist
            compose.yml:8:38 CMP0007 include[6].project_directory must be a text, not a number
            compose.yml:8:52 CMP0007 include[6].env_file[0] must be a text, not a number
            compose.yml:9:5 CMP0043 the file https://example.com/x.git that `include` names does not exist
        "#]],
    );
}

#[test]
fn an_included_resource_conflicts_with_another_of_its_name() {
    let files = Files::one(
        "include: [sub/a.yml, sub/b.yml]\nservices:\n  shared: {image: mine}\n  same: {image: same, environment: {A: b}}\nnetworks:\n  net: {labels: {a: b}}\n  equal:\n",
    )
    .beside(
        "sub/a.yml",
        "services:\n  shared: {image: theirs}\n  same: {environment: [A=b], image: same}\n  twice: {image: a}\nnetworks: {net: , equal: }\n",
    )
    .beside("sub/b.yml", "services:\n  twice: {image: b}\n");
    check(
        &files,
        &expect![[r#"
        compose.yml:3:3 CMP0046 services.shared conflicts with imported resource (see sub/a.yml:2:3)
        compose.yml:6:3 CMP0046 networks.net conflicts with imported resource (see sub/a.yml:5:12)
        sub/a.yml:4:3 CMP0046 services.twice conflicts with imported resource (see sub/b.yml:2:3)
    "#]],
    );
}

#[test]
fn what_is_wrong_in_a_file_is_told_once_at_its_place() {
    let files = Files::one("include: [b.yml, c.yml]\nservices: {a: {image: a, extends: {file: e.yml, service: e}}, aa: {image: a, extends: {file: e.yml, service: e}}}\n")
        .beside("b.yml", "include: [sub/d.yml]\n")
        .beside("c.yml", "include: [sub/d.yml]\n")
        .beside("sub/d.yml", "services:\n  d: {image: d, imgae: x}\n")
        .beside("e.yml", "services:\n  e: {image: \"${\", prots: []}\n  other: {nonsense: 1}\n");
    check(
        &files,
        &expect![[r#"
        sub/d.yml:2:17 CMP0005 a service has no attribute `imgae`
        e.yml:2:15 CMP0008 the variable reference in services.e.image cannot be read
        e.yml:2:20 CMP0005 a service has no attribute `prots`
    "#]],
    );
    let files =
        Files::one("include: [b.yml]\nservices: {a: {image: a}}\n").beside("b.yml", "a: [\n");
    check(
        &files,
        &expect![[r#"
        b.yml:1:4 CMP0001 unclosed bracket '['
    "#]],
    );
}

#[test]
fn a_file_of_version_1_is_refused_with_what_to_change() {
    check(
        &Files::one(
            "web:\n  build: .\n  dockerfile: Other\n  net: host\n  links: [db]\ndb:\n  image: db\n  log_driver: json-file\n  log_opt: {max-size: 1m}\nx-note: {image: none}\n",
        ),
        &expect![[r#"
            compose.yml:1:1 CMP0047 the file is in the format of version 1: its services stand at the top level
            compose.yml:3:3 CMP0047 web.dockerfile of version 1 is written `build: {context: …, dockerfile: …}` now
            compose.yml:4:3 CMP0047 web.net of version 1 is written `network_mode: …` now
            compose.yml:8:3 CMP0047 db.log_driver of version 1 is written `logging: {driver: …}` now
            compose.yml:9:3 CMP0047 db.log_opt of version 1 is written `logging: {options: …}` now
        "#]],
    );
    check(
        &Files::one("services: {a: {image: a}}\nweb: {image: b}\n"),
        &expect![[r#"
            compose.yml:2:1 CMP0005 a Compose file has no attribute `web`
        "#]],
    );
}

#[test]
fn a_service_that_was_included_can_be_extended() {
    // The real tool, in version 2.40.3, looks for it before it includes.
    let files =
        Files::one("include: [sub/a.yml]\nservices: {mine: {extends: theirs, command: x}}\n")
            .beside(
                "sub/a.yml",
                "services: {theirs: {image: t, volumes: [\"./x:/x\"]}}\n",
            );
    let yaml = files.config().to_yaml();
    assert_eq!(yaml.matches("source: /srv/demo/sub/x").count(), 2, "{yaml}");
}

#[test]
fn exactly_the_files_that_were_read_are_recorded() {
    let beside = [
        (
            "sub/a.yml",
            "include: [../b.yml]\nservices: {a: {image: a, env_file: e.env}}\n",
        ),
        (
            "b.yml",
            "services: {b: {extends: {file: base/c.yml, service: c}}}\n",
        ),
        (
            "base/c.yml",
            "services: {c: {extends: {file: ../compose.yml, service: own}}}\n",
        ),
        ("sub/.env", "A=1"),
        ("sub/e.env", "E=$A"),
        ("base/.env", "never=read"),
        ("unused.yml", ""),
    ];
    let beside: BTreeMap<String, String> =
        beside.map(|(path, text)| (path.into(), text.into())).into();
    let disk = MemorySource::new("/p", beside);
    let recording = Recording::new(&disk);
    let files = [SourceFile::new(
        "compose.yml",
        "include: [sub/a.yml]\nservices: {own: {image: own}}\n",
    )];
    let options = LoadOptions {
        project_dir: "/p".to_owned(),
        ..LoadOptions::default()
    };
    let here = load(&files, &recording, &EnvMap::new(), &options).to_apply();
    assert!(here.0.is_some(), "{:?}", here.1);
    let sent = recording.into_files();
    let paths: Vec<&str> = sent.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/p/b.yml",
            "/p/base/c.yml",
            "/p/sub/.env",
            "/p/sub/a.yml",
            "/p/sub/e.env"
        ]
    );
    let there = load(
        &files,
        &MemorySource::new("/p", sent),
        &EnvMap::new(),
        &options,
    )
    .to_apply();
    assert_eq!(here, there);
}
