//! What is shown of a lab.

use std::fmt::Write as _;

use expect_test::expect;
use lab_types::row::{Hopeless, ServiceRow, TaskRow};
use lab_types::{Condition, ProjectName};

use super::{Page, TaskFilter, nodes_page, project_facts, projects_page, services, tasks_page};
use crate::change::Change;
use crate::lab::Lab;
use crate::plan::PlanReport;
use crate::testing::{Fate, GIB, Small, node, project, service, svc};

fn tasks_of(lab: &Lab, report: &PlanReport, project: Option<&ProjectName>) -> Vec<TaskRow> {
    let filter = TaskFilter {
        project,
        ..TaskFilter::default()
    };
    tasks_page(lab, report, filter, Page::ALL)
}

fn shown(rows: &[ServiceRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let converged = if row.converged { ", converged" } else { "" };
        writeln!(
            text,
            "{}/{} {} of {} run, {} completed{converged}",
            row.project, row.service, row.running, row.desired, row.completed
        )
        .unwrap();
        for problem in &row.problems {
            let mark = if problem.is_final {
                "for good"
            } else {
                "for now"
            };
            writeln!(text, "  {} {mark}: {}", problem.slots, problem.reason).unwrap();
        }
        for Hopeless { slot, reason } in &row.hopeless {
            writeln!(text, "  {slot} is not worth waiting for: {reason}").unwrap();
        }
    }
    text
}

