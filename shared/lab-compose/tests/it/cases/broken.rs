//! The cases with mistakes made in them at random: all are answered, and nothing panics.

use std::sync::LazyLock;

use lab_compose::render;
use lab_types::Severity;
use proptest::prelude::*;
use proptest::sample::Index;

use super::case::{self, Case};
use crate::properties::{Edit, edit, edited};

/// Read once, not for every trial.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(case::all);

/// Pairs of cases, and what is done to a file of the first.
fn mistakes() -> impl Strategy<Value = (Index, Index, Index, Vec<Edit>)> {
    let edits = prop::collection::vec(edit(), 1..5);
    (any::<Index>(), any::<Index>(), any::<Index>(), edits)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cases_with_mistakes_are_answered(all in prop::collection::vec(mistakes(), 10)) {
        for (one, other, file, edits) in all {
            let other = other.get(&CASES);
            let case = one.get(&CASES).changed(|files| {
                let name = file.get(&files.keys().cloned().collect::<Vec<_>>()).clone();
                let text = edited(&files[&name], &edits);
                files.insert(name, text);
                // A file that its case points to may be that of another.
                files.extend(other.beside());
            });
            let (config, findings) = case.config();
            let is_refused = findings.iter().any(|one| one.severity == Severity::Error);
            prop_assert_ne!(config.is_some(), is_refused);
            for finding in &findings {
                prop_assert!(render::diagnostic(finding).ends_with('\n'));
            }
            if let Some(config) = config {
                let is_written = config.to_json().ends_with("}\n") && config.to_yaml().starts_with("name:");
                prop_assert!(is_written);
            }
        }
    }
}
