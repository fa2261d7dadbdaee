//! Files made to exhaust what follows `include` and `extends`.

use std::fmt::Write as _;

use crate::support::Files;

/// The findings of files that must be refused for their size, which is said once.
#[track_caller]
fn too_large(files: &Files) -> String {
    let findings = files.findings();
    assert_eq!(findings.matches(" CMP0004 ").count(), 1, "{findings}");
    findings
}

#[test]
fn ten_thousand_includes_end_with_one_word() {
    let mut text = "include:\n".to_owned();
    let mut files = Files::default();
    for n in 0..10_000 {
        let _ = writeln!(text, "  - f{n}.yml");
        files = files.beside(
            &format!("f{n}.yml"),
            &format!("services: {{s{n}: {{image: a}}}}\n"),
        );
    }
    let found = too_large(&files.and("compose.yml", &text));
    assert_eq!(
        found,
        "compose.yml:1002:5 CMP0004 the files lead to more than 1000 others\n"
    );
}

#[test]
fn thousands_of_missing_files_are_told_as_a_flood() {
    let mut text = "services:\n".to_owned();
    for n in 0..5_000 {
        let _ = writeln!(
            text,
            "  s{n}: {{image: a, extends: {{file: f{n}.yml, service: x}}}}"
        );
    }
    let (project, findings) = Files::one(&text).load();
    assert!(project.is_none());
    assert_eq!(findings.len(), 201);
}

#[test]
fn a_tree_of_includes_that_doubles_is_cut() {
    let mut files = Files::one("include: [f0.yml]\nservices: {w: {image: a}}\n");
    for n in 0..30 {
        let text = format!("include: [f{0}.yml, ./f{0}.yml]\n", n + 1);
        files = files.beside(&format!("f{n}.yml"), &text);
    }
    too_large(&files.beside("f30.yml", "services: {last: {image: a}}\n"));
}

#[test]
fn a_row_of_includes_without_end_is_cut() {
    let mut files = Files::one("include: [f0.yml]\nservices: {w: {image: a}}\n");
    for n in 0..5_000 {
        files = files.beside(
            &format!("f{n}.yml"),
            &format!("include: [f{}.yml]\n", n + 1),
        );
    }
    let found = too_large(&files);
    assert!(
        found.contains("more than 32 files include one another in a row"),
        "{found}"
    );
}

#[test]
fn a_row_of_extends_without_end_is_cut() {
    let mut text = "services:\n  s00000: {image: a}\n".to_owned();
    for n in 1..5_000 {
        let _ = writeln!(text, "  s{n:05}: {{extends: s{:05}}}", n - 1);
    }
    // In the order of the names each finds the one before it whole.
    Files::one(&text).project();
    // In the other order there is a row, which may be as long as is said.
    for (services, fits) in [(64, true), (65, false)] {
        let mut text = format!("services:\n  s{services}: {{image: a}}\n");
        for n in 0..services {
            let _ = writeln!(text, "  s{n:02}: {{extends: s{:02}}}", n + 1);
        }
        assert_eq!(Files::one(&text).load().0.is_some(), fits, "{services}");
    }
    let mut text = "services:\n".to_owned();
    for n in 0..5_000 {
        let _ = writeln!(text, "  s{n:05}: {{image: a, extends: s{:05}}}", n + 1);
    }
    let (project, findings) = Files::one(&text).load();
    assert!(project.is_none());
    assert!(findings.iter().any(|one| {
        one.message
            .contains("more than 64 services extend one another in a row")
    }));
}

#[test]
fn large_services_extended_over_and_over_are_bounded() {
    let labels: String = (0..2_000).map(|n| format!("l{n}: x, ")).collect();
    let mut text = format!("services:\n  base: {{image: a, labels: {{{labels}}}}}\n");
    for n in 0..2_000 {
        let _ = writeln!(text, "  s{n}: {{extends: base}}");
    }
    too_large(&Files::one(&text));
    let mut text = format!(
        "services:\n  base: {{image: a, labels: {{l: {}}}}}\n",
        "x".repeat(1 << 20)
    );
    for n in 0..2_000 {
        let _ = writeln!(text, "  s{n}: {{extends: base}}");
    }
    too_large(&Files::one(&text));
}

#[test]
fn ranges_of_ports_in_other_files_cannot_multiply_without_end() {
    let mut base = "services:\n".to_owned();
    let mut text = "services:\n".to_owned();
    for n in 0..2_000 {
        let _ = writeln!(base, "  s{n}: {{image: a, ports: [1-1000]}}");
        let _ = writeln!(
            text,
            "  s{n}: {{extends: {{file: base.yml, service: s{n}}}}}"
        );
    }
    too_large(&Files::one(&text).beside("base.yml", &base));
    let mut text = "include:\n".to_owned();
    let mut files = Files::default();
    for n in 0..900 {
        let _ = writeln!(text, "  - f{n}.yml");
        let one = format!("services: {{s{n}: {{image: a, ports: [1-1000]}}}}\n");
        files = files.beside(&format!("f{n}.yml"), &one);
    }
    too_large(&files.and("compose.yml", &text));
}

#[test]
fn large_files_included_over_and_over_are_bounded() {
    let labels: String = (0..20_000).map(|n| format!("l{n}: x, ")).collect();
    let text = format!("services: {{a: {{image: a, labels: {{{labels}}}}}}}\n");
    let includes = "  - a.yml\n".repeat(900);
    let files = Files::one(&format!(
        "include:\n{includes}services: {{w: {{image: a}}}}\n"
    ));
    too_large(&files.beside("a.yml", &text));
    let mut files = Files::default();
    let mut text = "include:\n".to_owned();
    for n in 0..80 {
        let _ = writeln!(text, "  - f{n}.yml");
        files = files.beside(
            &format!("f{n}.yml"),
            &format!("# {}\n", "x".repeat(1 << 20)),
        );
    }
    let found = too_large(&files.and("compose.yml", &text));
    assert!(found.contains("more than 64 MiB of others"), "{found}");
}

#[test]
fn marks_repeated_by_aliases_are_bounded() {
    let key = "k".repeat(1 << 20);
    let mut text = format!("x-a: &a\n  ? {key}\n  : !reset null\nx-b:\n");
    for n in 0..10_000 {
        let _ = writeln!(text, "  k{n}: *a");
    }
    too_large(&Files::one(&format!(
        "{text}services: {{w: {{image: a}}}}\n"
    )));
}
