//! Leaders that come and go, commits whose fate is unknown, pushes and reports that are late, repeated
//! and out of order: whatever happens, every committed state is sound, and in the end all is well.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{DurationMs, Fence, NodeId, Report, TaskTarget};
use proptest::prelude::*;

use super::{Stage, register, up};
use crate::change::Change;
use crate::check;
use crate::lab::Lab;
use crate::leader::{Push, Standing};
use crate::record::Answer;
use crate::testing::{node, project, service};

const NODES: [&str; 3] = ["n1", "n2", "n3"];

#[derive(Clone, Debug)]
enum Act {
    /// An `up` of an image with so many tasks, against the revision the store has.
    Up(u8, u32),
    Scale(u32),
    /// The request of that number is sent once more.
    Repeat(usize),
    /// A pass is drafted and committed.
    Commit,
    /// A pass is drafted and stored, and the leader dies before it hears of that.
    DieAfterStore,
    /// A pass is drafted, and the leader dies before it is stored.
    DieBeforeStore,
    /// A push in the mail arrives, perhaps not for the last time.
    Deliver(prop::sample::Index, bool),
    /// A push in the mail is lost.
    Lose(prop::sample::Index),
    /// An agent writes a report; it arrives later.
    Write(usize),
    /// A report arrives, perhaps not for the last time.
    Hear(prop::sample::Index, bool),
    Beat(usize),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        2 => (0u8..3, 0u32..5).prop_map(|(image, n)| Act::Up(image, n)),
        2 => (0u32..5).prop_map(Act::Scale),
        1 => (0usize..6).prop_map(Act::Repeat),
        8 => Just(Act::Commit),
        1 => Just(Act::DieAfterStore),
        1 => Just(Act::DieBeforeStore),
        6 => (index(), any::<bool>()).prop_map(|(i, again)| Act::Deliver(i, again)),
        1 => index().prop_map(Act::Lose),
        5 => (0usize..3).prop_map(Act::Write),
        5 => (index(), any::<bool>()).prop_map(|(i, again)| Act::Hear(i, again)),
        2 => (0usize..3).prop_map(Act::Beat),
        2 => (0u64..2500).prop_map(Act::Wait),
    ]
}

struct Chance {
    stage: Stage,
    mail: Vec<Push>,
    letters: Vec<Report>,
    requests: Vec<(String, Change)>,
    answers: BTreeMap<String, Answer>,
    accepted: BTreeMap<NodeId, Fence>,
}

impl Chance {
    fn new() -> Self {
        let mut stage = Stage::new();
        for name in NODES {
            stage.ask(&format!("join-{name}"), register(name));
        }
        stage.settle();
        Self {
            stage,
            mail: Vec::new(),
            letters: Vec::new(),
            requests: Vec::new(),
            answers: BTreeMap::new(),
            accepted: BTreeMap::new(),
        }
    }

    fn stored(&self) -> Lab {
        let records = self.stage.store.iter();
        let records = records.map(|(key, (tag, record))| (key.clone(), *tag, record.clone()));
        Lab::load(records.collect(), self.stage.head).lab
    }

    fn ask(&mut self, change: Change) {
        let id = format!("r{}", self.requests.len());
        self.requests.push((id.clone(), change.clone()));
        self.stage.ask(&id, change);
    }

