//! What the agent hears from the leader, and when it asks.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::assignment::GRAMMAR;
use lab_types::{
    Assignment, CarriedSpec, DurationMs, Fence, Problem, SpecDigest, TaskSpec, UnixMillis,
};

use super::{AgentCore, Heard, SyncAsk};
use crate::action::Subject;
use crate::codes::{REFUSED, SPEC_CHANGED, STATE_REPLACED};
use crate::fence::{Verdict, accept};
use crate::ledger::Ledger;

/// The wait between the first two questions: NATS and a leader answer within it when they are there.
const ASK_FIRST: DurationMs = DurationMs::from_secs(1);

/// The longest wait between two questions: a leader that comes later pushes by itself, so this only
/// covers lost pushes; 1,000 agents then ask 67 times a second in all.
const ASK_MAX: DurationMs = DurationMs::from_secs(15);

/// After how many answers without an assignment a person should know. While an assignment is being
/// changed the leader gives none, but not for longer than a commit takes.
const NONES_MAX: u32 = 3;

#[derive(Clone, Debug)]
pub(super) struct Leader {
    /// Whether the leader has sent or confirmed the assignment in this life.
    confirmed: bool,
    asks: u32,
    ask_at: UnixMillis,
    /// Whether to ask once even if nothing is lacking.
    ask_anyway: bool,
    /// How often in a row the leader gave no assignment.
    nones: u32,
}

impl Leader {
    pub(super) const fn new(now: UnixMillis) -> Self {
        Self {
            confirmed: false,
            asks: 0,
            ask_at: now,
            ask_anyway: true,
            nones: 0,
        }
    }

    pub(super) const fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    pub(super) const fn ask_soon(&mut self, now: UnixMillis) {
        self.asks = 0;
        self.ask_at = now;
        self.ask_anyway = true;
    }

    /// When to ask next, if there is something to ask.
    pub(super) fn ask_at(&self, ledger: &Ledger) -> Option<UnixMillis> {
        let needed = self.ask_anyway || !self.confirmed || lacks_any(ledger);
        needed.then_some(self.ask_at)
    }

    pub(super) fn ask(
        &mut self,
        ledger: &Ledger,
        accepted: Fence,
        now: UnixMillis,
    ) -> Option<SyncAsk> {
        if self.ask_at(ledger)? > now {
            return None;
        }
        let wait = ASK_FIRST.0 << self.asks.min(4);
        self.asks = self.asks.saturating_add(1);
        self.ask_at = now.plus(DurationMs(wait.min(ASK_MAX.0)));
        self.ask_anyway = false;
        Some(SyncAsk {
            boot: ledger.boot,
            accepted,
            lacking: lacking(ledger).into_iter().collect(),
        })
    }
}

/// What a message brought of specs: those that can be read, and of the others why not.
#[derive(Debug, Default)]
pub(super) struct Came {
    specs: BTreeMap<SpecDigest, TaskSpec>,
    unreadable: BTreeMap<SpecDigest, String>,
}

impl Came {
    pub(super) fn of(carried: BTreeMap<SpecDigest, impl Into<CarriedSpec>>) -> Self {
        let mut came = Self::default();
        for (digest, spec) in carried {
            match spec.into().check(&digest) {
                Ok(spec) => drop(came.specs.insert(digest, spec)),
                Err(why) => drop(came.unreadable.insert(digest, why)),
            }
        }
        came
    }
}

/// The images that the tasks of an assignment need, as far as their specs are there.
fn images<'a>(
    assignment: &Assignment,
    specs: &'a BTreeMap<SpecDigest, TaskSpec>,
) -> BTreeSet<&'a str> {
    let digests = assignment.specs();
    let specs = digests.iter().filter_map(|digest| specs.get(digest));
    specs.map(TaskSpec::engine_image).collect()
}

fn lacks_any(ledger: &Ledger) -> bool {
    let mut tasks = ledger.assignment.tasks.values();
    tasks.any(|task| !has_come(ledger, &task.spec))
}

fn lacking(ledger: &Ledger) -> BTreeSet<SpecDigest> {
    let mut needed = ledger.assignment.specs();
    needed.retain(|digest| !has_come(ledger, digest));
    needed
}

fn has_come(ledger: &Ledger, digest: &SpecDigest) -> bool {
    ledger.specs.contains_key(digest) || ledger.unreadable.contains_key(digest)
}

