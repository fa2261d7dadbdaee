//! In what two answers differ, and the smallest project in which they still do.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::doc::Project;
use crate::readers::{Answer, Oracle, ours};

/// Runs of the tool that making one project smaller may take: half a minute.
const RUNS_MAX: usize = 600;

/// A difference; two with the same `kind` are taken to have one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// What differs, without the names and numbers of this project.
    pub(crate) kind: String,
    /// What each says.
    pub(crate) told: String,
}

/// In what the answers differ.
pub(crate) fn difference(ours: &Answer, theirs: &Answer) -> Option<Difference> {
    match (ours, theirs) {
        (Answer::Unsupported | Answer::Failed, _)
        | (_, Answer::Unsupported | Answer::Failed)
        | (Answer::Refused(_), Answer::Refused(_)) => None,
        (Answer::Refused(ours), Answer::Accepted(_)) => Some(Difference {
            kind: format!("refused: {}", shape(ours)),
            told: format!("Tercio refuses: {ours}"),
        }),
        (Answer::Accepted(_), Answer::Refused(theirs)) => Some(Difference {
            kind: format!("accepted: {}", shape(theirs)),
            told: format!("Docker Compose refuses: {theirs}"),
        }),
        (Answer::Accepted(ours), Answer::Accepted(theirs)) if ours == theirs => None,
        (Answer::Accepted(ours), Answer::Accepted(theirs)) => Some(in_text(ours, theirs)),
    }
}

fn in_text(ours: &str, theirs: &str) -> Difference {
    let parsed = |text| serde_json::from_str(text).unwrap_or(Value::Null);
    match unlike(&parsed(ours), &parsed(theirs), &mut Vec::new()) {
        Some((path, ours, theirs)) => Difference {
            kind: format!("unlike: {}", shape_of_path(&path)),
            told: format!(
                "at {}: Tercio {ours}, Docker Compose {theirs}",
                path.join(".")
            ),
        },
        None => {
            let mut lines = ours.lines().zip(theirs.lines());
            let (ours, theirs) = lines.find(|(a, b)| a != b).unwrap_or_default();
            Difference {
                kind: "unlike: the way in which it is written".to_owned(),
                told: format!("Tercio writes `{ours}`, Docker Compose `{theirs}`"),
            }
        }
    }
}

/// The first place where two values differ.
fn unlike(
    ours: &Value,
    theirs: &Value,
    path: &mut Vec<String>,
) -> Option<(Vec<String>, String, String)> {
    let told = |value: Option<&Value>| value.map_or("nothing".to_owned(), ToString::to_string);
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            let keys = left.keys().chain(right.keys());
            for key in keys {
                path.push(key.clone());
                match (left.get(key), right.get(key)) {
                    (Some(ours), Some(theirs)) => {
                        if let Some(found) = unlike(ours, theirs, path) {
                            return Some(found);
                        }
                    }
                    (ours, theirs) => return Some((path.clone(), told(ours), told(theirs))),
                }
                path.pop();
            }
            None
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (ours, theirs)) in left.iter().zip(right).enumerate() {
                path.push(index.to_string());
                if let Some(found) = unlike(ours, theirs, path) {
                    return Some(found);
                }
                path.pop();
            }
            None
        }
        _ if ours == theirs => None,
        _ => Some((path.clone(), told(Some(ours)), told(Some(theirs)))),
    }
}

/// A path without the names that the project chose.
fn shape_of_path(path: &[String]) -> String {
    let parts = path.iter().enumerate();
    let parts = parts.map(
        |(depth, part)| match depth == 1 || part.parse::<usize>().is_ok() {
            true => "*",
            false => part.as_str(),
        },
    );
    parts.collect::<Vec<_>>().join(".")
}

/// A message without what it quotes, numbers and names.
pub(crate) fn shape(message: &str) -> String {
    let mut shape = String::new();
    let mut quote = None;
    for c in message.lines().next().unwrap_or_default().chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if ['"', '`', '\''].contains(&c) => quote = Some(c),
            None if c.is_ascii_digit() => {}
            None => shape.push(c),
        }
    }
    let words = shape.split(' ').map(|word| match word.contains(".yml") {
        true => "FILE".to_owned(),
        false => without_names(word),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `networks.n.driver_opts.a` without the names that the project chose: all of one letter, and those
/// of a section's entries.
fn without_names(word: &str) -> String {
    let parts = word.split('.').enumerate();
    let parts = parts.map(|(depth, part)| match depth == 1 || part.len() == 1 {
        true => "*",
        false => part,
    });
    parts.collect::<Vec<_>>().join(".")
}

/// The smallest project found that differs in the same way.
///
/// # Errors
/// The tool cannot be run.
pub(crate) fn smallest(
    mut project: Project,
    found: Difference,
    oracle: &Oracle,
    folder: &Path,
) -> Result<(Project, Difference)> {
    let mut last = found;
    let mut runs = 0;
    'smaller: loop {
        for candidate in project.smaller() {
            if runs == RUNS_MAX {
                break 'smaller;
            }
            let ours = ours(&candidate, folder);
            // What Tercio does tells most candidates apart without the tool.
            let is_alike = match &ours {
                Answer::Unsupported | Answer::Failed => false,
                Answer::Refused(why) => last.kind == format!("refused: {}", shape(why)),
                Answer::Accepted(_) => !last.kind.starts_with("refused"),
            };
            if !is_alike {
                continue;
            }
            runs += 1;
            let difference = difference(&ours, &oracle.read(&candidate)?);
            if let Some(difference) = difference.filter(|one| one.kind == last.kind) {
                (project, last) = (candidate, difference);
                continue 'smaller;
            }
        }
        break;
    }
    Ok((project, last))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::difference;
    use crate::readers::Answer;

    #[test]
    fn differences_of_one_cause_have_one_kind() {
        let accepted = |json: &serde_json::Value| Answer::Accepted(json.to_string());
        let kind = |ours: serde_json::Value, theirs: serde_json::Value| {
            difference(&accepted(&ours), &accepted(&theirs)).map(|one| one.kind)
        };
        let a = json!({"services": {"a": {"ports": [{"target": 1}]}}});
        let b = json!({"services": {"b": {"ports": [{"target": 1}]}}});
        let c = json!({"services": {"b": {"ports": [{"target": 2}]}}});
        assert_eq!(kind(a.clone(), a.clone()), None);
        assert_eq!(
            kind(b, c).as_deref(),
            Some("unlike: services.*.ports.*.target")
        );
        assert_eq!(kind(a, json!({})).as_deref(), Some("unlike: services"));
    }

    #[test]
    fn what_both_refuse_is_no_difference() {
        let refused = |why: &str| Answer::Refused(why.to_owned());
        assert_eq!(difference(&refused("a"), &refused("b")), None);
        let found = difference(
            &refused("CMP0005 a \"x\" 5 (compose.yml:1:2)"),
            &Answer::Accepted("{}".to_owned()),
        );
        assert_eq!(found.unwrap().kind, "refused: CMP *   FILE");
    }
}