#[test]
fn services_are_counted_and_every_slot_that_is_not_in_its_place_says_why() {
    let mut small = Small::new(&["n1"]);
    small.fates.insert("job".into(), Fate::Completes);
    small.fates.insert("bad".into(), Fate::Rejected);
    small.fates.insert("sick".into(), Fate::Unhealthy);
    let fate = Fate::Fails {
        exit_code: 2,
        exhausted: false,
    };
    small.fates.insert("flaky".into(), fate);
    let late = svc("late:1").after("sick", Condition::ServiceHealthy);
    small.up(
        "shop",
        &[
            ("bad", svc("bad:1")),
            ("big", svc("big:1").memory(6 * GIB).replicas(2)),
            ("flaky", svc("flaky:1")),
            ("job", svc("job:1")),
            ("late", late),
            ("sick", svc("sick:1")),
            ("web", svc("web:1").replicas(2)),
        ],
    );
    small.settle();
    let report = small.plan().report;
    expect![[r#"
        shop/bad 0 of 1 run, 0 completed
          1 for good: no such image
        shop/big 1 of 2 run, 0 completed
          2 for now: no node can take it: node n1 has 4.00 CPUs and 2048 MiB free, 0.00 and 6144 are reserved for the task
        shop/flaky 0 of 1 run, 0 completed
          1 for now: it ended with exit code 2
        shop/job 0 of 1 run, 1 completed, converged
        shop/late 0 of 1 run, 0 completed
          1 for now: it waits for sick (service_healthy)
          1 is not worth waiting for: sick.1, which it waits for, is unhealthy
        shop/sick 0 of 1 run, 0 completed
          1 for now: its health check fails
        shop/web 2 of 2 run, 0 completed, converged
    "#]]
    .assert_eq(&shown(&services(&small.lab, &report, None)));
    let project = &projects_page(&small.lab, Page::ALL)[0];
    assert_eq!(
        (project.services, project.running, project.desired),
        (7, 3, 9)
    );
}

#[test]
fn a_service_that_is_being_replaced_has_not_converged() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    small.up("shop", &[("web", svc("web:2"))]);
    let report = small.plan().report;
    expect![[r#"
        shop/web 0 of 1 run, 0 completed
          1 for now: it waits until the task before it has stopped on node n1
    "#]]
    .assert_eq(&shown(&services(&small.lab, &report, None)));
}

#[test]
fn a_lost_node_takes_its_tasks_out_of_the_count() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    small.lose("n1");
    let report = small.plan().report;
    expect![[r#"
        shop/web 0 of 1 run, 0 completed
          1 for now: no node can take it: node n1 is lost
    "#]]
    .assert_eq(&shown(&services(&small.lab, &report, None)));
    let rows = tasks_of(&small.lab, &report, None);
    assert!(rows.iter().all(super::TaskRow::is_out_of_reach), "{rows:?}");
}

#[test]
fn tasks_and_nodes_are_listed_with_what_they_take() {
    let mut small = Small::new(&["n2", "n1"]);
    small.up(
        "shop",
        &[
            ("web", svc("web:1").memory(GIB).replicas(3)),
            ("db", svc("db:1")),
        ],
    );
    small.settle();
    let tasks = tasks_of(&small.lab, &small.told, Some(&project("shop")));
    let names: Vec<String> = tasks
        .iter()
        .map(|row| {
            format!(
                "{} on {} {}",
                row.container_name, row.node_name, row.progress.state
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            "shop-db-1 on n1 running",
            "shop-web-1 on n2 running",
            "shop-web-2 on n1 running",
            "shop-web-3 on n2 running"
        ]
    );
    let nodes = nodes_page(&small.lab, Page::ALL);
    let rows: Vec<(&str, u32, u64)> = nodes
        .iter()
        .map(|row| {
            (
                row.node.as_str(),
                row.tasks,
                row.reserved.memory_bytes / GIB,
            )
        })
        .collect();
    assert_eq!(rows, [("n1", 2, 1), ("n2", 2, 2)]);
    let elsewhere = tasks_of(&small.lab, &small.told, Some(&project("blog")));
    assert_eq!(elsewhere, []);
}

#[test]
fn what_has_ended_reserves_nothing_also_in_the_list() {
    let mut small = Small::new(&["n1"]);
    small.fates.insert("job".into(), Fate::Completes);
    small.up("shop", &[("job", svc("job:1").memory(GIB))]);
    small.settle();
    assert_eq!(
        nodes_page(&small.lab, Page::ALL)[0].reserved.memory_bytes,
        0
    );
    assert_eq!(nodes_page(&small.lab, Page::ALL)[0].node, node("n1"));
}

#[test]
fn a_project_that_was_taken_down_is_not_listed_but_keeps_its_revision() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    let down = Change::RemoveProject {
        project: project("shop"),
        remove_volumes: None,
        shown: None,
    };
    small.change(&down).unwrap();
    assert_eq!(projects_page(&small.lab, Page::ALL), []);
    let facts = project_facts(&small.lab, &project("shop"));
    assert_eq!((facts.revision, facts.services.len()), (2, 0));
    let unknown = project_facts(&small.lab, &project("blog"));
    assert_eq!((unknown.revision, unknown.record), (0, None));
}

/// A lab with one service whose slots all wait for memory, but for those that failed for good.
fn ten_thousand(failed: &[(u32, &str)]) -> Vec<ServiceRow> {
    let mut small = Small::new(&["n1"]);
    let web = svc("web:1").memory(6 * GIB).replicas(10_000);
    small.up("shop", &[("web", web)]);
    small.settle();
    for (slot, message) in failed {
        let outcome = lab_types::OutcomeRecord {
            project: project("shop"),
            service: service("web"),
            slot: *slot,
            spec: svc_digest(&small),
            tries: 0,
            task: lab_types::TaskId::new("gone").unwrap(),
            outcome: lab_types::Outcome::Exhausted {
                exit_code: None,
                message: (*message).to_owned(),
            },
        };
        let key = (project("shop"), service("web"), *slot);
        small.lab.desired.outcomes.insert(key, outcome);
    }
    let report = small.plan_only().report;
    services(&small.lab, &report, None)
}

#[test]
fn ten_thousand_slots_that_wait_for_the_same_thing_are_told_in_one_sentence() {
    let rows = ten_thousand(&[(9_999, "broken"), (4, "broken")]);
    expect![[r#"
        shop/web 1 of 10000 run, 0 completed
          2-3, 5-9998, 10000 for now: no node can take it: node n1 has 4.00 CPUs and 2048 MiB free, 0.00 and 6144 are reserved for the task
          4, 9999 for good: broken
    "#]]
    .assert_eq(&shown(&rows));
}

#[test]
fn of_many_reasons_some_are_told_and_no_slot_is_missing() {
    let words: Vec<String> = (1..=50).map(|slot| format!("broken {slot:02}")).collect();
    let failed: Vec<(u32, &str)> = (1..).zip(words.iter().map(String::as_str)).collect();
    let rows = ten_thousand(&failed);
    let problems = &rows[0].problems;
    assert_eq!(problems.len(), lab_types::row::SlotProblem::MAX + 2);
    let count = |is_final| {
        let some = problems.iter().filter(|p| p.is_final == is_final);
        some.map(|problem| problem.slots.len()).sum::<u32>()
    };
    assert_eq!((count(true), count(false)), (50, 9_950));
}

fn svc_digest(small: &Small) -> lab_types::SpecDigest {
    small
        .lab
        .desired
        .services
        .values()
        .next()
        .unwrap()
        .spec
        .clone()
}
