use std::collections::BTreeMap;
use std::time::Duration;

use lab_types::{Health, ServiceName, TaskState, TaskTarget};
use lab_wire::row::{Hopeless, SlotProblem, TaskRow};

use super::{
    Goal, LEAVING_MAX, PENDING_MAX, QUIET_MAX, Seen, Until, Verdict, Waited, Wanted, lines, pending,
};
use crate::project::samples::{given_up, service, task};

/// As if all that is pending had been so for as long as nothing has changed.
fn judge(goal: &Goal, seen: &Seen, quiet: Duration) -> Verdict {
    let pending = pending(goal, seen);
    let pending = pending.into_iter().map(|slot| (slot, quiet)).collect();
    super::judge(goal, seen, &Waited { quiet, pending })
}

fn goal(until: Until, services: &[(&str, u32)]) -> Goal {
    let services: BTreeMap<_, _> = services
        .iter()
        .map(|(name, replicas)| {
            let wanted = Wanted {
                replicas: *replicas,
                ..Wanted::default()
            };
            (ServiceName::new(*name).unwrap(), wanted)
        })
        .collect();
    Goal {
        services,
        until,
        before: Default::default(),
    }
}

fn seen(tasks: &[TaskRow]) -> Seen {
    Seen {
        services: vec![service("web", 1)],
        tasks: tasks.to_vec(),
    }
}

fn verdict(until: Until, tasks: &[TaskRow]) -> Verdict {
    judge(&goal(until, &[("web", 1)]), &seen(tasks), Duration::ZERO)
}

fn words(verdict: Verdict) -> String {
    match verdict {
        Verdict::Done => "done".to_owned(),
        Verdict::Wait(why) => format!("wait: {}", why.join("; ")),
        Verdict::Failed(why) => format!("failed: {}", why.join("; ")),
    }
}

#[test]
fn a_project_is_there_when_each_service_has_its_tasks_running() {
    assert_eq!(
        words(verdict(Until::Started, &[])),
        "wait: web: 0 of 1 tasks"
    );
    let starting = task("web", 1, TaskState::Starting);
    assert_eq!(
        words(verdict(Until::Started, &[starting])),
        "wait: web.1: starting"
    );
    for state in [TaskState::Running, TaskState::Complete] {
        let row = task("web", 1, state);
        assert_eq!(verdict(Until::Started, &[row]), Verdict::Done, "{state}");
    }
    let none = goal(Until::Started, &[("web", 0)]);
    assert_eq!(
        judge(&none, &Seen::default(), Duration::ZERO),
        Verdict::Done
    );
}

#[test]
fn a_task_that_is_to_be_replaced_or_stopped_counts_for_nothing() {
    let old = task("web", 1, TaskState::Running);
    let mut replaced = goal(Until::Started, &[("web", 1)]);
    let wanted = replaced.services.values_mut().next().unwrap();
    wanted.old.insert(old.task.clone());
    let waits = judge(&replaced, &seen(std::slice::from_ref(&old)), Duration::ZERO);
    assert_eq!(words(waits), "wait: web: 0 of 1 tasks");
    let mut new = task("web", 1, TaskState::Running);
    new.task = lab_types::TaskId::new("t-new").unwrap();
    assert_eq!(
        judge(&replaced, &seen(&[old, new]), Duration::ZERO),
        Verdict::Done
    );
    let mut leaving = task("web", 1, TaskState::Running);
    leaving.target = TaskTarget::Stop;
    assert_ne!(verdict(Until::Started, &[leaving]), Verdict::Done);
}

#[test]
fn health_counts_only_when_it_is_waited_for() {
    let with = |health| {
        let mut row = task("web", 1, TaskState::Running);
        row.health = health;
        row
    };
    let told = |health| words(verdict(Until::Healthy, &[with(health)]));
    assert_eq!(
        verdict(Until::Started, &[with(Health::Starting)]),
        Verdict::Done
    );
    assert_eq!(told(Health::Starting), "wait: web.1: health: starting");
    assert_eq!(told(Health::Unhealthy), "failed: web.1: is unhealthy");
    assert_eq!(told(Health::Healthy), "done");
    assert_eq!(told(Health::None), "done");
}

#[test]
fn what_the_lab_gives_up_is_waited_for_no_longer_and_told_in_its_words() {
    let mut web = task("web", 1, TaskState::Ready);
    web.waits_for = vec!["db (service_healthy)".into()];
    let told = |hopeless: Option<&str>| {
        let mut row = service("web", 1);
        row.problems = vec![SlotProblem {
            slots: [1].into_iter().collect(),
            is_final: false,
            reason: "it waits for db (service_healthy)".into(),
        }];
        row.hopeless = hopeless
            .map(|reason| Hopeless {
                slot: 1,
                reason: reason.into(),
            })
            .into_iter()
            .collect();
        let seen = Seen {
            services: vec![row],
            tasks: vec![web.clone()],
        };
        let goal = goal(Until::Started, &[("web", 1)]);
        words(judge(&goal, &seen, Duration::ZERO))
    };
    assert_eq!(told(None), "wait: web.1: waits for db (service_healthy)");
    assert_eq!(
        told(Some("db.1, which it waits for, is unhealthy")),
        "failed: web.1: db.1, which it waits for, is unhealthy"
    );
    let mut row = service("web", 1);
    row.hopeless = vec![Hopeless {
        slot: 1,
        reason: "exited with code 1 (attempt 3)".into(),
    }];
    let mut replaced = goal(Until::Started, &[("web", 1)]);
    let wanted = replaced.services.values_mut().next().unwrap();
    wanted.old.insert(web.task.clone());
    let seen = Seen {
        services: vec![row],
        tasks: vec![web.clone()],
    };
    let waits = judge(&replaced, &seen, Duration::ZERO);
    assert_eq!(
        words(waits),
        "wait: web: 0 of 1 tasks",
        "the old one is to go"
    );
}

