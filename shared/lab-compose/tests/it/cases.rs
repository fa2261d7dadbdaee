//! Compose files are read as Docker Compose 2.40.3 reads them: `testdata/config` holds cases with
//! the output of the real tool (`testdata/regenerate` says how they are laid out and made).
//!
//! A case that both accept must come out the same byte for byte; one that the tool refuses must be
//! refused, at a place, in the words of its `findings`. Two lists hold the exceptions, and each fails
//! when it is stale: `testdata/pending` what does not hold yet, `testdata/differences` what is not
//! meant to hold, whose outcome is pinned all the same (`findings`, or `ours.json` and `ours.yaml`).
//!
//! `testdata/stack` holds what `docker stack config` accepts, with its output; whatever it accepts is to
//! be read, and `testdata/stack-pending` lists what is not yet.
//!
//! `TERCIO_PENDING=write` writes the lists of what is pending anew, `UPDATE_EXPECT=1` the words of
//! refusals and the outcomes of differences.

#![allow(
    clippy::disallowed_methods,
    reason = "the cases are files, found when the tests run"
)]

mod broken;
mod case;
mod exceptions;
mod outcome;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use case::{Case, Expected};
use exceptions::List;
use outcome::{Outcome, Verdict};

/// The judgement of each case, by its name.
fn judged() -> BTreeMap<String, (Case, Outcome, Verdict)> {
    let update = std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    let differences = List::read("differences");
    let judge = |case: Case| {
        let outcome = Outcome::of(&case);
        if update {
            outcome::pin(&case, &outcome, differences.has(&case.name));
        }
        let verdict = outcome::judge(&case, &outcome);
        (case.name.clone(), (case, outcome, verdict))
    };
    case::all().into_iter().map(judge).collect()
}

#[test]
fn every_case_comes_out_as_the_tool_has_it_or_is_listed() {
    let judged = judged();
    let differences = List::read("differences");
    let unlike: BTreeMap<&str, &str> = judged
        .iter()
        .filter(|(name, _)| !differences.has(name))
        .filter_map(|(name, (_, _, verdict))| {
            Some((name.as_str(), verdict.as_ref().err()?.as_str()))
        })
        .collect();
    compare_with_list("pending", &unlike);
}

/// Fails when something is wrong that is not on the list, and when the list names what is right.
#[track_caller]
fn compare_with_list(file: &str, wrong: &BTreeMap<&str, &str>) {
    if std::env::var_os("TERCIO_PENDING").is_some_and(|value| value == "write") {
        List::write(file, wrong);
    }
    let list = List::read(file);
    let mut told = String::new();
    for (name, reason) in wrong.iter().filter(|(name, _)| !list.has(name)) {
        let _ = writeln!(told, "{name}: {reason}");
    }
    for name in list.names().filter(|name| !wrong.contains_key(name)) {
        let _ = writeln!(
            told,
            "{name} is listed as {file} and holds: remove its line"
        );
    }
    assert!(told.is_empty(), "{told}");
}

#[test]
fn every_stack_file_is_read_or_listed() {
    let cases = case::stacks();
    let refused = cases.iter().filter_map(|case| match Outcome::of(case) {
        Outcome::Accepted { .. } => None,
        Outcome::Refused { errors, findings } => {
            let first = errors.into_iter().next();
            Some((
                case.name.as_str(),
                first.map_or(findings, |(_, _, line)| line),
            ))
        }
    });
    let refused: BTreeMap<&str, String> = refused.collect();
    let refused = refused.iter().map(|(name, why)| (*name, why.as_str()));
    compare_with_list("stack-pending", &refused.collect());
}

#[test]
fn every_intended_difference_is_one_and_comes_out_as_pinned() {
    let judged = judged();
    let mut wrong = String::new();
    for name in List::read("differences").names() {
        let Some((case, outcome, verdict)) = judged.get(name) else {
            let _ = writeln!(wrong, "{name}: there is no such case");
            continue;
        };
        if verdict.is_ok() {
            let _ = writeln!(wrong, "{name} is listed as a difference and is none");
        } else if let Err(reason) = outcome::is_pinned(case, outcome) {
            let _ = writeln!(wrong, "{name}: {reason}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The tool doubles the dollar signs of keys when it writes and takes them as they are when it reads:
/// what it writes of these is read back as something else, by itself too.
const NOT_READ_BACK: &[&str] = &[
    "attribute/environment",
    "variables/keys-are-not-interpolated",
];

#[test]
fn the_canonical_form_is_read_back_as_itself() {
    let mut wrong = String::new();
    for (name, (case, outcome, verdict)) in judged() {
        let (Ok(()), Outcome::Accepted { yaml, .. }) = (verdict, outcome) else {
            continue;
        };
        if NOT_READ_BACK.contains(&name.as_str()) {
            continue;
        }
        let again = case.config_of_text(&yaml).0.map(|config| config.to_yaml());
        if again.as_ref() != Some(&yaml) {
            let again = again.unwrap_or_default();
            let _ = writeln!(wrong, "{name}: {}", outcome::first_unlike(&again, &yaml));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_attribute_of_the_format_has_a_case() {
    let cases = case::all();
    let accepted = cases.iter().filter_map(|case| match &case.expected {
        Expected::Accepted { json, .. } => Some(json),
        Expected::Refused => None,
    });
    let seen: Vec<serde_json::Value> = accepted
        .map(|json| serde_json::from_str(json).expect("the tool writes JSON"))
        .collect();
    let wanted = case::text("attributes");
    let without: Vec<&str> = wanted
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter(|line| match line.split_once(' ') {
            None => !seen.iter().any(|json| case::holds(json, line)),
            Some((path, name)) => !cases
                .iter()
                .any(|case| case.name == name && case.mentions(path)),
        })
        .collect();
    assert_eq!(without, [""; 0]);
}
