//! Slots that the lab goes on with, and that are not worth waiting for: what they wait for will not come,
//! or they fail again and again. The lab's word on it, so that every client judges alike.

use lab_types::{
    Condition, Dependency, Gate, Health, NodeLiveness, Outcome, ServiceName, ServiceRecord,
    TaskState, TaskTarget,
};

use super::counts::Placed;
use super::{ByService, Hopeless};
use crate::lab::Lab;

/// Starts that fail one after another until nobody should wait: the first two may be a port or a name that
/// the task before still held.
const ATTEMPTS_MAX: u32 = 3;

/// The slots of a service that are not worth waiting for.
pub(super) fn slots(lab: &Lab, tasks: &ByService<'_>, record: &ServiceRecord) -> Vec<Hopeless> {
    let own = tasks.get(&(&record.project, &record.name));
    let mut current = own.into_iter().flatten();
    let is_closed = |placed: &Placed<'_>| placed.task.gate != Gate::Open;
    let waits = current.any(|placed| should_run(placed, record) && is_closed(placed));
    let dependencies = record.depends_on.iter().filter(|_| waits);
    let mut lost = dependencies.filter_map(|(other, on)| never(lab, tasks, record, (other, *on)));
    let lost = lost.next();
    let current = own.into_iter().flatten();
    let current = current.filter(|placed| should_run(placed, record));
    let why = |placed: &Placed<'_>| match is_closed(placed) {
        true => lost.clone(),
        false => fails(placed),
    };
    let hopeless = current.filter_map(|placed| {
        let slot = placed.task.slot;
        why(placed).map(|reason| Hopeless { slot, reason })
    });
    let mut hopeless: Vec<Hopeless> = hopeless.collect();
    hopeless.sort_by_key(|one| one.slot);
    hopeless.truncate(Hopeless::MAX);
    hopeless
}

/// Whether a task is the service's present one, on a node that says how it is.
fn should_run(placed: &Placed<'_>, record: &ServiceRecord) -> bool {
    let silent = matches!(placed.liveness, NodeLiveness::Away | NodeLiveness::Lost);
    placed.task.target == TaskTarget::Run && placed.task.spec == record.spec && !silent
}

/// How a task failed, when it has once too often.
fn fails(placed: &Placed<'_>) -> Option<String> {
    let status = placed.status?;
    let attempt = status.progress.attempt;
    if status.progress.state != TaskState::Failed || attempt < ATTEMPTS_MAX {
        return None;
    }
    let how = match (status.exit_code, &status.message) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(message)) => message.clone(),
        (None, None) => "failed".to_owned(),
    };
    Some(format!("{how} (attempt {attempt})"))
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
