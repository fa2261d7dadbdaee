use expect_test::expect;

use super::table::Tables;
use super::{page, read, without_paragraph};
use crate::source::Source;

const TABLE: &str = r#"//! Codes.
pub const ALL: &[(&str, &str, &str)] = &[
    ("ABC0002", "Second", "Do \
        this."),
    ("ABC0001", "First", "Do that."),
];
#[cfg(test)]
mod tests { fn f() { g("ABC0009"); } }
"#;

fn table() -> Source {
    Source::new("shared/lab-abc/src/codes.rs", TABLE)
}

fn shown(tables: &Tables) -> Vec<String> {
    tables.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn the_page_has_a_paragraph_for_each_code_in_order() {
    let tables = read(&[table()]);
    assert!(tables.findings.is_empty());
    expect![[r#"
        # Error codes

        Every error Tercio tells has a code that keeps its meaning. This page is written by `cargo xtask codes`
        from the table in `src/codes.rs` of each crate.

        ## ABC: lab-abc

        ### ABC0001
        **First.** Do that.

        ### ABC0002
        **Second.** Do this.
    "#]].assert_eq(&page(&tables));
}

#[test]
fn a_table_of_another_shape_is_read_too() {
    let text = "codes! {\n  A, \"XYZ0001\", \"Title\",\n    \"Text.\";\n}\n";
    let tables = read(&[Source::new("shared/lab-x/src/codes.rs", text)]);
    assert_eq!(tables.entries["XYZ0001"].title, "Title");
}

#[test]
fn a_name_stands_for_its_code_in_the_list_and_must_be_there() {
    let text = "/// Full.\npub const FULL: &str = \"XYZ0001\";\n/// Gone.\npub const GONE: &'static str =\n    \"XYZ0002\";\npub const ALL: &[(&str, &str, &str)] = &[(FULL, \"Title\", \"Text.\")];\n";
    let tables = read(&[Source::new("shared/lab-x/src/codes.rs", text)]);
    assert_eq!(tables.entries["XYZ0001"].what_to_do, "Text.");
    let missing = "shared/lab-x/src/codes.rs:5: XYZ0002 has a name and is not in the list";
    assert_eq!(shown(&tables), [missing]);
}

#[test]
fn a_code_without_text_and_one_that_stands_twice_are_refused() {
    let other = "const A: X = (\"ABC0001\", \"t\", \"w\");\nconst B: X = (\"ABC0003\", \"t\");";
    let tables = read(&[table(), Source::new("shared/lab-d/src/codes.rs", other)]);
    let expected = [
        "shared/lab-d/src/codes.rs:1: ABC0001 also stands in shared/lab-abc/src/codes.rs",
        "shared/lab-d/src/codes.rs:2: ABC0003 is not followed by a title and what to do",
    ];
    assert_eq!(shown(&tables), expected);
}

#[test]
fn a_code_used_anywhere_needs_its_paragraph() {
    let uses = Source::new(
        "services/a/src/b.rs",
        "// \"ABC0007\"\nf(\"ABC0001\");\nf(\"ABC0008\");\nf(\"not ABC0009 alone\");",
    );
    let sources = [table(), uses];
    let findings = without_paragraph(&sources, &read(&sources));
    let shown: Vec<_> = findings.iter().map(ToString::to_string).collect();
    let expected = [
        "shared/lab-abc/src/codes.rs:8: ABC0009 stands in no crate's src/codes.rs",
        "services/a/src/b.rs:3: ABC0008 stands in no crate's src/codes.rs",
    ];
    assert_eq!(shown, expected);
}