impl AgentCore {
    pub(super) fn hear(&mut self, assignment: Assignment, came: Came, now: UnixMillis) -> Heard {
        let (current, incoming) = (self.ledger.accepted(), assignment.fence);
        let refuse = Verdict::Refuse {
            accepted: current,
            incoming,
        };
        if assignment.node != self.ledger.node {
            let message = format!(
                "an assignment for node {} came to node {}",
                assignment.node, self.ledger.node
            );
            let problems = vec![Problem::new(REFUSED, message)];
            return Heard {
                verdict: refuse,
                problems,
            };
        }
        let mut problems = Vec::new();
        let verdict = self.judge_fence(current, incoming);
        match verdict {
            Verdict::Refuse { accepted, incoming } => {
                let message = format!(
                    "an assignment {incoming} was refused: this node has accepted {accepted}"
                );
                problems.push(Problem::new(REFUSED, message));
                return Heard { verdict, problems };
            }
            Verdict::Same if self.ledger.grammar != GRAMMAR => {
                // What this version reads in it, the one that wrote the memory did not.
                self.ledger.assignment = assignment;
                self.ledger.grammar = GRAMMAR;
                self.disk.changed_if(true);
            }
            Verdict::Same if assignment != self.ledger.assignment => {
                let message = format!("two different assignments are numbered {incoming}");
                problems.push(Problem::new(STATE_REPLACED, message));
                return Heard {
                    verdict: refuse,
                    problems,
                };
            }
            Verdict::Same => {}
            Verdict::Accept => {
                let before = std::mem::replace(&mut self.ledger.assignment, assignment);
                self.forget_failures(&before, &came.specs);
                self.ledger.grammar = GRAMMAR;
                self.disk.changed_if(true);
            }
        }
        self.leader.confirmed = true;
        self.leader.nones = 0;
        let held = self.ledger.specs.len();
        self.take_specs(came, &mut problems);
        // Large specs come in several messages.
        let some_came = self.ledger.specs.len() > held;
        if (verdict == Verdict::Accept || some_came) && lacks_any(&self.ledger) {
            self.leader.ask_soon(now);
        }
        self.undecided = true;
        Heard { verdict, problems }
    }

    /// What is new in the assignment is tried at once, whatever failed before.
    fn forget_failures(&mut self, before: &Assignment, came: &BTreeMap<SpecDigest, TaskSpec>) {
        let known = images(before, &self.ledger.specs);
        let now = images(&self.ledger.assignment, came);
        let ledger = &self.ledger.assignment;
        self.engine.forget_failures(|subject| match subject {
            Subject::Task(id) => before.tasks.get(id) != ledger.tasks.get(id),
            Subject::Image(image) => {
                now.contains(image.as_str()) && !known.contains(image.as_str())
            }
            Subject::Network(name) => before.networks.get(name) != ledger.networks.get(name),
            Subject::Volume(name) => {
                let going = |of: &Assignment| of.remove_volumes.contains_key(name);
                before.volumes.get(name) != ledger.volumes.get(name)
                    || going(before) != going(ledger)
            }
        });
    }

    fn judge_fence(&self, current: Fence, incoming: Fence) -> Verdict {
        #[cfg(feature = "planted-bugs")]
        if self.bug == Some(crate::planted::PlantedBug::NoFence) && incoming != current {
            return Verdict::Accept;
        }
        accept(current, incoming)
    }

    /// Keeps the specs that the assignment needs, and which of them this agent is too old for.
    fn take_specs(&mut self, came: Came, problems: &mut Vec<Problem>) {
        let needed = self.ledger.assignment.specs();
        let before = self.ledger.specs.len();
        let ledger = &mut self.ledger;
        ledger.specs.retain(|digest, _| needed.contains(digest));
        ledger
            .unreadable
            .retain(|digest, _| needed.contains(digest));
        let mut changed = ledger.specs.len() != before;
        for (digest, spec) in came.specs {
            if needed.contains(&digest) && !ledger.specs.contains_key(&digest) {
                ledger.specs.insert(digest, spec);
                changed = true;
            }
        }
        for (digest, why) in came.unreadable {
            if !needed.contains(&digest) || has_come(ledger, &digest) {
                continue;
            }
            let message = format!("a spec that this agent cannot read came in ({digest}): {why}");
            let help = "update this node's agent; its tasks of this spec are refused until then";
            problems.push(Problem::new(SPEC_CHANGED, message).help(help));
            ledger.unreadable.insert(digest, why);
        }
        self.disk.changed_if(changed);
    }

    /// The leader gives no assignment: it is being changed at this moment, or there is none.
    pub(super) fn hear_of_none(&mut self, came: Came) -> Heard {
        let accepted = self.ledger.accepted();
        let mut problems = Vec::new();
        self.take_specs(came, &mut problems);
        self.undecided = true;
        self.leader.nones = self.leader.nones.saturating_add(1);
        if accepted != Fence::default() && self.leader.nones == NONES_MAX {
            let message = format!(
                "the leader has no assignment for this node, which has accepted {accepted}"
            );
            let help = "the lab's state was replaced or restored from an older copy; containers are \
                        left as they are";
            problems.push(Problem::new(STATE_REPLACED, message).help(help));
        }
        Heard {
            verdict: Verdict::Same,
            problems,
        }
    }
}
