//! One lab after another, from the change to what the nodes must run.

mod exclusive;
mod gates;
mod outcomes;
mod placement;
mod refusals;
mod replacement;
mod volumes;

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use lab_types::Condition;

use crate::testing::{Fate, Small, project, svc, told};

fn check(actual: &str, expected: &Expect) {
    expected.assert_eq(actual);
}

#[test]
fn a_project_on_one_node_is_placed_waits_for_its_dependency_and_converges() {
    let mut small = Small::new(&["n1"]);
    let web = svc("web:1")
        .after("redis", Condition::ServiceStarted)
        .port(5000);
    small.up("shop", &[("web", web), ("redis", svc("redis:alpine"))]);
    let outcome = small.plan();
    check(
        &format!("{}{}", told(&outcome.events), small.shown()),
        &expect![[r#"
            task assigned: task 1 of shop/redis was given to node n1
            task assigned: task 1 of shop/web was given to node n1
            n1 at 1.1.1
              shop/redis 1 (redis:alpine) run
              shop/web 1 (web:1) run, waits for redis (service_started)
              networks: shop_default
        "#]],
    );
    small.agents();
    let outcome = small.plan();
    check(
        &format!("{}{}", told(&outcome.events), small.shown()),
        &expect![[r#"
            service converged: service shop/redis has converged: its task is in its place
            n1 at 1.1.2
              shop/redis 1 (redis:alpine) run
              shop/web 1 (web:1) run
              networks: shop_default
        "#]],
    );
    small.agents();
    let outcome = small.plan();
    check(
        &told(&outcome.events),
        &expect![[r#"
            service converged: service shop/web has converged: its task is in its place
        "#]],
    );
    assert!(small.plan().is_empty(), "a converged lab needs no plan");
}

#[test]
fn a_gate_opens_by_health_and_by_completion_and_says_what_it_waits_for() {
    let mut small = Small::new(&["n1"]);
    let web = svc("web:1")
        .after("db", Condition::ServiceHealthy)
        .after("migrate", Condition::ServiceCompletedSuccessfully);
    small.fates.insert("db".into(), Fate::Unhealthy);
    small.fates.insert("migrate".into(), Fate::Completes);
    let services = [
        ("web", web),
        ("db", svc("db:1")),
        ("migrate", svc("tool:1")),
    ];
    small.up("shop", &services);
    small.plan();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.1
              shop/db 1 (db:1) run
              shop/migrate 1 (tool:1) run
              shop/web 1 (web:1) run, waits for db (service_healthy) + migrate (service_completed_successfully)
              networks: shop_default
        "#]],
    );
    small.agents();
    small.plan();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.1
              shop/db 1 (db:1) run
              shop/migrate 1 (tool:1) run
              shop/web 1 (web:1) run, waits for db (service_healthy)
              networks: shop_default
        "#]],
    );
    small.fates.remove("db");
    small.settle();
    // What has opened stays open, whatever becomes of the health.
    small.fates.insert("db".into(), Fate::Unhealthy);
    small.agents();
    small.plan();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.2
              shop/db 1 (db:1) run
              shop/migrate 1 (tool:1) run
              shop/web 1 (web:1) run
              networks: shop_default
        "#]],
    );
}

#[test]
fn a_gate_that_can_never_open_says_so() {
    let mut small = Small::new(&["n1"]);
    let web = svc("web:1").after("migrate", Condition::ServiceCompletedSuccessfully);
    let fate = Fate::Fails {
        exit_code: 3,
        exhausted: true,
    };
    small.fates.insert("migrate".into(), fate);
    small.up("shop", &[("web", web), ("migrate", svc("tool:1"))]);
    small.settle();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.1
              shop/migrate 1 (tool:1) run
              shop/web 1 (web:1) run, waits for migrate (service_completed_successfully), which failed for good: exit code 3
              networks: shop_default
        "#]],
    );
}

#[test]
fn scaling_down_stops_the_highest_slots_and_scaling_to_nothing_converges() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("web", svc("web:1").replicas(3))]);
    small.settle();
    small.scale("shop", "web", 1);
    small.plan();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.2
              shop/web 1 (web:1) run
              shop/web 3 (web:1) stop
              networks: shop_default
            n2 at 1.1.2
              shop/web 2 (web:1) stop
              networks: shop_default
        "#]],
    );
    small.settle();
    small.scale("shop", "web", 0);
    let outcome = small.plan();
    assert_eq!(outcome.report.placed, []);
    small.agents();
    let outcome = small.plan();
    check(
        &format!("{}{}", told(&outcome.events), small.shown()),
        &expect![[r#"
            service converged: service shop/web has no task left, as it should
            n1 at 1.1.5
            n2 at 1.1.3
        "#]],
    );
}

#[test]
fn a_project_that_is_taken_down_leaves_its_volumes_and_nothing_else() {
    let mut small = Small::new(&["n1"]);
    let services = [
        ("db", svc("db:1").volume("shop_data")),
        ("web", svc("web:1")),
    ];
    small.up("shop", &services);
    small.settle();
    let down = crate::change::Change::RemoveProject {
        project: crate::testing::project("shop"),
        remove_volumes: None,
        shown: None,
    };
    small.change(&down).unwrap();
    small.plan();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.2
              shop/db 1 (db:1) stop
              shop/web 1 (web:1) stop
              networks: shop_default
              volumes: shop_data
        "#]],
    );
    small.settle();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.3
              volumes: shop_data
        "#]],
    );
    let specs = small.lab.desired.specs.keys();
    let kept = small.lab.desired.revisions[&project("shop")].values();
    let before = kept.flat_map(|revision| revision.before.services.values().flatten());
    let known: BTreeSet<_> = before.map(|service| &service.spec).collect();
    assert_eq!(
        specs.collect::<BTreeSet<_>>(),
        known,
        "specs are swept that not even the history has"
    );
    small.lab.desired.revisions.clear();
    small.settle();
    assert_eq!(small.lab.desired.specs.len(), 0, "unused specs are swept");
}