    /// What the leader wants done goes into the mail; replies are compared with what was said before.
    fn post(&mut self) {
        let effects = self.stage.core.take_effects();
        self.mail.extend(effects.pushes);
        for publish in effects.publish {
            self.stage.core.on_published(publish.pass, self.stage.now);
        }
        for reply in effects.replies {
            let Ok(answer) = reply.result else { continue };
            let id = reply.request.to_string();
            let first = self.answers.entry(id).or_insert_with(|| answer.clone());
            assert_eq!(*first, answer, "the first answer is the only one");
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Up(image, replicas) => {
                let revision =
                    crate::view::project_facts(&self.stored(), &project("shop")).revision;
                self.ask(up(revision, &format!("web:{image}"), *replicas));
            }
            Act::Scale(replicas) => self.ask(Change::ScaleService {
                project: project("shop"),
                name: service("web"),
                replicas: *replicas,
            }),
            Act::Repeat(number) => {
                if let Some((id, change)) = self.requests.get(*number).cloned() {
                    self.stage.ask(&id, change);
                }
            }
            Act::Commit => {
                if let Some(draft) = self.stage.draft() {
                    self.stage.commit(&draft);
                }
            }
            Act::DieAfterStore | Act::DieBeforeStore => {
                if let Some(draft) = self.stage.draft() {
                    self.stage.core.on_unknown(draft.pass);
                    if matches!(act, Act::DieAfterStore) {
                        self.stage.store(&draft);
                    }
                }
                self.stage.core.on_deposed();
                self.post();
                // What changed nothing is remembered by its leader alone.
                self.answers.retain(|_, answer| has_changed(answer));
                self.stage.succeed();
            }
            Act::Deliver(index, again) => {
                if let Some(push) = take(&mut self.mail, *index, *again) {
                    self.obey(push);
                }
            }
            Act::Lose(index) => drop(take(&mut self.mail, *index, false)),
            Act::Write(number) => {
                let report = self.stage.written(NODES[*number]);
                self.letters.push(report);
            }
            Act::Hear(index, again) => {
                if let Some(report) = take(&mut self.letters, *index, *again) {
                    self.stage.core.on_report(&report, self.stage.now);
                }
            }
            Act::Beat(number) => self.beat(NODES[*number]),
            Act::Wait(ms) => {
                self.stage.now = self.stage.now.plus(DurationMs(*ms));
                self.stage.core.tick(self.stage.now);
            }
        }
        self.post();
        assert_eq!(check::lab(&self.stored()), [], "after {act:?}");
        for (kept, computed) in self.stage.core.asks.derived(self.stage.core.lab()) {
            assert_eq!(kept, computed, "after {act:?}");
        }
        assert_eq!(
            *self.stage.core.standing(),
            Standing::Leading,
            "after {act:?}"
        );
    }

    fn obey(&mut self, push: Push) {
        let id = push.assignment.node.clone();
        let accepted = self.accepted.entry(id.clone()).or_default();
        if push.assignment.fence > *accepted {
            *accepted = push.assignment.fence;
            let specs = push.assignment.specs();
            assert!(specs.iter().all(|digest| push.specs.contains_key(digest)));
            self.stage.got.insert(id, push);
        }
    }

    fn beat(&mut self, name: &str) {
        let accepted = self.accepted.get(&node(name)).copied().unwrap_or_default();
        self.stage.beat(name, accepted);
    }

    /// The faults end: everything arrives at once and in order.
    fn heal(&mut self) {
        self.letters.clear();
        for _ in 0..40 {
            self.stage.now = self.stage.now.plus(DurationMs(1000));
            for name in NODES {
                let report = self.stage.written(name);
                self.stage.core.on_report(&report, self.stage.now);
                self.beat(name);
            }
            self.stage.core.tick(self.stage.now);
            self.post();
            while let Some(draft) = self.stage.draft() {
                self.stage.commit(&draft);
                self.post();
            }
            for push in std::mem::take(&mut self.mail) {
                self.obey(push);
            }
        }
    }
}

fn has_changed(answer: &Answer) -> bool {
    match answer {
        Answer::ProjectApplied { changed, .. }
        | Answer::ProjectRemoved { changed, .. }
        | Answer::ServiceChanged { changed, .. }
        | Answer::NodeRegistered { changed, .. }
        | Answer::NodeChanged { changed, .. } => *changed,
        Answer::Unknown => true,
    }
}

fn take<T: Clone>(from: &mut Vec<T>, index: prop::sample::Index, again: bool) -> Option<T> {
    if from.is_empty() {
        return None;
    }
    let place = index.index(from.len());
    Some(if again {
        from[place].clone()
    } else {
        from.remove(place)
    })
}

proptest! {
    #[test]
    fn whatever_is_lost_late_or_repeated_the_lab_ends_where_the_requests_say(
        acts in prop::collection::vec(act(), 1..80)
    ) {
        let mut chance = Chance::new();
        for act in &acts {
            chance.act(act);
        }
        chance.heal();
        let stored = chance.stored();
        prop_assert_eq!(&chance.stage.core.lab().desired, &stored.desired);
        prop_assert!(stored.desired.outbox.is_empty(), "every event is published and swept");
        for (key, record) in &stored.desired.services {
            let mut slots = BTreeSet::new();
            for assignment in stored.desired.assignments.values() {
                let held = chance.stage.got.get(&assignment.node);
                prop_assert_eq!(held.map(|push| &push.assignment), Some(assignment));
                for task in assignment.tasks.values() {
                    prop_assert_eq!((&task.project, &task.service), (&key.0, &key.1));
                    prop_assert_eq!(task.target, TaskTarget::Run);
                    prop_assert_eq!(&task.spec, &record.spec);
                    slots.insert(task.slot);
                }
            }
            prop_assert_eq!(slots, (1..=record.replicas).collect::<BTreeSet<_>>());
        }
    }
}
