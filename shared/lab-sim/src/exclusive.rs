//! Promise 4, its second half: an exclusive slot never has two running.
//!
//! What can be promised rests on the agent: it stops the first before the second may start. So a second
//! one beside the first breaks the promise whatever is cut, lost, late or in doubt, *unless the agent
//! of the first is dead or stands still*, or has been back for less than [`NOTICES`]: nobody else can
//! stop a container. All else is checked after every event, and those are counted.

use std::collections::{BTreeMap, BTreeSet};

use lab_converge::labels;

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
    excused: BTreeSet<String>,
}

impl Exclusive {
    /// How often a second one ran that nobody could hinder.
    pub(crate) fn excused(&self) -> u32 {
        u32::try_from(self.excused.len()).unwrap_or(u32::MAX)
    }

    /// Something has happened on a node.
    pub(crate) fn check(&mut self, agents: &[Agent], now: Micros) -> Result<(), Broken> {
        let mut slots: BTreeMap<[&str; 3], Vec<(&Agent, &str)>> = BTreeMap::new();
        for agent in agents {
            for (_, container) in agent.engine.ours() {
                if container.is_running() && container.spec.is_exclusive() {
                    let label = |key| container.labels.get(key).map_or("", String::as_str);
                    let slot = [labels::PROJECT, labels::SERVICE, labels::SLOT].map(label);
                    slots
                        .entry(slot)
                        .or_default()
                        .push((agent, label(labels::TASK)));
                }
            }
        }
        for (slot, running) in slots.iter().filter(|(_, running)| running.len() > 1) {
            let (able, others): (Vec<_>, Vec<_>) = running
                .iter()
                .partition(|(agent, _)| agent.was_able(NOTICES, now));
            if able.len() > 1 {
                let places = able
                    .iter()
                    .map(|(agent, task)| format!("{task} on {}", agent.id));
                let places: Vec<String> = places.collect();
                return Err(format!(
                    "the exclusive slot {} has two running: {}",
                    slot.join("/"),
                    places.join(" and ")
                ));
            }
            self.excused
                .extend(others.iter().map(|(_, task)| (*task).to_owned()));
        }
        Ok(())
    }
}