#[test]
fn a_start_that_failed_is_waited_for_while_the_lab_tries_again() {
    let mut row = task("web", 1, TaskState::Failed);
    row.message = Some("port 80 is in use".into());
    assert_eq!(
        words(verdict(Until::Started, &[row])),
        "wait: web.1: port 80 is in use (attempt 1)"
    );
}

#[test]
fn a_slot_without_a_node_fails_after_a_while_and_a_final_problem_at_once() {
    let with = |is_final| {
        let mut row = service("web", 1);
        row.problems = vec![SlotProblem {
            slots: [1].into_iter().collect(),
            is_final,
            reason: "no node has 64GiB of memory free".into(),
        }];
        Seen {
            services: vec![row],
            tasks: Vec::new(),
        }
    };
    let web = goal(Until::Started, &[("web", 1)]);
    let told = |seen: &Seen, quiet| words(judge(&web, seen, quiet));
    let reason = "web.1: no node has 64GiB of memory free";
    assert_eq!(
        told(&with(false), Duration::ZERO),
        format!("wait: {reason}")
    );
    assert_eq!(told(&with(false), PENDING_MAX), format!("failed: {reason}"));
    assert_eq!(
        told(&with(true), Duration::ZERO),
        format!("failed: {reason}")
    );
}

#[test]
fn nothing_is_waited_for_without_end() {
    let preparing = seen(&[task("web", 1, TaskState::Preparing)]);
    let web = goal(Until::Started, &[("web", 1)]);
    let told = |quiet| words(judge(&web, &preparing, quiet));
    assert!(told(QUIET_MAX / 2).starts_with("wait"));
    assert_eq!(told(QUIET_MAX), "failed: web.1: preparing");
}

#[test]
fn a_container_has_one_line_with_dockers_words() {
    let web = goal(Until::Started, &[("web", 1)]);
    let mut leaving = task("web", 2, TaskState::Running);
    leaving.target = TaskTarget::Stop;
    let other = task("db", 1, TaskState::Running);
    let rows = [task("web", 1, TaskState::Running), leaving, other];
    let told: Vec<_> = lines(&web, &seen(&rows))
        .into_iter()
        .map(|item| format!("{}: {}", item.name, item.word))
        .collect();
    assert_eq!(
        told,
        [
            "Container shop-web-1: Started",
            "Container shop-web-2: Stopping"
        ]
    );
    let mut again = web;
    again.before.insert(rows[0].task.clone());
    assert_eq!(lines(&again, &seen(&rows))[0].word, "Running");
}

#[test]
fn tasks_on_their_way_out_are_waited_for_but_not_for_ever() {
    let mut leaving = task("web", 2, TaskState::Running);
    leaving.target = TaskTarget::Stop;
    let both = seen(&[task("web", 1, TaskState::Running), leaving]);
    let web = goal(Until::Started, &[("web", 1)]);
    let told = |quiet| words(judge(&web, &both, quiet));
    assert_eq!(told(Duration::ZERO), "wait: web.2: is being stopped");
    assert_eq!(told(LEAVING_MAX), "done");
}

#[test]
fn what_a_lost_node_still_holds_keeps_nobody_waiting_and_has_no_line() {
    let new = task("web", 1, TaskState::Running);
    let both = seen(&[new.clone(), given_up("web", 1, TaskState::Running)]);
    let web = goal(Until::Started, &[("web", 1)]);
    assert_eq!(words(judge(&web, &both, Duration::ZERO)), "done");
    assert_eq!(lines(&web, &both), lines(&web, &seen(&[new])));
}

#[test]
fn a_task_that_cannot_be_asked_does_not_count_as_running() {
    let mut silent = given_up("web", 1, TaskState::Running);
    silent.target = TaskTarget::Run;
    let web = goal(Until::Started, &[("web", 1)]);
    let rows = seen(&[silent]);
    assert_eq!(
        words(judge(&web, &rows, Duration::ZERO)),
        "wait: web: 0 of 1 tasks"
    );
    assert_eq!(
        lines(&web, &rows)[0].word,
        "Unknown: node host2 does not answer"
    );
}

#[test]
fn two_tasks_of_one_name_have_one_line_that_tells_of_the_one_that_stays() {
    let mut old = given_up("web", 1, TaskState::Running);
    old.liveness = lab_types::NodeLiveness::Ready;
    let new = task("web", 1, TaskState::Starting);
    let web = goal(Until::Started, &[("web", 1)]);
    for rows in [[old.clone(), new.clone()], [new, old]] {
        let told = lines(&web, &seen(&rows));
        let told: Vec<&str> = told.iter().map(|item| item.word.as_str()).collect();
        assert_eq!(told, ["Starting"]);
    }
}
