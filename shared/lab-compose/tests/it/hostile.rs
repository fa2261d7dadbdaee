//! Files made to break or exhaust the reader. Each must be answered, quickly and in bounded memory.

mod size;

use std::fmt::Write as _;

use lab_types::{Diagnostic, Severity};

use crate::support::Files;

/// The codes of the errors of a file that must be refused.
#[track_caller]
fn refused(content: &str) -> Vec<String> {
    refused_files(&Files::one(content))
}

/// The codes of the errors of files that must be refused.
#[track_caller]
fn refused_files(files: &Files) -> Vec<String> {
    let (project, findings) = files.load();
    assert!(project.is_none());
    let errors = findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    errors.map(|one| one.code.to_string()).collect()
}

fn has_error(findings: &[Diagnostic]) -> bool {
    findings.iter().any(|one| one.severity == Severity::Error)
}

const MANY_LAUGHS: usize = 9;

/// Nine lists, each nine times the one before: nine to the ninth in all.
fn bomb(leaf: &str) -> String {
    let mut text = format!("x-0: &a0 {leaf}\n");
    for level in 1..=MANY_LAUGHS {
        let aliases = vec![format!("*a{}", level - 1); MANY_LAUGHS].join(", ");
        text.push_str(&format!("x-{level}: &a{level} [{aliases}]\n"));
    }
    text.push_str("services: {w: {image: a}}\n");
    text
}

#[test]
fn a_bomb_of_aliases_is_defused() {
    assert_eq!(refused(&bomb("lol")), ["CMP0004"]);
}

#[test]
fn a_bomb_of_few_aliases_to_a_large_text_is_defused() {
    assert_eq!(refused(&bomb(&"x".repeat(100_000))), ["CMP0004"]);
}

#[test]
fn nested_anchors_of_a_large_text_are_not_copied_without_end() {
    let text = format!(
        "x-a: {}{}{}\n",
        "&a [".repeat(50),
        "x".repeat(1 << 20),
        "]".repeat(50)
    );
    assert_eq!(refused(&text), ["CMP0004"]);
}

#[test]
fn a_bomb_of_merge_keys_is_defused() {
    let mut text = "x-0: &a0 {k: v}\n".to_owned();
    for level in 1..30 {
        let last = level - 1;
        text.push_str(&format!(
            "x-{level}: &a{level} {{a: *a{last}, b: *a{last}, <<: *a{last}}}\n"
        ));
    }
    assert_eq!(refused(&text), ["CMP0004"]);
}

#[test]
fn a_bomb_of_variables_is_defused() {
    let mut dotenv = "A0=0123456789\n".to_owned();
    for level in 1..60 {
        dotenv.push_str(&format!("A{level}=$A{0}$A{0}\n", level - 1));
    }
    let files = Files::one("services: {w: {image: $A59}}\n").beside(".env", &dotenv);
    let (project, findings) = files.load();
    assert!(project.is_none() && !findings.is_empty());
    let big = Files::one(&format!(
        "services: {{w: {{image: \"{}\"}}}}\n",
        "$BIG".repeat(10_000)
    ))
    .beside(".env", &format!("BIG={}\n", "x".repeat(100_000)));
    assert!(big.findings().contains("CMP0004"));
}

#[test]
fn deep_nesting_is_refused_whatever_its_form() {
    for open in ["[", "{a: ", "- ", "? ", "&a [", "a: {b: ["] {
        let text = format!("x-a: {}", open.repeat(100_000));
        assert!(!refused(&text).is_empty(), "{open}");
    }
    let block: String = (0..3_000)
        .map(|depth| format!("{}k:\n", " ".repeat(depth)))
        .collect();
    assert_eq!(refused(&block), ["CMP0004"]);
}

#[test]
fn aliases_cannot_nest_deeper_than_a_file_may() {
    // Few values, so that only their depth can be what is refused.
    let mut text = "x-0: &a0 [[[[[[[[[[x]]]]]]]]]]\n".to_owned();
    for level in 1..10 {
        let below = level - 1;
        let _ = writeln!(text, "x-{level}: &a{level} [[[[[[[[[[*a{below}]]]]]]]]]]");
    }
    text.push_str("services: {w: {image: a}}\n");
    let (_, findings) = Files::one(&text).load();
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].message.contains("nested more than 64 deep"),
        "{findings:?}"
    );
}

