//! How long the answers of requests are kept, and how many.

use expect_test::expect;
use lab_types::{DurationMs, RequestId};

use super::{Stage, up};
use crate::change::Change;
use crate::leader::Refused;
use crate::testing::{project, service, user};

fn scale(replicas: u32) -> Change {
    Change::ScaleService {
        project: project("shop"),
        name: service("web"),
        replicas,
    }
}

fn kept(stage: &Stage) -> Vec<&str> {
    let answers = stage.core.lab().desired.answers.keys();
    answers
        .map(RequestId::as_str)
        .filter(|id| id.starts_with('r'))
        .collect()
}

#[test]
fn of_each_user_only_the_newest_answers_are_kept_and_the_oldest_go_first() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.core.policy.answers_max = 3;
    stage.ask("r1", up(0, "web:1", 1));
    stage.settle();
    for number in 2..=5_u32 {
        stage.now = stage.now.plus(DurationMs(10));
        stage.ask(&format!("r{number}"), scale(number));
        stage.settle();
    }
    assert_eq!(kept(&stage), ["r3", "r4", "r5"]);
    stage.core.on_request(crate::leader::Request {
        id: RequestId::new("r9").unwrap(),
        user: user("bob"),
        change: scale(9),
    });
    stage.settle();
    assert_eq!(
        kept(&stage),
        ["r3", "r4", "r5", "r9"],
        "bob's count is his own"
    );
    let mut stored = Vec::new();
    // By the first twenty the project's history has as many changes as are kept.
    for number in 10..60_u32 {
        stage.now = stage.now.plus(DurationMs(10));
        stage.ask(&format!("r{number}"), scale(number));
        stage.settle();
        stored.push(stage.store.len());
    }
    assert!(stored[49] <= stored[20] + 1, "the state does not grow");
}

#[test]
fn what_changes_nothing_is_not_committed_and_still_answered_the_same_when_it_comes_again() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 2));
    stage.settle();
    stage.report("n1");
    stage.settle();
    let head = stage.head;
    stage.ask("r2", scale(2));
    assert!(stage.settle().is_empty());
    assert_eq!(stage.head, head);
    stage.ask("r3", scale(3));
    stage.settle();
    stage.replies.clear();
    stage.ask("r2", scale(2));
    stage.settle();
    expect![[r#"
        [
            "r2: ServiceChanged { project: ProjectName(\"shop\"), service: ServiceName(\"web\"), revision: 1, changed: false }",
        ]
    "#]]
    .assert_debug_eq(&stage.replied());
    assert_eq!(kept(&stage), ["r1", "r3"]);
}

#[test]
fn an_answer_that_rests_on_what_the_store_refused_is_forgotten() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.ask("r2", up(1, "web:1", 1));
    stage.draft().unwrap();
    let records = stage.store.iter();
    let records = records.map(|(key, (tag, record))| (key.clone(), *tag, record.clone()));
    stage.core.on_refused(Refused {
        unread: Vec::new(),
        problem: lab_types::Problem::new("SCH0043", "full"),
        head: stage.head,
        records: records.collect(),
        now: stage.now,
    });
    assert_eq!(stage.replied(), ["r1: SCH0043", "r2: SCH0043"]);
    stage.now = stage.now.plus(DurationMs(10_000));
    stage.core.tick(stage.now);
    stage.ask("r2", up(1, "web:1", 1));
    stage.settle();
    assert_eq!(
        stage.replied(),
        ["r2: SCH0002"],
        "the project was never made"
    );
}
