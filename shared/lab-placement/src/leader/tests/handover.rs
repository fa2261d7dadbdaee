//! From one leader to the next, and leaders that must not lead.

use expect_test::expect;
use lab_types::{Epoch, Fence, Generation, Pass, RequestId, WriteTag};

use super::{Stage, up};
use crate::leader::{Request, Standing};
use crate::testing::{node, user};

#[test]
fn a_repeated_request_gets_the_first_answer_also_from_the_next_leader() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.ask("r1", up(0, "web:1", 1));
    let draft = stage.draft().unwrap();
    stage.ask("r1", up(0, "web:1", 1));
    stage.commit(&draft);
    assert_eq!(
        stage.replied(),
        ["r1: revision 1, changed true"],
        "one answer for all three"
    );
    stage.ask("r1", up(0, "web:1", 1));
    assert_eq!(stage.replied(), ["r1: revision 1, changed true"], "at once");
    stage.succeed();
    stage.ask("r1", up(0, "web:1", 1));
    assert_eq!(stage.replied(), ["r1: revision 1, changed true"]);
    stage.core.on_request(Request {
        id: RequestId::new("r1").unwrap(),
        user: user("mallory"),
        change: up(0, "web:1", 1),
    });
    assert_eq!(stage.replied(), ["r1: SCH0014"]);
}

#[test]
fn a_new_leader_publishes_what_the_outbox_still_holds_with_the_same_ids() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    let draft = stage.draft().unwrap();
    stage.commit(&draft);
    let first = stage.core.take_effects().publish;
    stage.succeed();
    let again = stage.core.take_effects().publish;
    assert!(again.contains(&first[0]), "{again:?}");
    let desired = stage.core.lab().desired.clone();
    assert_eq!(desired.services.len(), 1);
    assert_eq!(desired.assignments[&node("n1")].fence.epoch, Epoch(1));
    let drafts = stage.settle();
    assert_eq!(drafts[0].head.epoch, Epoch(2));
    assert_eq!(drafts[0].pass, Pass(4));
    assert!(
        stage
            .events
            .iter()
            .any(|event| event.message.contains("took the lead"))
    );
}

#[test]
fn records_of_a_torn_pass_are_written_again() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    let draft = stage.draft().unwrap();
    // Half of the pass is readable, and its head is not.
    for (key, record) in draft.puts.iter().take(3) {
        stage
            .store
            .insert(key.clone(), (draft.head, record.clone()));
    }
    stage.succeed();
    let rewritten = stage.draft().unwrap();
    for (key, record) in draft.puts.iter().take(3) {
        assert!(
            rewritten.puts.contains(&(key.clone(), record.clone())),
            "{key}"
        );
    }
    stage.commit(&rewritten);
    let later = |tag: &WriteTag| tag.pass > stage.head.pass;
    assert!(stage.store.values().all(|(tag, _)| !later(tag)));
}

#[test]
fn what_a_successor_reads_is_what_the_leader_holds() {
    let mut stage = Stage::with_nodes(&["n1", "n2"]);
    stage.ask("r1", up(0, "web:1", 5));
    stage.settle();
    stage.report("n1");
    stage.report("n2");
    stage.ask("r2", up(1, "web:2", 3));
    stage.settle();
    let held = stage.core.lab().desired.clone();
    stage.succeed();
    assert_eq!(stage.core.lab().desired, held);
}

#[test]
fn a_deposed_leader_tells_whoever_waits_and_is_silent_from_then_on() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.draft().unwrap();
    stage.ask("r2", up(0, "web:1", 1));
    stage.core.on_deposed();
    assert_eq!(stage.replied(), ["r1: SCH0021", "r2: SCH0021"]);
    assert_eq!(stage.got.len(), 0, "no push of what may never be committed");
    stage.ask("r3", up(0, "web:1", 1));
    assert_eq!(stage.replied(), ["r3: SCH0021"]);
    stage.report("n1");
    assert_eq!(stage.draft(), None);
}

#[test]
fn a_node_that_obeys_more_than_the_state_knows_halts_the_leader() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.settle();
    let fence = stage.core.lab().desired.assignments[&node("n1")].fence;
    stage.ask("r2", up(1, "web:2", 1));
    stage.beat(
        "n1",
        Fence {
            generation: Generation(fence.generation.0 + 1),
            ..fence
        },
    );
    stage.ask("r3", up(1, "web:2", 1));
    assert_eq!(
        stage.replied(),
        ["r1: revision 1, changed true", "r2: SCH0020", "r3: SCH0020"]
    );
    assert_eq!(stage.draft(), None);
    let Standing::Halted(problem) = stage.core.standing() else {
        panic!("{:?}", stage.core.standing());
    };
    expect!["SCH0020: node n1 obeys version 1.1.2 of its assignment, but the lab's state knows only 1.1.1: the state was restored from an older copy, or another scheduler leads"]
        .assert_eq(&problem.to_string());
}

#[test]
fn a_halted_leader_answers_whoever_waits_and_keeps_no_events() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1000));
    let first = stage.draft().unwrap();
    stage.ask("r2", up(1, "web:2", 1));
    let ahead = Fence {
        generation: Generation(99),
        ..Fence::default()
    };
    let ahead = Fence {
        epoch: Epoch(9),
        incarnation: stage.head.incarnation,
        ..ahead
    };
    stage.beat("n1", ahead);
    assert_eq!(stage.replied(), ["r2: SCH0020"]);
    stage.ask("r1", up(0, "web:1", 1000));
    stage.commit(&first);
    assert_eq!(stage.replied(), ["r1: revision 1, changed true"]);
    stage.report("n1");
    stage.now = stage.now.plus(lab_types::DurationMs(60_000));
    stage.core.tick(stage.now);
    assert!(stage.core.told.is_empty());
    assert_eq!(stage.draft(), None);
}
