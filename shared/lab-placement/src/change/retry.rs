//! Trying again what has failed for good.
//!
//! A slot that every node has refused or that has no further attempt stays as it is, and nothing but a
//! person can know that the cause is gone: the image is there now, the other machine is back. Applying
//! the project again says so: the service's number of tries grows, failures of earlier tries do not
//! count any more, and the planner withdraws their tasks. What has *completed* is not run again.

use std::collections::BTreeSet;

use lab_types::{Outcome, OutcomeRecord, ServiceRecord, SpecDigest, TaskTarget};

use crate::lab::Lab;

/// The slots to try again of a service that is applied (again) with a spec and so many tasks.
pub(super) fn again(
    lab: &Lab,
    old: Option<&ServiceRecord>,
    spec: &SpecDigest,
    replicas: u32,
) -> BTreeSet<u32> {
    let Some(old) = old else {
        return BTreeSet::new();
    };
    let slots = |slot| (old.project.clone(), old.name.clone(), slot);
    let outcomes = lab
        .desired
        .outcomes
        .range(slots(1)..=slots(replicas.max(1)));
    let failed = outcomes
        .map(|(_, record)| record)
        .filter(|record| record.slot <= replicas && record.is_of(old) && record.spec == *spec);
    let again = failed.filter(|record| match record.outcome {
        Outcome::Exhausted { .. } => true,
        Outcome::Refused { .. } => !has_task(lab, record),
        Outcome::Completed => false,
    });
    again.map(|record| record.slot).collect()
}

/// Whether the slot of an outcome has another task by now.
fn has_task(lab: &Lab, record: &OutcomeRecord) -> bool {
    let assignments = lab.desired.assignments.values();
    let mut tasks = assignments.flat_map(|assignment| assignment.tasks.values());
    tasks.any(|task| {
        let same = (&task.project, &task.service, task.slot)
            == (&record.project, &record.service, record.slot);
        same && task.target == TaskTarget::Run && task.id != record.task
    })
}
