//! Promise 4, its second half: an exclusive slot never has two running.
//!
//! What can be promised rests on the agent: it stops the first before the second may start. So a second
//! one beside the first breaks the promise whatever is cut, lost, late or in doubt, *unless the agent
//! of the first is dead or stands still*, or has been back for less than [`NOTICES`]: nobody else can
//! stop a container. All else is checked after every event, and those are counted.

use std::collections::{BTreeMap, BTreeSet};

use lab_converge::labels;
use lab_types::TaskId;

use crate::agent::Agent;
use crate::checker::Broken;
use crate::queue::{MS, Micros};

/// How long an agent that is back may take until what it may not run has ended: it looks at its engine
/// (60 ms here), and the stop has no grace left.
const NOTICES: Micros = 200 * MS;

/// What was seen of exclusive slots.
#[derive(Debug, Default)]
pub(crate) struct Exclusive {
    /// Tasks that ran beside another, excused.
    excused: BTreeSet<TaskId>,
}

impl Exclusive {
    /// How often a second one ran that nobody could hinder.
    pub(crate) fn excused(&self) -> u32 {
        u32::try_from(self.excused.len()).unwrap_or(u32::MAX)
    }

    /// Something has happened on a node.
    pub(crate) fn check(&mut self, agents: &[Agent], now: Micros) -> Result<(), Broken> {
        let mut slots: BTreeMap<_, Vec<(&Agent, TaskId)>> = BTreeMap::new();
        for agent in agents {
            for (task, container) in agent.engine.tasks() {
                if container.is_running() && container.spec.is_exclusive() {
                    let label = |key| container.labels.get(key).map_or("", String::as_str);
                    let slot = [labels::PROJECT, labels::SERVICE, labels::SLOT].map(label);
                    slots.entry(slot).or_default().push((agent, task));
                }
            }
        }
        for (slot, running) in slots.iter().filter(|(_, running)| running.len() > 1) {
            let able: Vec<_> = running
                .iter()
                .filter(|(agent, _)| agent.was_able(NOTICES, now))
                .collect();
            if able.len() > 1 {
                let where_ = able
                    .iter()
                    .map(|(agent, task)| format!("{task} on {}", agent.id));
                let where_: Vec<String> = where_.collect();
                return Err(format!(
                    "the exclusive slot {} has two running: {}",
                    slot.join("/"),
                    where_.join(" and ")
                ));
            }
            let excused = running
                .iter()
                .filter(|(agent, _)| !agent.was_able(NOTICES, now));
            self.excused.extend(excused.map(|(_, task)| task.clone()));
        }
        Ok(())
    }
}
