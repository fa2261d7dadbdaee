//! Why a task was given to its node: a short record of each decision, kept with its event.

use lab_types::{AssignedTask, Event, EventScope, EventWhat};

use super::board::Board;
use super::{Filter, Score};
use crate::event::{self, Fact};

/// How many nodes are named that would have come next: with the winner, the best three.
pub(super) const RUNNERS_UP: usize = 2;

/// A decision for one slot.
pub(super) struct Choice {
    pub(super) score: Score,
    /// Who would have come next, best first.
    pub(super) next: Vec<Score>,
    pub(super) refused: Vec<(Filter, u32)>,
}

impl Choice {
    /// The event of the task that is given to the node, with why it was that node.
    pub(super) fn told(&self, board: &Board<'_>, task: &AssignedTask) -> Event {
        let site = &board.nodes[self.score.rank];
        let mut event = event::scheduler(Fact {
            id: event::task_id(&task.id, "assigned"),
            at: board.input.now,
            what: EventWhat::TaskAssigned,
            scope: EventScope {
                project: Some(task.project.clone()),
                service: Some(task.service.clone()),
                slot: Some(task.slot),
                task: Some(task.id.clone()),
                node: Some(site.id.clone()),
                object: None,
            },
            message: format!(
                "task {} of {}/{} was given to node {}",
                task.slot,
                task.project,
                task.service,
                site.name()
            ),
        });
        event.details.insert("best".to_owned(), self.best(board));
        if !self.refused.is_empty() {
            event.details.insert("refused".to_owned(), self.refusals());
        }
        event
    }

    /// The best three with how many tasks they had, of the service and in all: `n1 0/3, n2 0/4, n3 1/4`.
    fn best(&self, board: &Board<'_>) -> String {
        let best = std::iter::once(&self.score).chain(&self.next);
        let best = best.map(|score| {
            let name = board.nodes[score.rank].name();
            format!("{name} {}/{}", score.of_service, score.in_all)
        });
        best.collect::<Vec<_>>().join(", ")
    }

    /// How many nodes each filter refused: `heard 1, host ports 2`.
    fn refusals(&self) -> String {
        let counts = self.refused.iter();
        let counts = counts.map(|(filter, nodes)| format!("{filter} {nodes}"));
        counts.collect::<Vec<_>>().join(", ")
    }
}
