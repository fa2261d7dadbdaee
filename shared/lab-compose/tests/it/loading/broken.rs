//! Files that point to one another, one of them broken: each set is answered.

use lab_types::Severity;
use proptest::prelude::*;
use proptest::sample::select;

use crate::properties::{Edit, edit, edited};
use crate::support::Files;

/// The texts of the richest case, by path; the first two are Compose files laid over one another.
const TEXTS: &[(&str, &str)] = &[
    (
        "compose.yml",
        include_str!("../../../testdata/config/load/include/compose.yml"),
    ),
    (
        "override.yml",
        include_str!("../../../testdata/config/load/tags/override.yml"),
    ),
    (
        "bare.yml",
        include_str!("../../../testdata/config/load/include/bare.yml"),
    ),
    (
        "sub/compose.yml",
        include_str!("../../../testdata/config/load/include/sub/compose.yml"),
    ),
    (
        "sub/nested/n.yml",
        include_str!("../../../testdata/config/load/include/sub/nested/n.yml"),
    ),
    (
        "sub/base.yml",
        include_str!("../../../testdata/config/load/extends/sub/base.yml"),
    ),
    (
        "other/a.yml",
        include_str!("../../../testdata/config/load/extends/compose.yml"),
    ),
    (
        "other/b.yml",
        include_str!("../../../testdata/config/load/profiles/compose.yml"),
    ),
];

/// What makes files lead to others, and back.
const PIECES: &[&str] = &[
    "include: [compose.yml]\n",
    "include: [{path: [sub/compose.yml, bare.yml], project_directory: sub}]\n",
    "extends: web",
    "extends: {file: compose.yml, service: web}",
    "extends: {file: other/a.yml, service: base}",
    "!reset ",
    "!override ",
    "profiles: [x]",
    "<<: *more",
    "---\n",
    "services:\n",
];

fn files(broken: usize, edits: &[Edit], piece: &str, at: usize) -> Files {
    let mut files = Files::default();
    for (index, (path, text)) in TEXTS.iter().enumerate() {
        let mut text = (*text).to_owned();
        if index == broken {
            text = edited(&text, edits);
            // At the start of a line, so that it often means something.
            let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
            let line = starts.get(at % starts.len().max(1)).copied().unwrap_or(0);
            let rest = text.get(line..).unwrap_or_default();
            let blanks = rest.len() - rest.trim_start_matches(' ').len();
            text.insert_str(line, &format!("{}{piece}\n", " ".repeat(blanks)));
        }
        files = match index {
            0 | 1 => files.and(path, &text),
            _ => files.beside(path, &text),
        };
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_that_lead_to_others_are_answered(
        broken in 0..TEXTS.len(),
        edits in prop::collection::vec(edit(), 0..4),
        piece in select(PIECES),
        at in any::<usize>(),
    ) {
        let (project, findings) = files(broken, &edits, piece, at).load();
        let errors = findings.iter().any(|one| one.severity == Severity::Error);
        prop_assert_ne!(project.is_some(), errors);
        for finding in findings {
            prop_assert!(!finding.message.is_empty());
        }
    }
}
