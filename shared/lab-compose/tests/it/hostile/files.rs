//! Files that lead to other files without end, or to more than any machine holds.

use crate::support::Files;

use super::{has_error, refused_files};

/// A hundred mebibytes, far beyond what is read of one file.
fn vast() -> String {
    "x".repeat(100 << 20)
}

const PLAIN: &str = "services: {w: {image: a}}\n";

#[test]
fn ten_thousand_files_that_are_included_are_refused() {
    let paths: Vec<String> = (0..10_000).map(|n| format!("f{n}.yml")).collect();
    let list = format!("include: [{}]\n{PLAIN}", paths.join(", "));
    let mut files = Files::one(&list);
    for (number, path) in paths.iter().enumerate() {
        files = files.beside(path, &format!("services: {{s{number}: {{image: a}}}}\n"));
    }
    assert!(refused_files(&files).contains(&"CMP0004".to_owned()));
    // Where none of them is there, a person is not told ten thousand times.
    let (_, findings) = Files::one(&list).load();
    assert!(
        has_error(&findings) && findings.len() <= 201,
        "{}",
        findings.len()
    );
}

#[test]
fn files_that_include_two_others_each_are_not_read_without_end() {
    let mut files = Files::one(&format!("include: [l0a.yml, l0b.yml]\n{PLAIN}"));
    for level in 0..40 {
        for half in ["a", "b"] {
            let next = level + 1;
            let text = format!("include: [l{next}a.yml, l{next}b.yml]\n");
            files = files.beside(&format!("l{level}{half}.yml"), &text);
        }
    }
    assert!(!refused_files(&files).is_empty());
}

#[test]
fn files_that_include_one_another_are_refused() {
    let itself =
        Files::one(&format!("include: [compose.yml]\n{PLAIN}")).beside("compose.yml", PLAIN);
    let (project, _) = itself.load();
    assert!(project.is_none());
    let circle = Files::one(&format!("include: [a.yml]\n{PLAIN}"))
        .beside("a.yml", "include: [sub/b.yml]\n")
        .beside("sub/b.yml", "include: [../sub/../a.yml]\n");
    assert!(!refused_files(&circle).is_empty());
}

#[test]
fn a_long_row_of_files_that_include_one_another_is_refused() {
    let mut files = Files::one(&format!("include: [f0.yml]\n{PLAIN}"));
    for number in 0..5_000 {
        let text = format!("include: [f{}.yml]\n", number + 1);
        files = files.beside(&format!("f{number}.yml"), &text);
    }
    assert_eq!(refused_files(&files), ["CMP0004"]);
}

#[test]
fn a_file_of_a_hundred_mebibytes_is_refused_wherever_it_comes_from() {
    let big = vast();
    for (compose, file) in [
        (format!("include: [big]\n{PLAIN}"), "big"),
        (
            "services: {w: {image: a, extends: {file: big, service: b}}}\n".to_owned(),
            "big",
        ),
        (
            "services: {w: {image: a, env_file: big}}\n".to_owned(),
            "big",
        ),
        (
            "services: {w: {image: a, label_file: big}}\n".to_owned(),
            "big",
        ),
    ] {
        let text = format!("A={big}\n");
        let files = Files::one(&compose).beside(file, &text);
        assert!(
            refused_files(&files).contains(&"CMP0004".to_owned()),
            "{compose}"
        );
    }
    let dotenv = Files::one(PLAIN).beside(".env", &format!("A={big}\n"));
    assert!(!refused_files(&dotenv).is_empty());
}

#[test]
fn services_that_extend_one_another_are_refused() {
    for text in [
        "services: {a: {extends: a}}\n",
        "services: {a: {extends: b}, b: {extends: c}, c: {extends: a}}\n",
    ] {
        assert!(!refused_files(&Files::one(text)).is_empty(), "{text}");
    }
    let across = Files::one("services: {a: {extends: {file: o.yml, service: b}}}\n")
        .beside(
            "o.yml",
            "services: {b: {extends: {file: ./compose.yml, service: a}}}\n",
        )
        .beside(
            "compose.yml",
            "services: {a: {extends: {file: o.yml, service: b}}}\n",
        );
    assert!(!refused_files(&across).is_empty());
}

#[test]
fn a_long_row_of_services_that_extend_one_another_is_refused() {
    let mut text = "services:\n  s0: {image: a}\n".to_owned();
    for number in 1..10_000 {
        text.push_str(&format!("  s{number}: {{extends: s{}}}\n", number - 1));
    }
    assert!(refused_files(&Files::one(&text)).contains(&"CMP0004".to_owned()));
}

#[test]
fn a_large_service_that_all_others_extend_is_bounded() {
    let lines: String = (0..20_000).map(|n| format!("      K{n}: v\n")).collect();
    let mut text = format!("services:\n  base:\n    image: a\n    environment:\n{lines}");
    for number in 0..5_000 {
        text.push_str(&format!("  s{number}: {{extends: base}}\n"));
    }
    assert!(refused_files(&Files::one(&text)).contains(&"CMP0004".to_owned()));
}
