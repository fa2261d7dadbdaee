//! Trying again what has failed for good.
//!
//! A rejected task or one without further attempts keeps its slot, and nothing but a person can know
//! that the cause is gone: the image is there now, the other machine is back. Applying the project
//! again says so. What has *completed* is not run again.

use std::collections::BTreeSet;

use lab_types::{Outcome, ProjectModel, ProjectName, TaskId, TaskTarget};

use super::{ChangeContext, Delta};
use crate::key::Key;
use crate::lab::Lab;
use crate::record::Record;

/// Withdraws the tasks that have failed for good in services that stay as they are; their slots are
/// filled anew when they have gone.
pub(super) fn failed(
    lab: &Lab,
    project: &ProjectName,
    model: &ProjectModel,
    context: &ChangeContext,
    delta: &mut Delta,
) {
    let mut tasks: BTreeSet<&TaskId> = BTreeSet::new();
    for ((owner, name, slot), record) in &lab.desired.outcomes {
        let service = model.services.get(name).filter(|_| owner == project);
        let stays = service.is_some_and(|service| {
            *slot <= service.replicas && service.task.digest() == record.spec
        });
        match record.outcome {
            Outcome::Exhausted { .. } if stays => {
                let key = Key::Outcome(owner.clone(), name.clone(), *slot);
                delta.removes.push(key);
                tasks.insert(&record.task);
            }
            Outcome::Exhausted { .. } | Outcome::Completed => {}
        }
    }
    if tasks.is_empty() {
        return;
    }
    for (node, assignment) in &lab.desired.assignments {
        if !assignment.tasks.keys().any(|task| tasks.contains(task)) {
            continue;
        }
        let mut changed = assignment.clone();
        changed.fence = context.leader.fence_after(assignment.fence);
        for (id, task) in &mut changed.tasks {
            if tasks.contains(id) {
                task.target = TaskTarget::Stop;
            }
        }
        let key = Key::Assignment(node.clone());
        delta.puts.push((key, Record::Assignment(changed)));
    }
}
