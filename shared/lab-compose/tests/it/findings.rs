//! What is wrong with a file: every kind of mistake, where it stands and what is said of it.

use expect_test::Expect;

use crate::support::Files;

#[track_caller]
fn check(content: &str, expected: &Expect) {
    expected.assert_eq(&Files::one(content).findings());
}

/// A service `w` with an image and the lines given.
#[track_caller]
fn check_service(lines: &str, expected: &Expect) {
    check(&format!("services:\n  w:\n    image: a\n{lines}"), expected);
}

mod attributes;
mod project;
mod text;
