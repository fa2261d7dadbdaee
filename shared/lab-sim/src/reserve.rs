//! Promise 3: what is reserved on a node never exceeds what it advertised.

use std::collections::BTreeMap;

use lab_placement::Key;
use lab_placement::record::Record;
use lab_types::{Assignment, Resources, SpecDigest, TaskId, TaskTarget};

use crate::checker::{Broken, Seen};
use crate::message::Batch;

/// What was committed that reserves something.
#[derive(Debug, Default)]
pub(crate) struct Reserved {
    specs: BTreeMap<SpecDigest, Resources>,
    /// Tasks that have ended for good reserve nothing.
    ended: BTreeMap<Key, TaskId>,
}

impl Reserved {
    /// A pass is stored.
    pub(crate) fn on_batch(&mut self, batch: &Batch) {
        for (key, record) in &batch.puts {
            match record {
                Record::Spec(spec) => {
                    self.specs.insert(spec.digest(), spec.reservation);
                }
                Record::Outcome(outcome) => {
                    self.ended.insert(key.clone(), outcome.task.clone());
                }
                _ => {}
            }
        }
        for key in &batch.removes {
            self.ended.remove(key);
        }
    }

    /// A node got an assignment: where a task is new, all fits.
    pub(crate) fn check(
        &self,
        (old, new): (&Assignment, &Assignment),
        seen: &Seen<'_>,
    ) -> Result<(), Broken> {
        let mut fresh = new
            .tasks
            .values()
            .filter(|task| task.target == TaskTarget::Run && !old.tasks.contains_key(&task.id));
        let Some(capacity) = seen.agents.iter().find(|agent| agent.id == new.node) else {
            return Ok(());
        };
        let capacity = capacity.capacity;
        let mut sum = Resources::default();
        for task in new.tasks.values() {
            if !self.ended.values().any(|ended| *ended == task.id) {
                let reserves = self.specs.get(&task.spec).copied().unwrap_or_default();
                sum.nano_cpus += reserves.nano_cpus;
                sum.memory_bytes += reserves.memory_bytes;
            }
        }
        let exceeds =
            sum.nano_cpus > capacity.nano_cpus || sum.memory_bytes > capacity.memory_bytes;
        match fresh.next() {
            Some(task) if exceeds => Err(format!(
                "task {} was placed on {}, where {sum:?} is reserved of {capacity:?}",
                task.id, new.node
            )),
            Some(_) | None => Ok(()),
        }
    }
}
