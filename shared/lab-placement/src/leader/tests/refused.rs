//! A store that refuses a pass.

use lab_types::{DurationMs, Problem};

use super::{Stage, up};
use crate::leader::{Refused, Standing};

impl Stage {
    /// The store refuses what was drafted, as a full one does.
    fn refuse(&mut self) {
        let records = self.store.iter();
        let records = records.map(|(key, (tag, record))| (key.clone(), *tag, record.clone()));
        self.core.on_refused(Refused {
            unread: Vec::new(),
            problem: Problem::new("SCH0043", "the store is full"),
            head: self.head,
            records: records.collect(),
            now: self.now,
        });
        self.take();
    }
}

#[test]
fn a_refused_change_is_told_taken_back_and_tried_again_later() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.settle();
    let before = stage.core.lab().desired.clone();
    let got = stage.got.clone();
    stage.replies.clear();

    stage.ask("r2", up(1, "web:2", 3));
    stage.draft().unwrap();
    stage.ask("r3", up(1, "web:3", 1));
    stage.refuse();
    assert_eq!(stage.replied(), ["r2: SCH0043", "r3: SCH0043"]);
    assert_eq!(stage.core.lab().desired, before, "nothing of it is left");
    assert_eq!(stage.got.len(), got.len(), "nothing of it was pushed");
    assert!(matches!(stage.core.standing(), Standing::ReadOnly(_)));
    assert!(stage.core.doubt().is_some());

    stage.replies.clear();
    stage.ask("r4", up(1, "web:2", 3));
    assert_eq!(stage.replied(), ["r4: SCH0043"], "at once");
    assert_eq!(stage.draft(), None, "a full store is not pressed");

    let again = stage.core.wake_at().unwrap();
    assert!(again <= stage.now.plus(DurationMs::from_secs(5)));
    stage.now = stage.now.plus(DurationMs::from_secs(5));
    stage.core.tick(stage.now);
    stage.replies.clear();
    stage.ask("r5", up(1, "web:2", 3));
    stage.settle();
    assert_eq!(stage.replied(), ["r5: revision 2, changed true"]);
    assert!(stage.core.doubt().is_none());
    assert_ne!(stage.core.lab().desired.assignments, before.assignments);
}

#[test]
fn what_was_observed_before_a_refusal_is_told_after_it() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.settle();
    let told = stage.events.len();
    stage.report("n1");
    let draft = stage.draft().unwrap();
    stage.refuse();
    assert_eq!(stage.events.len(), told, "{draft:?}");
    stage.now = stage.now.plus(DurationMs::from_secs(5));
    // It lives, and has nothing new to tell.
    stage.report("n1");
    stage.core.tick(stage.now);
    stage.settle();
    let later: Vec<_> = stage.events[told..]
        .iter()
        .map(|event| event.what)
        .collect();
    assert!(
        later.contains(&lab_types::EventWhat::TaskRunning),
        "{later:?}"
    );
    assert!(
        later.contains(&lab_types::EventWhat::ServiceConverged),
        "{later:?}"
    );
}
