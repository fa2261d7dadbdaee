//! Projects as large as a file may be, whose reading must not take longer than their size explains:
//! what is quadratic or worse runs into the time that a test may take.

use std::fmt::Write as _;

use crate::support::Files;

use super::{has_error, refused_files};

/// Entries of one list: a few of them fit into the values that a file may hold.
const MANY: usize = 40_000;

#[test]
fn long_lists_are_merged_in_time() {
    let pairs = |from: usize| -> String {
        let pairs = (from..from + MANY).map(|n| format!("K{n}=v"));
        pairs.collect::<Vec<_>>().join(", ")
    };
    let service =
        |pairs: String| format!("services: {{w: {{image: a, environment: [{pairs}]}}}}\n");
    let files = Files::one(&service(pairs(0))).and("over.yml", &service(pairs(MANY / 2)));
    let project = files.project();
    let environment = &project.services.values().next().unwrap().environment;
    assert_eq!(environment.len(), MANY + MANY / 2);
}

#[test]
fn many_ports_are_compared_in_time() {
    let ports = (0..MANY / 2).map(|n| format!("\"{}/udp\"", n + 1));
    let ports: Vec<String> = ports.collect();
    let text = format!(
        "services: {{w: {{image: a, ports: [{}]}}}}\n",
        ports.join(", ")
    );
    let printed = Files::one(&text).config().to_yaml();
    assert_eq!(printed.matches("protocol: udp").count(), MANY / 2);
}

#[test]
fn a_thousand_files_laid_over_one_another_are_merged_in_time() {
    let mut files = Files::one("services: {w: {image: a}}\n");
    for number in 0..1_000 {
        let text = format!("services: {{w: {{labels: [l{number}=x]}}}}\n");
        files = files.and(&format!("f{number}.yml"), &text);
    }
    let project = files.project();
    let labels = &project.services.values().next().unwrap().labels;
    assert_eq!(labels.len(), 1_000);
}

#[test]
fn a_thousand_references_to_one_merged_mapping_are_read_or_refused() {
    let lines: String = (0..1_000).map(|n| format!("K{n}: v, ")).collect();
    let aliases = vec!["*a"; 1_000].join(", ");
    let text = format!(
        "x-a: &a {{{lines}}}\nservices: {{w: {{image: a, environment: {{<<: [{aliases}]}}}}}}\n"
    );
    let (project, findings) = Files::one(&text).load();
    assert_ne!(project.is_some(), has_error(&findings));
}

/// Services in layers: each waits for both of the next layer, so that there are two to the power of
/// the layers ways through them.
fn layered(layers: usize, last: &str) -> String {
    let mut text = "services:\n".to_owned();
    for layer in 0..layers {
        for half in ["a", "b"] {
            let next = layer + 1;
            let _ = writeln!(
                text,
                "  l{layer}{half}: {{image: i, depends_on: [l{next}a, l{next}b]}}"
            );
        }
    }
    for half in ["a", "b"] {
        let _ = writeln!(
            text,
            "  l{layers}{half}: {{image: i, depends_on: [{last}]}}"
        );
    }
    text
}

#[test]
fn services_that_wait_for_one_another_in_many_ways_are_searched_in_time() {
    assert_eq!(Files::one(&layered(200, "")).project().services.len(), 402);
    let circular = refused_files(&Files::one(&layered(200, "l0a")));
    assert!(circular.contains(&"CMP0025".to_owned()), "{circular:?}");
}

#[test]
fn a_long_row_of_services_that_wait_for_one_another_is_read() {
    let mut text = "services:\n  s0: {image: a}\n".to_owned();
    for number in 1..MANY / 16 {
        let _ = writeln!(
            text,
            "  s{number}: {{image: a, depends_on: [s{}]}}",
            number - 1
        );
    }
    assert_eq!(Files::one(&text).project().services.len(), MANY / 16);
}

#[test]
fn a_file_of_a_hundred_mebibytes_is_refused_wherever_it_comes_from() {
    let big = format!("A={}\n", "x".repeat(100 << 20));
    let service = |line: &str| format!("services: {{w: {{image: a, {line}}}}}\n");
    for compose in [
        "include: [big]\nservices: {w: {image: a}}\n".to_owned(),
        service("extends: {file: big, service: b}"),
        service("env_file: big"),
    ] {
        let codes = refused_files(&Files::one(&compose).beside("big", &big));
        assert!(
            codes.contains(&"CMP0004".to_owned()),
            "{compose}: {codes:?}"
        );
    }
    let dotenv = Files::one(&service("")).beside(".env", &big);
    assert!(!refused_files(&dotenv).is_empty());
}
