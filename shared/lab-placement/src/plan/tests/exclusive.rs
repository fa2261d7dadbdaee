//! Exclusive services: who must stop without a leader, and when a lost one is replaced.

use expect_test::expect;
use lab_types::{DurationMs, Guard, NodeLiveness, UnixMillis};

use super::check;
use crate::testing::{Small, node, service, svc, told};

/// Each task with its node and its guard.
fn guards(small: &Small) -> String {
    let assignments = small.lab.desired.assignments.values();
    let tasks = assignments.flat_map(|a| a.tasks.values().map(move |task| (&a.node, task)));
    let lines = tasks.map(|(node, task)| {
        let (name, slot) = (&task.service, task.slot);
        format!(
            "{name} {slot} on {node}: {:?}, {:?}\n",
            task.target, task.guard
        )
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines.concat()
}

fn two_nodes() -> Small {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("ledger", svc("ledger:1").exclusive())]);
    small.settle();
    // The leader before this one may have answered until then.
    small.now = small.now.plus(small.policy.lease);
    small.report("n1");
    small.report("n2");
    small
}

/// When an exclusive task of a node last heard now has ended.
fn ended(small: &Small) -> UnixMillis {
    small
        .now
        .plus(small.policy.guard_wait(DurationMs::from_secs(10)))
}

#[test]
fn a_lost_nodes_exclusive_task_is_replaced_when_it_must_have_ended_and_not_before() {
    let mut small = two_nodes();
    check(
        &guards(&small),
        &expect![[r#"
        ledger 1 on n1: Run, Held
    "#]],
    );
    let ended = ended(&small);
    small.lose("n1");
    small.now = small.now.plus(DurationMs::from_secs(3));
    let outcome = small.plan();
    assert_eq!(outcome.assignments, []);
    assert_eq!(outcome.wake_at, Some(ended));
    check(
        &format!("{}{}", outcome.report, told(&outcome.events)),
        &expect![[r#"
            shop/ledger slot 1: node n1 is lost; the service is exclusive, so it is replaced when it must have stopped there, 23s after the node was last heard
            task pending: task 1 of shop/ledger waits: node n1 is lost; the service is exclusive, so it is replaced when it must have stopped there, 23s after the node was last heard
        "#]],
    );
    small.now = UnixMillis(ended.0 - 1);
    assert!(small.plan().is_empty(), "a moment before");
    small.now = ended;
    small.plan();
    check(
        &guards(&small),
        &expect![[r#"
        ledger 1 on n1: Stop, Held
        ledger 1 on n2: Run, Held
    "#]],
    );
}

#[test]
fn a_node_that_comes_back_in_time_keeps_its_exclusive_task() {
    let mut small = two_nodes();
    small.lose("n1");
    small.now = small.now.plus(DurationMs::from_secs(20));
    assert_eq!(small.plan().assignments, []);
    small.report("n1");
    small.settle();
    check(
        &guards(&small),
        &expect![[r#"
        ledger 1 on n1: Run, Held
    "#]],
    );
}

#[test]
fn a_new_leader_waits_from_when_the_old_ones_lease_was_over() {
    let mut small = two_nodes();
    // A leader that has just taken over has never heard the node.
    small.now = small.now.plus(DurationMs::from_secs(60));
    small.lab.observed.since = small.now;
    let lost = small.lab.observed.nodes.get_mut(&node("n1")).unwrap();
    lost.last_seen = None;
    lost.liveness = NodeLiveness::Lost;
    let taken_over = small.now;
    let wait = small.policy.guard_wait(DurationMs::from_secs(10));
    let ended = taken_over.plus(small.policy.lease).plus(wait);
    assert_eq!(small.plan().wake_at, Some(ended));
    small.now = UnixMillis(ended.0 - 1);
    assert_eq!(small.plan().report.placed, []);
    small.now = ended;
    assert_eq!(small.plan().report.placed.len(), 1);
}

#[test]
fn with_one_node_nothing_is_guarded_and_a_second_node_is_no_reason_to_trust_what_was_not_heard() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("ledger", svc("ledger:1").exclusive())]);
    small.settle();
    check(
        &guards(&small),
        &expect![[r#"
        ledger 1 on n1: Run, Free
    "#]],
    );
    small.register("n2");
    small.report("n2");
    small.plan();
    check(
        &guards(&small),
        &expect![[r#"
        ledger 1 on n1: Run, Asked
    "#]],
    );
    // It is lost before it has read that it must stop: it may run for ever.
    small.lose("n1");
    small.now = small.now.plus(DurationMs::from_secs(3600));
    let outcome = small.plan();
    assert_eq!(outcome.report.placed, []);
    check(
        &outcome.report.to_string(),
        &expect![[r#"
            shop/ledger slot 1: node n1 is lost and nothing makes sure that it has stopped there; the service is exclusive, so it is not replaced: bring the node back, or take it out of the lab with `tercio node rm n1` when it is off for good
        "#]],
    );
    // It comes back, reads and obeys.
    small.report("n1");
    small.settle();
    check(
        &guards(&small),
        &expect![[r#"
        ledger 1 on n1: Run, Held
    "#]],
    );
}

#[test]
fn what_a_volume_holds_on_its_node_need_not_stop_there() {
    let mut small = Small::new(&["n1", "n2"]);
    let services = [
        ("cache", svc("cache:1").volume("shop_cache").not_exclusive()),
        ("db", svc("db:1").volume("shop_data")),
        ("ledger", svc("ledger:1").exclusive()),
        ("web", svc("web:1")),
    ];
    small.up("shop", &services);
    small.settle();
    check(
        &guards(&small),
        &expect![[r#"
        cache 1 on n1: Run, Free
        db 1 on n2: Run, Free
        ledger 1 on n1: Run, Held
        web 1 on n2: Run, Free
    "#]],
    );
}

#[test]
fn a_service_that_becomes_exclusive_waits_for_what_ran_without_a_guard() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("ledger", svc("ledger:1"))]);
    small.settle();
    small.lose("n1");
    small.up("shop", &[("ledger", svc("ledger:2").exclusive())]);
    small.now = small.now.plus(DurationMs::from_secs(3600));
    let outcome = small.plan();
    assert_eq!(
        outcome.report.placed,
        [],
        "the old one was never told to stop"
    );
    small.report("n1");
    small.settle();
    let tasks = small
        .lab
        .desired
        .assignments
        .values()
        .flat_map(|a| a.tasks.values());
    let running: Vec<_> = tasks
        .map(|task| (task.service.clone(), task.guard))
        .collect();
    assert_eq!(running, [(service("ledger"), Guard::Held)]);
}
