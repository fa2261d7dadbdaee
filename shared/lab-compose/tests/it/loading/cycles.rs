//! Files and services that lead back to themselves.

use expect_test::expect;

use super::check;
use crate::support::Files;

#[test]
fn services_that_extend_one_another_are_named_with_both_places() {
    check(
        &Files::one("services: {a: {image: a, extends: a}}\n"),
        &expect![[r#"
        compose.yml:1:35 CMP0044 services extend one another: a (compose.yml) -> a (compose.yml)
    "#]],
    );
    check(
        &Files::one(
            "services:\n  a: {image: a, extends: b}\n  b: {extends: {service: c}}\n  c: {extends: a}\n  d: {image: d, extends: a}\n",
        ),
        &expect![[r#"
            compose.yml:4:16 CMP0044 services extend one another: a (compose.yml) -> b (compose.yml) -> c (compose.yml) -> a (compose.yml) (see compose.yml:2:26)
        "#]],
    );
}

#[test]
fn services_that_extend_one_another_through_files_are_named_with_their_files() {
    let files = Files::one("services: {a: {image: a, extends: {file: sub/b.yml, service: b}}}\n")
        .beside(
            "sub/b.yml",
            "services: {b: {extends: {file: ../sub/c.yml, service: c}}}\n",
        )
        .beside(
            "sub/c.yml",
            "services:\n  c: {extends: {file: b.yml, service: b}}\n",
        );
    check(
        &files,
        &expect![[r#"
        sub/c.yml:2:39 CMP0044 services extend one another: b (sub/b.yml) -> c (sub/c.yml) -> b (sub/b.yml) (see sub/b.yml:1:55)
    "#]],
    );
    // A file may extend itself under its own name, and then it is read with the rest.
    let own =
        Files::one("services: {a: {extends: {file: compose.yml, service: b}}, b: {image: b}}\n");
    own.project();
    let own = Files::one("services: {a: {image: a, extends: {file: ./compose.yml, service: a}}}\n");
    check(
        &own,
        &expect![[r#"
        compose.yml:1:66 CMP0044 services extend one another: a (compose.yml) -> a (compose.yml)
    "#]],
    );
}

#[test]
fn files_that_include_one_another_are_named_with_both_places() {
    check(
        &Files::one("include: [compose.yml]\nservices: {a: {image: a}}\n"),
        &expect![[r#"
            compose.yml:1:11 CMP0045 files include one another: compose.yml -> compose.yml
        "#]],
    );
    let files = Files::one("include: [sub/b.yml]\nservices: {a: {image: a}}\n")
        .beside("sub/b.yml", "include:\n  - path: c.yml\n")
        .beside("sub/c.yml", "include:\n  - path: [x.yml, ../sub/b.yml]\n")
        .beside("sub/x.yml", "services: {x: {image: x}}\n");
    check(
        &files,
        &expect![[r#"
        sub/c.yml:2:19 CMP0045 files include one another: sub/b.yml -> sub/c.yml -> sub/b.yml (see sub/b.yml:2:11)
    "#]],
    );
}

#[test]
fn a_file_that_is_included_on_two_ways_is_no_cycle() {
    let files = Files::one("include: [b.yml, c.yml]\nservices: {a: {image: a, depends_on: [d]}}\n")
        .beside("b.yml", "include: [d.yml]\n")
        .beside("c.yml", "include: [d.yml]\n")
        .beside(
            "d.yml",
            "services: {d: {image: d, ports: [\"1\"]}}\nnetworks: {n: }\n",
        );
    assert_eq!(files.project().services.len(), 2);
}
