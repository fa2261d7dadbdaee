//! `!reset` and `!override` where Docker Compose 2.40.3 does otherwise, and where they are refused.

use expect_test::expect;

use crate::support::Files;

/// The value of a variable of service `w`, after the second file.
fn variable(lower: &str, upper: &str, name: &str) -> Option<Option<String>> {
    let project = Files::one(lower).and("over.yml", upper).project();
    let service = project.services.into_values().next()?;
    service.environment.get(name).cloned()
}

#[test]
fn one_variable_is_reset_whichever_way_the_environment_is_written() {
    // The real tool finds it in a mapping only.
    let upper = "services: {w: {environment: {A: !reset null}}}";
    for environment in ["{A: 1, B: 2}", "[A=1, B=2]"] {
        let lower = format!("services: {{w: {{image: a, environment: {environment}}}}}");
        assert_eq!(variable(&lower, upper, "A"), None);
        assert_eq!(variable(&lower, upper, "B"), Some(Some("2".to_owned())));
    }
}

#[test]
fn a_reset_behind_an_anchor_counts_wherever_it_is_repeated() {
    // The real tool, in version 2.40.3, forgets it after the first time.
    let lower = "services: {w: {image: a, environment: {A: 1}}}";
    let upper = "x-a: &a {environment: {A: !reset null}}\nservices: {w: {<<: *a}}";
    assert_eq!(variable(lower, upper, "A"), None);
    let direct = "services: {w: {<<: {environment: {A: !reset null}}}}";
    assert_eq!(variable(lower, direct, "A"), None);
}

#[test]
fn a_key_that_is_reset_leaves_room_for_what_is_merged() {
    let lower = "services: {w: {image: a, environment: {A: 1}}}";
    let upper = "x-a: &a {A: 2}\nservices: {w: {environment: {<<: *a, A: !reset null}}}";
    assert_eq!(variable(lower, upper, "A"), Some(Some("2".to_owned())));
}

#[test]
fn a_tag_stands_at_a_value_and_excuses_no_key_that_is_given_twice() {
    super::check(
        &Files::one("services:\n  w: {image: a, ports: !reset [], ports: [\"1\"]}\n"),
        &expect![[r#"
            compose.yml:2:35 CMP0002 the key `ports` is already given at line 2 (see compose.yml:2:17)
        "#]],
    );
    super::check(
        &Files::one("services: {w: {image: a}}\n").and("over.yml", "services: !reset {}\n"),
        &expect![[r#"
            - CMP0031 the files define no service
        "#]],
    );
    super::check(
        &Files::one("!reset {services: {w: {image: a}}}\n"),
        &expect![[r#"
            compose.yml:1:8 CMP0033 a whole document cannot be reset or override another
        "#]],
    );
    super::check(
        &Files::one("services: {w: {image: a, labels: !rest {}}}\n"),
        &expect![[r#"
            compose.yml:1:34 CMP0033 the tag !rest is not known and changes nothing
        "#]],
    );
}