#[test]
fn a_network_stays_on_a_node_while_its_project_has_a_task_there() {
    let mut small = Small::new(&["n1"]);
    let owner = crate::testing::project("script");
    for (name, network) in [("back", "inner"), ("front", "outer")] {
        let engine_name = format!("script_{network}");
        let attachment = lab_types::NetworkAttachment {
            network: lab_types::NetworkName::new(network).unwrap(),
            engine_name: lab_types::EngineName::new(engine_name).unwrap(),
            aliases: Vec::new(),
            endpoint: lab_types::Endpoint::default(),
        };
        let mut task = svc("web:1").0.task;
        task.networks.push(attachment);
        let create = crate::change::Change::CreateService {
            project: owner.clone(),
            name: crate::testing::service(name),
            task: Box::new(task),
            replicas: 1,
        };
        small.change(&create).unwrap();
    }
    small.settle();
    small.scale("script", "front", 0);
    small.settle();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.3
              script/back 1 (web:1) run
              networks: script_inner script_outer
        "#]],
    );
    small.scale("script", "back", 0);
    small.settle();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.5
        "#]],
    );
}

#[test]
fn a_gate_does_not_open_on_the_last_word_of_a_node_that_is_lost_or_began_a_new_life() {
    let mut small = Small::new(&["n1", "n2"]);
    let services = |replicas| {
        let web = svc("web:1").after("db", Condition::ServiceHealthy);
        [
            ("db", svc("db:1").volume("shop_data")),
            ("web", web.replicas(replicas)),
        ]
    };
    small.up("shop", &services(1));
    small.settle();
    let db = crate::testing::node("n1");
    assert!(small.lab.desired.assignments[&db].volumes.len() == 1);
    let closed = |small: &Small| {
        let assignments = small.lab.desired.assignments.values();
        let mut tasks = assignments.flat_map(|assignment| assignment.tasks.values());
        tasks.any(|task| task.gate != lab_types::Gate::Open)
    };
    small.lab.observed.nodes.get_mut(&db).unwrap().needs_full = true;
    small.up("shop", &services(2));
    small.plan();
    assert!(closed(&small), "its agent may have come back without it");
    small.report("n1");
    small.plan();
    assert!(!closed(&small));
    small.lose("n1");
    small.up("shop", &services(3));
    small.plan();
    assert!(closed(&small));
}
