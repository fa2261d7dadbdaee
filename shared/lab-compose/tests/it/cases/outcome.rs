//! What this crate makes of a case, and whether that is what the tool makes of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lab_types::Severity;

use super::case::{Case, Expected};
use crate::support::lines;

/// The code of what Compose has and Tercio does not: never a reason to refuse what the tool refuses.
const NOT_SUPPORTED: &str = "CMP0006";

/// What `tercio config` would print.
pub(super) enum Outcome {
    Accepted {
        json: String,
        yaml: String,
    },
    Refused {
        findings: String,
        /// Each error: whether it has a place, its code, its line.
        errors: Vec<(bool, String, String)>,
    },
}

/// As the tool has it, or in what it differs.
pub(super) type Verdict = Result<(), String>;

impl Outcome {
    pub(super) fn of(case: &Case) -> Self {
        let missing = case.missing();
        if !missing.is_empty() {
            // The command finds the files before any of them is read.
            let findings = format!("not there: {}\n", missing.join(", "));
            return Self::Refused {
                findings,
                errors: Vec::new(),
            };
        }
        let config = catch_unwind(AssertUnwindSafe(|| case.config()));
        let Ok((config, findings)) = config else {
            panic!("the reader panicked at {}", case.name);
        };
        match config {
            Some(config) => Self::Accepted {
                json: config.to_json(),
                yaml: config.to_yaml(),
            },
            None => Self::Refused {
                errors: findings
                    .iter()
                    .filter(|one| one.severity == Severity::Error)
                    .map(|one| {
                        let line = lines(std::slice::from_ref(one));
                        (one.location.is_some(), one.code.to_string(), line)
                    })
                    .collect(),
                findings: lines(&findings),
            },
        }
    }
}

pub(super) fn judge(case: &Case, outcome: &Outcome) -> Verdict {
    match (&case.expected, outcome) {
        (
            Expected::Accepted { json, yaml },
            Outcome::Accepted {
                json: ours,
                yaml: our_yaml,
            },
        ) => {
            same("JSON", ours, json)?;
            yaml.as_ref()
                .map_or(Ok(()), |yaml| same("YAML", our_yaml, yaml))
        }
        (Expected::Accepted { .. }, Outcome::Refused { errors, findings }) => {
            let first = errors.first().map_or(findings, |(_, _, line)| line);
            Err(format!("refused: {first}"))
        }
        (Expected::Refused, Outcome::Accepted { .. }) => Err("accepted".to_owned()),
        (Expected::Refused, Outcome::Refused { errors, findings }) => {
            if let Some((_, _, line)) = errors.iter().find(|(_, code, _)| code == NOT_SUPPORTED) {
                return Err(format!("refused for another reason: {line}"));
            }
            let without_place = |(has_place, _, _): &&(bool, String, String)| !has_place;
            if let Some((_, _, line)) = errors.iter().find(without_place)
                && !is_of_no_file(case)
            {
                return Err(format!("refused without a place: {line}"));
            }
            match pinned(case, "findings") {
                Some(pinned) => same("findings", findings, &pinned),
                None => {
                    Err("refused in words that nobody has looked at: UPDATE_EXPECT=1".to_owned())
                }
            }
        }
    }
}

/// Whether what is wrong stands in no file, so that there is no place to point to.
fn is_of_no_file(case: &Case) -> bool {
    let described = std::fs::read_to_string(case.folder.join("case")).unwrap_or_default();
    described
        .lines()
        .any(|line| line.starts_with("# No place:"))
}

fn pinned(case: &Case, file: &str) -> Option<String> {
    std::fs::read_to_string(case.folder.join(file)).ok()
}

/// Whether an intended difference still comes out as it was looked at.
pub(super) fn is_pinned(case: &Case, outcome: &Outcome) -> Verdict {
    let check = |file: &str, ours: &str| match pinned(case, file) {
        Some(text) => same(file, ours, &text),
        None => Err(format!("{file} is not there: UPDATE_EXPECT=1")),
    };
    match outcome {
        Outcome::Accepted { json, yaml } => {
            check("ours.json", json)?;
            check("ours.yaml", yaml)
        }
        Outcome::Refused { findings, .. } => check("findings", findings),
    }
}

/// Writes down what is to be looked at and kept; tests that run beside this one find no file missing.
pub(super) fn pin(case: &Case, outcome: &Outcome, is_difference: bool) {
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    match (outcome, &case.expected) {
        (Outcome::Accepted { json, yaml }, _) if is_difference => {
            wanted.extend([("ours.json", json.as_str()), ("ours.yaml", yaml)]);
        }
        (Outcome::Refused { findings, errors }, expected) => {
            let is_right = matches!(expected, Expected::Refused)
                && errors.iter().all(|(_, code, _)| code != NOT_SUPPORTED);
            if is_difference || is_right {
                wanted.push(("findings", findings));
            }
        }
        _ => {}
    }
    for file in ["findings", "ours.json", "ours.yaml"] {
        let path = case.folder.join(file);
        match wanted.iter().find(|(name, _)| *name == file) {
            Some((_, text)) if pinned(case, file).as_deref() != Some(text) => {
                std::fs::write(path, text).expect("the case is written");
            }
            Some(_) => {}
            None => {
                // Most cases have no such file.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

fn same(what: &str, ours: &str, theirs: &str) -> Verdict {
    match ours == theirs {
        true => Ok(()),
        false => Err(format!("{what} {}", first_unlike(ours, theirs))),
    }
}

/// The first line in which two texts differ.
pub(super) fn first_unlike(ours: &str, theirs: &str) -> String {
    let (mut left, mut right) = (ours.lines(), theirs.lines());
    let mut number = 0;
    loop {
        number += 1;
        let (ours, theirs) = (left.next(), right.next());
        if ours != theirs || ours.is_none() {
            let show = |line: Option<&str>| line.map_or("ends", str::trim).to_owned();
            let (ours, theirs) = (show(ours), show(theirs));
            return format!("line {number}: ours `{ours}`, the tool's `{theirs}`");
        }
    }
}
