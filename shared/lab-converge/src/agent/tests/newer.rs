//! A leader that is newer than the agent: what the agent cannot read concerns its task alone.

use std::collections::BTreeMap;

use expect_test::expect;
use lab_types::{Assignment, CarriedSpec, Gate, TaskSpec, TaskTarget};

use super::rig::Rig;
use crate::fixture::{fence, id, node, task, web};
use crate::model::ModelEngine;

fn rig() -> Rig {
    let engine = ModelEngine {
        images: [web().image].into(),
        ..ModelEngine::default()
    };
    let mut rig = Rig::new(engine);
    rig.pump();
    rig.hand_in();
    rig
}

fn assignment(generation: u64) -> Assignment {
    let tasks = [
        task("t1", "web", 1, &job()),
        task("t2", "job", 1, &other_job()),
    ];
    Assignment {
        fence: fence(1, generation),
        tasks: tasks.map(|task| (task.id.clone(), task)).into(),
        ..Assignment::empty(node())
    }
}

fn job() -> TaskSpec {
    TaskSpec {
        networks: Vec::new(),
        mounts: Vec::new(),
        ..web()
    }
}

fn other_job() -> TaskSpec {
    TaskSpec {
        command: Some(vec!["other".into()]),
        ports: Vec::new(),
        ..job()
    }
}

/// What is reported of each task, one a line.
fn told(rig: &Rig) -> String {
    let tasks = &rig.core.ledger().tasks;
    let words = |entry: &crate::ledger::TaskLedger| entry.ended.clone().unwrap_or_default();
    let lines = tasks.iter();
    lines
        .map(|(id, entry)| format!("{id} {} {}\n", entry.progress.state, words(entry)))
        .collect()
}

#[test]
fn a_spec_that_cannot_be_read_rejects_its_task_and_the_others_run() {
    let mut rig = rig();
    let why = "unknown field `gpus`".to_owned();
    let specs = BTreeMap::from([
        (job().digest(), CarriedSpec::Newer { why }),
        (other_job().digest(), other_job().into()),
    ]);
    let heard = rig.core.on_push(assignment(1), specs, rig.now);
    assert_eq!(heard.problems.len(), 1);
    rig.settle();
    expect![[r#"
        t1 rejected it needs a newer agent: unknown field `gpus`
        t2 running 
    "#]]
    .assert_eq(&told(&rig));
    rig.asked.clear();
    for _ in 0..100 {
        rig.later(1_000);
    }
    assert!(rig.asked.is_empty(), "it is not asked for again and again");
}

#[test]
fn a_spec_that_is_read_as_another_than_it_is_rejects_its_task() {
    let mut rig = rig();
    let specs = BTreeMap::from([(job().digest(), other_job())]);
    rig.core.on_push(assignment(1), specs, rig.now);
    let specs = BTreeMap::from([(other_job().digest(), other_job())]);
    rig.core.on_sync_reply(Some(assignment(1)), specs, rig.now);
    rig.settle();
    expect![[r#"
        t1 rejected it needs a newer agent: what can be read of it is not all that it says
        t2 running 
    "#]]
    .assert_eq(&told(&rig));
}

#[test]
fn a_word_that_is_not_known_starts_nothing_and_stops_nothing() {
    let mut rig = rig();
    rig.push(assignment(1), &[job(), other_job()]);
    rig.settle();
    let mut next = assignment(2);
    for task in next.tasks.values_mut() {
        task.target = TaskTarget::Unknown;
    }
    let mut third = task("t3", "late", 1, &other_job());
    third.gate = Gate::Unknown;
    next.tasks.insert(third.id.clone(), third);
    rig.push(next, &[]);
    rig.settle();
    let words = "when it may start is said in a word it does not know";
    assert_eq!(
        told(&rig),
        format!("t1 running \nt2 running \nt3 rejected it needs a newer agent: {words}\n")
    );
    let of = |task| rig.core.ledger().tasks[&id(task)].progress.attempt;
    assert_eq!((of("t1"), of("t2")), (1, 1));
}

#[test]
fn an_agent_that_was_renewed_takes_the_same_assignment_as_it_reads_it_now() {
    let mut rig = rig();
    let mut read_by_old = assignment(1);
    let first = read_by_old.tasks.get_mut("t1").unwrap();
    first.target = TaskTarget::Unknown;
    rig.push(read_by_old, &[other_job()]);
    rig.disk.grammar = 0;
    rig.restart();
    let heard = rig.push(assignment(1), &[job()]);
    assert_eq!(heard.problems, []);
    rig.settle();
    assert_eq!(rig.core.ledger().assignment, assignment(1));
    // The same version never takes two under one number.
    let mut forged = assignment(1);
    forged.tasks.clear();
    assert_eq!(rig.push(forged, &[]).problems.len(), 1);
}