#[test]
fn very_long_lines_are_read() {
    let text = format!(
        "services: {{w: {{image: \"{}\", bad: 1}}}}\n",
        "x".repeat(10 << 20)
    );
    let (_, findings) = Files::one(&text).load();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].source_line, None);
    let comment = format!(
        "# {}\nservices: {{w: {{image: a}}}}\n",
        "x".repeat(10 << 20)
    );
    Files::one(&comment).project();
}

#[test]
fn a_finding_quotes_no_more_than_a_person_reads() {
    let long = "x".repeat(1 << 20);
    for lines in [
        format!("restart: {long}"),
        format!("{long}: 1"),
        format!("volumes: [{long}]"),
    ] {
        let (_, findings) =
            Files::one(&format!("services:\n  w:\n    image: a\n    {lines}\n")).load();
        assert_eq!(findings.len(), 1, "{}", lines.len());
        assert!(
            findings[0].message.len() < 2_000
                && findings[0]
                    .help
                    .as_ref()
                    .is_none_or(|help| help.len() < 2_000)
        );
    }
}

#[test]
fn a_file_beyond_the_limit_is_not_even_read() {
    assert_eq!(refused(&"#".repeat((16 << 20) + 1)), ["CMP0004"]);
}

#[test]
fn more_values_than_any_project_has_are_refused() {
    assert_eq!(
        refused(&format!("x-a: [{}]\n", "1, ".repeat(100_000))),
        ["CMP0004"]
    );
}

#[test]
fn ranges_of_ports_cannot_multiply_without_end() {
    let ports: Vec<String> = (0..2_000)
        .map(|n| format!("\"127.0.{}.{}::1-1000\"", n / 250, n % 250))
        .collect();
    let text = format!(
        "services: {{w: {{image: a, ports: [{}]}}}}\n",
        ports.join(", ")
    );
    assert!(refused(&text).contains(&"CMP0004".to_owned()));
}

#[test]
fn a_flood_of_mistakes_is_cut_short() {
    let keys: String = (0..20_000).map(|n| format!("    bad{n}: 1\n")).collect();
    let found = refused(&format!("services:\n  w:\n    image: a\n{keys}"));
    assert_eq!(found.len(), 201);
    assert_eq!(found.last().map(String::as_str), Some("CMP0036"));
}

#[test]
fn one_environment_file_named_by_every_service_is_bounded() {
    let services: String = (0..2_000)
        .map(|n| format!("  s{n}: {{image: a, env_file: big.env}}\n"))
        .collect();
    let files = Files::one(&format!("services:\n{services}"))
        .beside("big.env", &format!("A='{}'\n", "x".repeat(1 << 20)));
    assert!(files.findings().contains("CMP0004"));
}

#[test]
fn references_nested_without_end_are_refused() {
    let deep = format!(
        "services: {{w: {{image: '{}'}}}}\n",
        "${U:-".repeat(200_000)
    );
    assert_eq!(refused(&deep), ["CMP0008"]);
    let closed = format!("{}{}", "${U:-".repeat(50_000), "}".repeat(50_000));
    assert_eq!(
        refused(&format!("services: {{w: {{image: '{closed}'}}}}\n")),
        ["CMP0004"]
    );
}

#[test]
fn strange_texts_are_answered() {
    for text in [
        "\0",
        "\u{feff}",
        "\u{feff}services: {w: {image: a}}",
        "\u{2028}",
        "---\n---\n---\n",
        "...",
        "%YAML 1.3\n---\na: b",
        "%TAG ! tag:x,2000:\n---\n!a b",
        "? a\n: b",
        "!!binary x",
        "&a",
        "*a",
        "a: &a *a",
        "<<: *a",
        "- - - -",
        "{a, b: c}",
        "[a: b]",
        "\"\\ud800\"",
        "'",
        "|",
        ">",
        "%",
        "@",
        "services: {w: {image: a}}\r",
        "services:\r  w:\r    image: a\r",
        "\t",
        "a:\n\t- b",
        "services: {w: {image: a, ports: [18446744073709551616]}}",
        "services: {w: {image: a, deploy: {replicas: 99999999999999999999999999999999999999999}}}",
        "services: {w: {image: a, volumes: [\":\", \"::\", \":::\"]}}",
        "services: {w: {image: a, ports: [\":\", \"::\", \"/\", \"-\", \"1-\", \"[\"]}}",
    ] {
        let (project, findings) = Files::one(text).load();
        let errors = findings.iter().any(|one| one.severity == Severity::Error);
        assert_ne!(project.is_some(), errors, "{text:?}");
    }
}
