//! What the leader has been told, and what it must still be told.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    EngineName, Fence, ForeignPort, Inventory, Report, ReportBody, TaskId, TaskStatus,
};

use super::{Effect, NodeSight};
use crate::ledger::Ledger;

#[derive(Clone, Debug, Default)]
pub(super) struct Reporter {
    sequence: u64,
    full: Full,
    /// As the last decision saw them; absent before the first.
    statuses: Option<BTreeMap<TaskId, TaskStatus>>,
    removed_volumes: BTreeSet<EngineName>,
    /// Whether a decision has been made since the last report.
    has_news: bool,
    told: BTreeMap<TaskId, TaskStatus>,
    told_removed: BTreeSet<EngineName>,
    told_present: Vec<EngineName>,
    /// As they were last seen.
    foreign_ports: Vec<ForeignPort>,
}

/// Where the next full report stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Full {
    /// It is wanted: by a leader, or because this life has not spoken yet.
    #[default]
    Wanted,
    /// The shell was asked to gather what it needs. Deltas wait, so that none comes before it.
    Asked,
    /// None is wanted.
    Sent,
}

impl Reporter {
    pub(super) const fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn want_full(&mut self) {
        self.full = Full::Wanted;
    }

    pub(super) fn observed(
        &mut self,
        statuses: BTreeMap<TaskId, TaskStatus>,
        removed_volumes: BTreeSet<EngineName>,
    ) {
        self.has_news = true;
        self.statuses = Some(statuses);
        self.told_removed
            .retain(|name| removed_volumes.contains(name));
        self.removed_volumes = removed_volumes;
    }

    /// The report that is due, if any. Nothing is said before the engine was seen: not to know a
    /// task is not the same as not to have it.
    pub(super) fn due(
        &mut self,
        ledger: &Ledger,
        accepted: Fence,
        present: impl FnOnce() -> Vec<EngineName>,
    ) -> Option<Effect> {
        let statuses = self.statuses.as_ref()?;
        match self.full {
            Full::Wanted => {
                self.full = Full::Asked;
                return Some(Effect::ReportFull);
            }
            Full::Asked => return None,
            Full::Sent if !std::mem::take(&mut self.has_news) => return None,
            Full::Sent => {}
        }
        let is_news = |status: &&TaskStatus| match self.told.get(&status.task) {
            Some(told) => !is_same(told, status),
            None => true,
        };
        let changed: Vec<TaskStatus> = statuses.values().filter(is_news).cloned().collect();
        let forgotten: Vec<TaskId> = self.told.keys().cloned().collect();
        let forgotten: Vec<TaskId> = forgotten
            .into_iter()
            .filter(|id| !statuses.contains_key(id))
            .collect();
        let removed_volumes: Vec<EngineName> = self
            .removed_volumes
            .difference(&self.told_removed)
            .cloned()
            .collect();
        let present = Some(present()).filter(|present| *present != self.told_present);
        let is_quiet = changed.is_empty() && forgotten.is_empty() && removed_volumes.is_empty();
        if is_quiet && present.is_none() {
            return None;
        }
        if let Some(present) = &present {
            self.told_present.clone_from(present);
        }
        self.told = statuses.clone();
        self.told_removed.clone_from(&self.removed_volumes);
        let body = ReportBody::Delta {
            changed,
            forgotten,
            removed_volumes,
            present,
        };
        Some(Effect::Report(self.number(ledger, accepted, body)))
    }

    pub(super) fn full(
        &mut self,
        ledger: &Ledger,
        accepted: Fence,
        sight: NodeSight,
        present: Vec<EngineName>,
    ) -> Report {
        let tasks = self.statuses.clone().unwrap_or_default();
        self.told.clone_from(&tasks);
        self.told_removed.clone_from(&self.removed_volumes);
        self.told_present.clone_from(&present);
        self.full = Full::Sent;
        if let Some(seen) = sight.foreign_ports {
            self.foreign_ports = seen;
        }
        let inventory = Inventory {
            hostname: sight.hostname,
            role: sight.role,
            facts: sight.facts,
            tasks,
            foreign_ports: self.foreign_ports.clone(),
            removed_volumes: self.removed_volumes.iter().cloned().collect(),
            present,
        };
        let body = ReportBody::Full {
            inventory: Box::new(inventory),
        };
        self.number(ledger, accepted, body)
    }

    fn number(&mut self, ledger: &Ledger, accepted: Fence, body: ReportBody) -> Report {
        self.sequence += 1;
        Report {
            node: ledger.node.clone(),
            boot: ledger.boot,
            sequence: self.sequence,
            accepted,
            body,
        }
    }
}

/// Whether two statuses differ in nothing but when they were seen.
fn is_same(told: &TaskStatus, now: &TaskStatus) -> bool {
    let told = TaskStatus {
        observed_at: now.observed_at,
        ..told.clone()
    };
    told == *now
}
