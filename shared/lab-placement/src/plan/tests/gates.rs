//! `depends_on` across nodes: gates open by what other nodes report, and never close again.

use expect_test::expect;
use lab_types::{Condition, Gate, Health, NodeLiveness};

use super::check;
use crate::testing::{Fate, Small, node, svc};

/// What waits is on another node than what it waits for.
fn shop() -> Small {
    let mut small = Small::new(&["n1", "n2"]);
    small.fates.insert("db".into(), Fate::Unhealthy);
    let api = svc("api:1").after("db", Condition::ServiceHealthy);
    let worker = svc("worker:1").after("job", Condition::ServiceCompletedSuccessfully);
    let services = [
        ("api", api),
        ("db", svc("db:1")),
        ("job", svc("job:1")),
        ("worker", worker),
    ];
    small.up("shop", &services);
    small.plan();
    small.agents();
    small.plan();
    small
}

fn gate(small: &Small, service: &str) -> Gate {
    let tasks = small.lab.desired.assignments.values();
    let mut tasks = tasks.flat_map(|assignment| assignment.tasks.values());
    let task = tasks.find(|task| task.service.as_str() == service);
    task.unwrap().gate
}

#[test]
fn a_gate_opens_by_what_another_node_reports() {
    let mut small = shop();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.1
              shop/api 1 (api:1) run, waits for db (service_healthy)
              shop/job 1 (job:1) run
              networks: shop_default
            n2 at 1.1.1
              shop/db 1 (db:1) run
              shop/worker 1 (worker:1) run, waits for job (service_completed_successfully)
              networks: shop_default
        "#]],
    );
    assert!(
        small.plan().is_empty(),
        "unhealthy is not healthy, running is not completed"
    );
    small.fates.insert("job".into(), Fate::Completes);
    small.report("n1");
    small.plan();
    assert_eq!(gate(&small, "worker"), Gate::Open);
    assert_ne!(gate(&small, "api"), Gate::Open, "each waits for its own");
    small.fates.remove("db");
    small.report("n2");
    small.plan();
    assert_eq!(gate(&small, "api"), Gate::Open);
}

#[test]
fn an_open_gate_stays_open_whatever_becomes_of_what_it_waited_for() {
    let mut small = shop();
    small.fates.insert("job".into(), Fate::Completes);
    small.fates.remove("db");
    small.settle();
    let is_open =
        |small: &Small| [gate(small, "api"), gate(small, "worker")] == [Gate::Open, Gate::Open];
    assert!(is_open(&small));
    // Unhealthy, then of unknown health, then on a node that nobody hears, then on a lost one.
    small.fates.insert("db".into(), Fate::Unhealthy);
    small.report("n2");
    small.plan();
    assert!(is_open(&small));
    let observed = small.lab.observed.nodes.get_mut(&node("n2")).unwrap();
    for status in observed.statuses.values_mut() {
        status.health = Health::Unknown;
    }
    small.plan();
    assert!(is_open(&small));
    for liveness in [NodeLiveness::Unknown, NodeLiveness::Away] {
        small
            .lab
            .observed
            .nodes
            .get_mut(&node("n2"))
            .unwrap()
            .liveness = liveness;
        small.plan();
        assert!(is_open(&small));
    }
    small.lose("n2");
    small.plan();
    // `api` keeps its task and its gate; `worker` was on the lost node and has a new task, for which
    // the job is still completed.
    assert_eq!(gate(&small, "api"), Gate::Open);
    small.settle();
    let tasks = &small.lab.desired.assignments[&node("n1")].tasks;
    let worker = tasks
        .values()
        .find(|task| task.service.as_str() == "worker");
    assert_eq!(worker.unwrap().gate, Gate::Open);
}

#[test]
fn the_task_that_takes_a_lost_ones_place_waits_anew_for_what_is_not_there() {
    let mut small = shop();
    small.fates.insert("job".into(), Fate::Completes);
    small.fates.remove("db");
    small.settle();
    small.fates.insert("db".into(), Fate::Unhealthy);
    small.report("n2");
    small.lose("n1");
    small.plan();
    let tasks = &small.lab.desired.assignments[&node("n2")].tasks;
    let api = tasks
        .values()
        .find(|task| task.service.as_str() == "api")
        .unwrap();
    assert_eq!(api.gate, Gate::Closed);
    assert_eq!(small.told.waits_for(api), ["db (service_healthy)"]);
}
