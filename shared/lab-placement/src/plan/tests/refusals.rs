//! Nodes that refuse a task: another is tried, the memory outlives the leader, and a person can ask
//! for another try.

use expect_test::expect;
use lab_types::{Availability, NodeId, Outcome};

use super::check;
use crate::change::Change;
use crate::testing::{Small, node, project, service, svc, told};
use crate::view;

fn problems(small: &mut Small) -> String {
    let report = small.plan_only().report;
    let rows = view::services(&small.lab, &report, None);
    let problems = rows.iter().flat_map(|row| &row.problems);
    let lines = problems.map(|problem| {
        let last = if problem.is_final {
            "final"
        } else {
            "not final"
        };
        format!("{} ({last}): {}\n", problem.slots, problem.reason)
    });
    lines.collect()
}

fn refused_by(small: &Small) -> Vec<&NodeId> {
    let outcomes = small.lab.desired.outcomes.values();
    let nodes = outcomes.filter_map(|record| match &record.outcome {
        Outcome::Refused { nodes } => Some(nodes.keys()),
        Outcome::Completed | Outcome::Exhausted { .. } => None,
    });
    nodes.flatten().collect()
}

#[test]
fn what_one_node_refuses_another_runs_and_the_first_is_not_asked_again() {
    let mut small = Small::new(&["n1", "n2"]);
    small.refusing.insert("n1".into());
    small.up("shop", &[("web", svc("web:1"))]);
    small.plan();
    small.agents();
    small.plan();
    check(
        &problems(&mut small),
        &expect![[r#"
            1 (not final): node n1 refused it: no such image; another node is tried
        "#]],
    );
    small.settle();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.3
            n2 at 1.1.1
              shop/web 1 (web:1) run
              networks: shop_default
        "#]],
    );
    // The memory is in the state: a leader that comes later does not try the same node again.
    assert_eq!(refused_by(&small), [&node("n1")]);
    small.lose("n2");
    let outcome = small.plan();
    assert!(outcome.assignments.is_empty());
    check(
        &outcome.report.to_string(),
        &expect![[r#"
            shop/web slot 1: no node can take it: node n2 is lost; node n1 refused it: no such image
        "#]],
    );
}

#[test]
fn a_slot_ends_when_every_node_that_takes_tasks_has_refused_it_and_up_tries_all_again() {
    let mut small = Small::new(&["n1", "n2", "n3"]);
    let paused = small.lab.desired.nodes.get_mut(&node("n3")).unwrap();
    paused.availability = Availability::Pause;
    small.refusing.extend(["n1".to_owned(), "n2".to_owned()]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    check(
        &problems(&mut small),
        &expect![[r#"
            1 (final): node n1 refused it: no such image; node n2 refused it: no such image
        "#]],
    );
    small.refusing.clear();
    small.settle();
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    check(&problems(&mut small), &expect![[""]]);
    assert!(small.lab.desired.outcomes.is_empty());
}

#[test]
fn a_refusal_of_one_slot_keeps_no_other_slot_from_the_node_and_another_spec_forgets_it() {
    let mut small = Small::new(&["n1", "n2"]);
    small.refusing.insert("n1".into());
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    small.refusing.clear();
    small.scale("shop", "web", 3);
    small.settle();
    let tasks = |name: &str| small.lab.desired.assignments[&node(name)].tasks.len();
    assert_eq!((tasks("n1"), tasks("n2")), (2, 1));
    assert_eq!(refused_by(&small), [&node("n1")]);
    small.up("shop", &[("web", svc("web:2").replicas(3))]);
    small.settle();
    assert!(refused_by(&small).is_empty());
}

#[test]
fn a_volume_that_was_never_made_does_not_pin_the_next_try() {
    let mut small = Small::new(&["n1", "n2"]);
    small.refusing.insert("n1".into());
    small.up("shop", &[("db", svc("db:1").volume("shop_data"))]);
    small.settle();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.3
            n2 at 1.1.1
              shop/db 1 (db:1) run
              networks: shop_default
              volumes: shop_data
        "#]],
    );
}

#[test]
fn a_volume_with_data_keeps_its_slot_on_its_node_also_when_that_node_refuses() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("db", svc("db:1").volume("shop_data"))]);
    small.settle();
    small.refusing.insert("n1".into());
    small.up("shop", &[("db", svc("db:2").volume("shop_data"))]);
    small.settle();
    check(
        &problems(&mut small),
        &expect![[r#"
            1 (final): no such image
        "#]],
    );
}

#[test]
fn applying_again_what_runs_elsewhere_after_a_refusal_changes_nothing() {
    let mut small = Small::new(&["n1", "n2"]);
    small.refusing.insert("n1".into());
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    let again = small.apply_of("shop", &[("web", svc("web:1"))]);
    assert!(small.decide(&again).unwrap().is_empty());
}

#[test]
fn a_try_again_is_told_as_an_apply_and_not_as_a_change_of_the_service() {
    let mut small = Small::new(&["n1"]);
    small.refusing.insert("n1".into());
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    let again = small.apply_of("shop", &[("web", svc("web:1"))]);
    let delta = small.decide(&again).unwrap();
    check(
        &told(&delta.events),
        &expect![[r#"
            project applied: project shop was applied as revision 2
        "#]],
    );
    small
        .change(&Change::RemoveService {
            project: project("shop"),
            name: service("web"),
        })
        .unwrap();
    small.settle();
    assert!(small.lab.desired.outcomes.is_empty());
}
