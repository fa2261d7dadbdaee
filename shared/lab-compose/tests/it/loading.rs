//! What several files make together: tags, `extends`, `include`, profiles.
//!
//! What comes out where Docker Compose 2.40.3 accepts the files is among the cases of
//! `testdata/config`, under `load`. What is refused is said here.

mod broken;
mod cycles;
mod files;
mod limits;

mod marks;
mod profiles;

use expect_test::Expect;

use crate::support::Files;

#[track_caller]
fn check(files: &Files, expected: &Expect) {
    expected.assert_eq(&files.findings());
}
