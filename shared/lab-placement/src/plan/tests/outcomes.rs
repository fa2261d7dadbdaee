//! Slots that end for good.

use expect_test::expect;
use lab_types::RestartPolicy;

use super::check;
use crate::testing::{Fate, Small, svc, told};

fn outcomes(small: &Small) -> String {
    let outcomes = small.lab.desired.outcomes.iter();
    let lines = outcomes.map(|((project, service, slot), record)| {
        format!("{project}/{service} {slot}: {:?}\n", record.outcome)
    });
    lines.collect()
}

#[test]
fn a_completed_task_is_kept_and_not_run_again_when_its_node_dies() {
    let mut small = Small::new(&["n1", "n2"]);
    small.fates.insert("job".into(), Fate::Completes);
    small.up("shop", &[("job", svc("job:1").memory(1 << 20))]);
    small.settle();
    check(
        &format!("{}{}", outcomes(&small), small.shown()),
        &expect![[r#"
            shop/job 1: Completed
            n1 at 1.1.1
              shop/job 1 (job:1) run
              networks: shop_default
        "#]],
    );
    small.lose("n1");
    assert!(small.plan().is_empty());
}

#[test]
fn an_exhausted_task_stays_where_it_is_until_its_spec_changes() {
    let mut small = Small::new(&["n1"]);
    let fate = Fate::Fails {
        exit_code: 1,
        exhausted: true,
    };
    small.fates.insert("job".into(), fate);
    small.up(
        "shop",
        &[("job", svc("job:1").restart(RestartPolicy::Never))],
    );
    small.settle();
    check(
        &outcomes(&small),
        &expect![[r#"
            shop/job 1: Exhausted { exit_code: Some(1), message: "exit code 1" }
        "#]],
    );
    small.fates.clear();
    small.up(
        "shop",
        &[("job", svc("job:2").restart(RestartPolicy::Never))],
    );
    small.settle();
    check(
        &format!("{}{}", outcomes(&small), small.shown()),
        &expect![[r#"
            n1 at 1.1.3
              shop/job 1 (job:2) run
              networks: shop_default
        "#]],
    );
}

#[test]
fn a_rejected_task_is_final_and_a_failure_that_is_tried_again_is_not() {
    let mut small = Small::new(&["n1"]);
    small.fates.insert("bad".into(), Fate::Rejected);
    let fate = Fate::Fails {
        exit_code: 1,
        exhausted: false,
    };
    small.fates.insert("flaky".into(), fate);
    small.up("shop", &[("bad", svc("bad:1")), ("flaky", svc("flaky:1"))]);
    small.settle();
    check(
        &outcomes(&small),
        &expect![[r#"
            shop/bad 1: Exhausted { exit_code: None, message: "no such image" }
        "#]],
    );
}

#[test]
fn what_has_completed_reserves_nothing() {
    let mut small = Small::new(&["n1"]);
    small.fates.insert("job".into(), Fate::Completes);
    let eight = 8 * crate::testing::GIB;
    small.up("shop", &[("job", svc("job:1").memory(eight))]);
    small.settle();
    small.up("other", &[("web", svc("web:1").memory(eight))]);
    assert_eq!(small.plan().report.placed.len(), 1);
}

#[test]
fn a_service_that_always_restarts_never_completes() {
    let mut small = Small::new(&["n1"]);
    small.fates.insert("web".into(), Fate::Completes);
    small.up(
        "shop",
        &[("web", svc("web:1").restart(RestartPolicy::Always))],
    );
    small.plan();
    let (now, policy) = (small.now, small.policy);
    let assignment = &small.lab.desired.assignments[&crate::testing::node("n1")];
    let task = assignment.tasks.keys().next().unwrap().clone();
    let report = lab_types::Report {
        node: crate::testing::node("n1"),
        boot: lab_types::AgentBoot(1),
        sequence: 9,
        accepted: assignment.fence,
        body: lab_types::ReportBody::Delta {
            changed: vec![crate::testing::status(
                &task,
                lab_types::TaskState::Complete,
            )],
            forgotten: Vec::new(),
            removed_volumes: Vec::new(),
            present: None,
        },
    };
    small.lab.on_report(&report, now, &policy);
    small.plan();
    assert_eq!(outcomes(&small), "");
}

#[test]
fn what_has_completed_is_not_run_elsewhere_when_its_node_is_drained() {
    let mut small = Small::new(&["n1", "n2"]);
    small.fates.insert("job".into(), Fate::Completes);
    small.up("shop", &[("job", svc("job:1"))]);
    small.settle();
    let drained = small.lab.desired.nodes.get_mut(&crate::testing::node("n1"));
    drained.unwrap().availability = lab_types::Availability::Drain;
    small.settle();
    check(
        &format!("{}{}", outcomes(&small), small.shown()),
        &expect![[r#"
            shop/job 1: Completed
            n1 at 1.1.3
        "#]],
    );
}

#[test]
fn a_service_converges_once_whether_its_task_completes_or_starts_again() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("job", svc("job:1"))]);
    small.plan();
    small.agents();
    check(
        &told(&small.plan().events),
        &expect![[r#"
            service converged: service shop/job has converged: its task is in its place
        "#]],
    );
    small.fates.insert("job".into(), Fate::Completes);
    small.agents();
    check(&told(&small.plan().events), &expect![""]);

    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    let node = small.lab.observed.nodes.values_mut().next().unwrap();
    let status = node.statuses.values_mut().next().unwrap();
    status.progress.attempt += 1;
    check(&told(&small.plan().events), &expect![""]);
}
