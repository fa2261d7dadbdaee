//! What stops, what waits for that, and what takes its place.

use expect_test::expect;
use lab_types::{Availability, NodeLiveness, UnixMillis};

use super::check;
use crate::testing::{Small, node, svc, told};

#[test]
fn a_changed_spec_stops_the_old_task_and_places_the_new_one_only_after_that() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("web", svc("web:1").port(80).replicas(2))]);
    small.settle();
    small.up("shop", &[("web", svc("web:2").port(80).replicas(2))]);
    small.plan();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.2
              shop/web 1 (web:1) stop
              networks: shop_default
            n2 at 1.1.2
              shop/web 2 (web:1) stop
              networks: shop_default
        "#]],
    );
    assert!(small.plan().is_empty(), "it waits for the agents");
    small.report("n2");
    small.plan();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.2
              shop/web 1 (web:1) stop
              networks: shop_default
            n2 at 1.1.3
              shop/web 2 (web:2) run
              networks: shop_default
        "#]],
    );
    small.settle();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.3
              shop/web 1 (web:2) run
              networks: shop_default
            n2 at 1.1.3
              shop/web 2 (web:2) run
              networks: shop_default
        "#]],
    );
}

#[test]
fn a_lost_nodes_tasks_are_replaced_in_one_step_and_stopped_when_it_returns() {
    let mut small = Small::new(&["n1", "n2", "n3"]);
    small.up("shop", &[("web", svc("web:1").replicas(3))]);
    small.settle();
    small.lose("n2");
    let outcome = small.plan();
    let tied: Vec<String> = outcome.tied.iter().map(ToString::to_string).collect();
    assert_eq!(tied, ["n1", "n2"], "they must go into one pass");
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.2
              shop/web 1 (web:1) run
              shop/web 2 (web:1) run
              networks: shop_default
            n2 at 1.1.2
              shop/web 2 (web:1) stop
              networks: shop_default
            n3 at 1.1.1
              shop/web 3 (web:1) run
              networks: shop_default
        "#]],
    );
    small.settle();
    small.report("n2");
    small.settle();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.2
              shop/web 1 (web:1) run
              shop/web 2 (web:1) run
              networks: shop_default
            n2 at 1.1.3
            n3 at 1.1.1
              shop/web 3 (web:1) run
              networks: shop_default
        "#]],
    );
}

#[test]
fn a_lost_nodes_tasks_stay_when_no_other_node_can_take_them() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    small.lose("n1");
    let outcome = small.plan();
    assert_eq!(outcome.assignments, []);
    check(
        &outcome.report.to_string(),
        &expect![[r#"
            shop/web slot 1: no node can take it: node n1 is lost
        "#]],
    );
}

#[test]
fn an_unknown_node_is_left_alone() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("web", svc("web:1").replicas(2))]);
    small.settle();
    let unknown = small.lab.observed.nodes.get_mut(&node("n2")).unwrap();
    unknown.liveness = NodeLiveness::Unknown;
    unknown.statuses.clear();
    assert!(small.plan().is_empty());
}

#[test]
fn while_many_nodes_are_missing_nothing_is_replaced() {
    let mut small = Small::new(&["n1", "n2", "n3"]);
    small.up("shop", &[("web", svc("web:1").replicas(3))]);
    small.settle();
    small.lose("n2");
    small.lose("n3");
    let until = UnixMillis(small.now.0 + 30_000);
    small.lab.observed.hold_until = Some(until);
    let outcome = small.plan();
    assert!(outcome.is_empty());
    assert_eq!(outcome.wake_at, Some(until));
    check(
        &outcome.report.to_string(),
        &expect![[r#"
            many nodes vanished together: lost tasks are not replaced before 1030300
        "#]],
    );
    small.now = until;
    assert_eq!(small.plan().report.placed.len(), 2);
}

#[test]
fn a_drained_nodes_tasks_move_after_they_have_stopped() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    let drained = small.lab.desired.nodes.get_mut(&node("n1")).unwrap();
    drained.availability = Availability::Drain;
    small.plan();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.2
              shop/web 1 (web:1) stop
              networks: shop_default
        "#]],
    );
    small.agents();
    let outcome = small.plan();
    check(
        &format!("{}{}", told(&outcome.events), small.shown()),
        &expect![[r#"
            task assigned: task 1 of shop/web was given to node n2
            n1 at 1.1.3
            n2 at 1.1.1
              shop/web 1 (web:1) run
              networks: shop_default
        "#]],
    );
}

#[test]
fn a_task_that_should_stop_and_that_its_agent_never_knew_leaves_after_a_full_inventory() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.plan();
    small.scale("shop", "web", 0);
    small.plan();
    assert!(small.plan().is_empty(), "silence is not consent");
    let assignment = &small.lab.desired.assignments[&node("n1")];
    let (fence, task) = (
        assignment.fence,
        assignment.tasks.keys().next().unwrap().clone(),
    );
    let full = |sequence, accepted| lab_types::Report {
        node: node("n1"),
        boot: lab_types::AgentBoot(1),
        sequence,
        accepted,
        body: lab_types::ReportBody::Full {
            inventory: Box::new(lab_types::Inventory {
                facts: crate::testing::facts(),
                ..lab_types::Inventory::default()
            }),
        },
    };
    // An inventory from before the stop was obeyed proves nothing: the task may be about to start.
    let older = lab_types::Fence {
        generation: lab_types::Generation(1),
        ..fence
    };
    let (now, policy) = (small.now, small.policy);
    small.lab.on_report(&full(5, older), now, &policy);
    assert!(small.plan().is_empty());
    small.lab.on_report(&full(6, fence), now, &policy);
    small.plan();
    let assignment = &small.lab.desired.assignments[&node("n1")];
    assert!(!assignment.tasks.contains_key(&task));
}

#[test]
fn more_replacements_than_one_pass_can_hold_wait_for_the_next_plan() {
    let names: Vec<String> = (0..1000).map(|number| format!("n{number:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut small = Small::new(&names);
    small.up("shop", &[("web", svc("web:1").replicas(1000))]);
    small.plan();
    for name in &names[..500] {
        small.lose(name);
    }
    let outcome = small.plan_only();
    assert_eq!(outcome.report.placed.len(), 400);
    assert_eq!(outcome.report.deferred, 100);
    assert_eq!(outcome.tied.len(), 800);
    assert_eq!(outcome.wake_at, Some(small.now));
}

#[test]
fn a_slot_whose_task_has_not_stopped_yet_says_so() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    small.up("shop", &[("web", svc("web:2"))]);
    let outcome = small.plan();
    assert_eq!(told(&outcome.events), "", "it is no event");
    assert!(outcome.pending.is_empty());
    let why = |small: &mut Small| small.plan_only().report.to_string();
    check(
        &why(&mut small),
        &expect![[r#"
            shop/web slot 1: it waits until the task before it has stopped on node n1
        "#]],
    );
    let rows = crate::view::services(&small.lab, &outcome.report, None);
    assert_eq!(rows[0].problems.len(), 1);
    small.lab.observed.hold_until = Some(small.now.plus(lab_types::DurationMs(30_000)));
    small.lose("n1");
    check(
        why(&mut small).lines().last().unwrap_or_default(),
        &expect![[
            r#"shop/web slot 1: it waits until the task before it has stopped on node n1, which is lost"#
        ]],
    );
}
