//! What each change of a project made different is kept, so that it can be told and undone.

use lab_types::{Before, RevisionRecord, ServiceBefore, ServiceRecord};

use super::{Change, ChangeContext, Delta};
use crate::key::Key;
use crate::lab::Lab;
use crate::record::Record;

/// How many changes of a project are kept: as many as fit one screen, and a day of busy work.
pub(super) const REVISIONS_KEPT: u64 = 20;

/// Adds the record of the revision that a change makes, and drops the one that is one too many.
pub(super) fn keep(lab: &Lab, change: &Change, context: &ChangeContext, delta: &mut Delta) {
    let project = delta.puts.iter().find_map(|(_, record)| match record {
        Record::Project(project) => Some(project),
        _ => None,
    });
    let Some(new) = project else {
        return;
    };
    let old = lab.desired.projects.get(&new.name);
    if old.is_some_and(|old| old.revision == new.revision) {
        return;
    }
    let plan = match change {
        Change::ApplyProject { plan, .. } => plan.clone(),
        _ => None,
    };
    let mut before = Before::of(old, new);
    for (key, record) in &delta.puts {
        if let (Key::Service(project, name), Record::Service(service)) = (key, record) {
            let key = (project.clone(), name.clone());
            let old = lab.desired.services.get(&key);
            if !old.is_some_and(|old| is_same(old, service)) {
                before.services.insert(name.clone(), old.map(was));
            }
        }
    }
    for key in &delta.removes {
        if let Key::Service(project, name) = key {
            let key = (project.clone(), name.clone());
            let old = lab.desired.services.get(&key);
            before.services.insert(name.clone(), old.map(was));
        }
    }
    let record = RevisionRecord {
        project: new.name.clone(),
        revision: new.revision,
        at: context.now,
        by: context.user.as_str().to_owned(),
        plan,
        before,
    };
    let first_kept = new.revision.saturating_sub(REVISIONS_KEPT - 1);
    let kept = lab.desired.revisions.get(&new.name);
    let past = kept.into_iter().flat_map(|kept| kept.range(..first_kept));
    let past = past.map(|(number, _)| Key::Revision(new.name.clone(), *number));
    delta.removes.extend(past);
    delta.puts.push((
        Key::Revision(record.project.clone(), record.revision),
        Record::Revision(Box::new(record)),
    ));
}

fn was(service: &ServiceRecord) -> ServiceBefore {
    ServiceBefore {
        spec: service.spec.clone(),
        replicas: service.replicas,
        depends_on: service.depends_on.clone(),
    }
}

/// Whether nothing differs that a file could say.
fn is_same(old: &ServiceRecord, new: &ServiceRecord) -> bool {
    was(old) == was(new)
}
