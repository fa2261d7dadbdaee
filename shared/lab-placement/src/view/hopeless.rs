//! Slots that the lab goes on with, and that are not worth waiting for: what they wait for will not come,
//! or they fail again and again. The lab's word on it, so that every client judges alike.

use lab_types::{
    Condition, Dependency, Gate, Health, Outcome, ServiceName, ServiceRecord, TaskState, TaskTarget,
};

use super::counts::Placed;
use super::{ByService, ServiceRow};
use crate::lab::Lab;

/// Starts that fail one after another until nobody should wait: the first two may be a port or a name that
/// the task before still held.
const ATTEMPTS_MAX: u32 = 3;

/// Marks the problems of a service's slots that are not worth waiting for.
pub(super) fn mark(lab: &Lab, tasks: &ByService<'_>, record: &ServiceRecord, row: &mut ServiceRow) {
    if row.problems.is_empty() {
        return;
    }
    let own = tasks.get(&(&record.project, &record.name));
    let dependencies = record.depends_on.iter();
    let mut lost = dependencies.filter_map(|(other, on)| never(lab, tasks, record, (other, *on)));
    let lost = lost.next();
    for problem in row.problems.iter_mut().filter(|one| !one.is_final) {
        let mut current = own.into_iter().flatten();
        let is_it = |placed: &&Placed<'_>| {
            let task = placed.task;
            task.slot == problem.slot && should_run(placed, record)
        };
        let Some(placed) = current.find(is_it) else {
            continue;
        };
        problem.hopeless = match placed.task.gate == Gate::Open {
            false => lost.clone(),
            true => fails(placed).map(|attempt| format!("{} (attempt {attempt})", problem.reason)),
        };
    }
}

fn should_run(placed: &Placed<'_>, record: &ServiceRecord) -> bool {
    placed.task.target == TaskTarget::Run && placed.task.spec == record.spec
}

/// The attempt with which a task failed, when it is one too many.
fn fails(placed: &Placed<'_>) -> Option<u32> {
    let progress = placed.status?.progress;
    let is_enough = progress.state == TaskState::Failed && progress.attempt >= ATTEMPTS_MAX;
    is_enough.then_some(progress.attempt)
}

/// Why a dependency will not come to be as it should: Docker gives up one that is unhealthy, too.
fn never(
    lab: &Lab,
    tasks: &ByService<'_>,
    record: &ServiceRecord,
    (other, dependency): (&ServiceName, Dependency),
) -> Option<String> {
    let key = (record.project.clone(), other.clone());
    let other_record = lab.desired.services.get(&key)?;
    if !dependency.required {
        return None;
    }
    let slot = |slot: u32| (record.project.clone(), other.clone(), slot);
    let outcomes = lab
        .desired
        .outcomes
        .range(slot(1)..=slot(other_record.replicas.max(1)));
    let mut ended = outcomes
        .map(|(_, outcome)| outcome)
        .filter(|outcome| outcome.slot <= other_record.replicas && outcome.is_of(other_record));
    let failed = ended.find_map(|outcome| match &outcome.outcome {
        Outcome::Exhausted { message, .. } if dependency.condition != Condition::ServiceStarted => {
            Some((outcome.slot, format!("failed for good: {message}")))
        }
        Outcome::Exhausted { .. } | Outcome::Refused { .. } | Outcome::Completed => None,
    });
    let is_sick = |placed: &&Placed<'_>| {
        let unhealthy = placed.status.is_some_and(|status| {
            status.progress.state == TaskState::Running && status.health == Health::Unhealthy
        });
        should_run(placed, other_record) && unhealthy
    };
    let waits_for_health = dependency.condition == Condition::ServiceHealthy;
    let others = tasks
        .get(&(&record.project, other))
        .filter(|_| waits_for_health);
    let sick = others.into_iter().flatten().find(is_sick);
    let sick = sick.map(|placed| (placed.task.slot, "is unhealthy".to_owned()));
    let (slot, why) = failed.or(sick)?;
    Some(format!("{other}.{slot}, which it waits for, {why}"))
}
