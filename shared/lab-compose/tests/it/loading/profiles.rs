//! Which services take part.

use std::collections::BTreeMap;

use expect_test::expect;
use lab_compose::{EnvMap, LoadOptions, MemorySource, SourceFile, load};

use super::check;
use crate::support::Files;

const FILE: &str = "
services:
  always: {image: a}
  dev: {image: a, profiles: [dev]}
  test: {image: a, profiles: [dev, test]}
  debug: {image: a, profiles: [debug], depends_on: [tools]}
  tools: {image: a, profiles: [tools]}
";

/// The services that take part, and those that do not.
fn chosen(profiles: &[&str], services: &[&str], variable: &str) -> String {
    let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    let options = LoadOptions {
        project_dir: "/p".to_owned(),
        profiles: owned(profiles),
        services: owned(services),
        ..LoadOptions::default()
    };
    let env: EnvMap = BTreeMap::from([("COMPOSE_PROFILES".to_owned(), variable.to_owned())]);
    let files = [SourceFile::new("compose.yml", FILE)];
    let (project, findings) = load(&files, &MemorySource::default(), &env, &options).to_apply();
    let Some(project) = project else {
        return findings
            .iter()
            .map(|one| format!("{}\n", one.message))
            .collect();
    };
    let names = project.services.keys().map(ToString::to_string);
    let aside = project.disabled.iter();
    let aside = aside.map(|(name, profiles)| format!("({name}: {})", profiles.join(" ")));
    names.chain(aside).collect::<Vec<_>>().join(" ")
}

#[test]
fn profiles_are_asked_for_by_option_or_variable_and_the_option_wins() {
    let none = "always (debug: debug) (dev: dev) (test: dev test) (tools: tools)";
    let dev = "always dev test (debug: debug) (tools: tools)";
    assert_eq!(chosen(&[], &[], ""), none);
    assert_eq!(chosen(&["dev"], &[], ""), dev);
    assert_eq!(chosen(&[], &[], " other, dev "), dev);
    let test = "always test (debug: debug) (dev: dev) (tools: tools)";
    assert_eq!(chosen(&["test"], &[], "dev"), test);
    assert_eq!(chosen(&["*"], &[], ""), "always debug dev test tools");
    assert_eq!(chosen(&[], &[], "*"), "always debug dev test tools");
    assert_eq!(
        chosen(&["debug", "tools"], &[], ""),
        "always debug tools (dev: dev) (test: dev test)"
    );
}

#[test]
fn a_service_that_is_named_brings_its_own_profiles_and_not_those_of_what_it_depends_on() {
    let dev = "always dev test (debug: debug) (tools: tools)";
    assert_eq!(chosen(&[], &["dev"], ""), dev);
    assert_eq!(chosen(&[], &["always"], "dev"), dev);
    assert_eq!(
        chosen(&[], &["debug"], ""),
        "services.debug depends on the service `tools`, which is not defined\n"
    );
    assert_eq!(
        chosen(&["tools"], &["debug"], ""),
        "always debug tools (dev: dev) (test: dev test)"
    );
}

#[test]
fn a_dependency_on_a_service_that_takes_no_part_is_refused_unless_it_may_be_absent() {
    check(
        &Files::one(
            "services:\n  w: {image: a, depends_on: [db]}\n  db: {image: b, profiles: [data]}\n",
        ),
        &expect![[r#"
            compose.yml:2:30 CMP0024 services.w depends on the service `db`, which is not defined
        "#]],
    );
    Files::one("services: {w: {image: a, depends_on: {db: {condition: service_started, required: false}}}, db: {image: b, profiles: [data]}}\n").project();
}

#[test]
fn a_service_that_takes_no_part_is_not_looked_into_but_its_form_is() {
    // Networks, files and images are missed when it takes part.
    let quiet = "services:\n  w: {image: a}\n  off: {profiles: [x], networks: [gone], env_file: gone.env}\n";
    let project = Files::one(quiet).project();
    assert_eq!(project.disabled.len(), 1);
    check(
        &Files::one(
            "services:\n  w: {image: a}\n  off: {image: a, profiles: [x], prots: []}\n  one: {image: a, profiles: x}\n",
        ),
        &expect![[r#"
            compose.yml:3:34 CMP0005 a service has no attribute `prots`
            compose.yml:4:29 CMP0007 services.one.profiles must be a list of texts, not a text
        "#]],
    );
}

#[test]
fn a_project_may_be_at_rest() {
    let project = Files::one("services: {off: {image: a, profiles: [x]}}\n").project();
    assert!(project.services.is_empty());
}
