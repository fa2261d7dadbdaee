//! Step `sweep`: records that nobody needs any more.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{RequestId, SpecDigest, TaskId, UnixMillis, UserName};

use super::board::Board;
use crate::key::Key;

/// Specs that nothing refers to, outcomes of slots or specs that are gone, answers past their time
/// or number.
pub(super) fn removals(board: &Board<'_>) -> Vec<Key> {
    let mut removals = Vec::new();
    let desired = &board.input.lab.desired;
    // Until the task has left, its outcome says that it holds nothing any more.
    let ended = board.tasks.iter().filter(|seat| seat.ended && !seat.leaves);
    let ended: BTreeSet<&TaskId> = ended.map(|seat| &seat.task.id).collect();
    let written: BTreeSet<Key> = board.outcomes.iter().map(super::outcome_key).collect();
    for ((project, service, slot), record) in &desired.outcomes {
        if board.is_frozen(project) {
            continue;
        }
        let wanted = board.index.get(&(project, service));
        let wanted = wanted.map(|number| board.services[*number].record);
        let needed = wanted
            .is_some_and(|wanted| record.is_of(wanted) && (1..=wanted.replicas).contains(slot));
        let key = Key::Outcome(project.clone(), service.clone(), *slot);
        // This very plan may write another outcome in its place.
        if !needed && !ended.contains(&record.task) && !written.contains(&key) {
            removals.push(key);
        }
    }
    // What cannot be read may refer to any of them.
    if desired.aside.is_empty() {
        removals.extend(unused_specs(board).into_iter().cloned().map(Key::Spec));
    }
    removals.extend(old_answers(board).into_iter().cloned().map(Key::Answer));
    removals
}

/// Answers past their time, and of each user those that are one too many, the oldest first.
fn old_answers<'a>(board: &Board<'a>) -> BTreeSet<&'a RequestId> {
    let (now, policy) = (board.input.now, board.input.policy);
    let answers = &board.input.lab.desired.answers;
    let past = answers.iter();
    let past = past.filter(|(_, answer)| now.since(answer.at) > policy.answers_kept);
    let mut old: BTreeSet<&RequestId> = past.map(|(request, _)| request).collect();
    let max = usize::try_from(policy.answers_max).unwrap_or(usize::MAX);
    if answers.len() - old.len() > max {
        let mut by_user: BTreeMap<&UserName, Vec<(UnixMillis, &RequestId)>> = BTreeMap::new();
        for (request, answer) in answers {
            let of_user = by_user.entry(&answer.user).or_default();
            of_user.push((answer.at, request));
        }
        for mut of_user in by_user.into_values() {
            of_user.sort_unstable();
            of_user.truncate(of_user.len().saturating_sub(max));
            old.extend(of_user.into_iter().map(|(_, request)| request));
        }
    }
    old
}

fn unused_specs<'a>(board: &Board<'a>) -> Vec<&'a SpecDigest> {
    let mut used: Vec<&SpecDigest> = board.services.iter().map(|s| &s.record.spec).collect();
    let kept = board.input.lab.desired.revisions.values();
    let kept = kept.flat_map(std::collections::BTreeMap::values);
    let before = kept.flat_map(|revision| revision.before.services.values().flatten());
    used.extend(before.map(|service| &service.spec));
    used.sort_unstable();
    let specs = board.input.lab.desired.specs.keys();
    let mut unused: Vec<&SpecDigest> = specs
        .filter(|digest| used.binary_search(digest).is_err())
        .collect();
    // Tasks that are being stopped may still need the spec of a service as it was.
    if !unused.is_empty() {
        let seats = board.tasks.iter().filter(|seat| !seat.leaves);
        let needed: BTreeSet<&SpecDigest> = seats.map(|seat| &seat.task.spec).collect();
        unused.retain(|digest| !needed.contains(*digest));
    }
    unused
}
