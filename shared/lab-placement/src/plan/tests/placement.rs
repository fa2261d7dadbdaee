//! Which node takes a task, and why none does.

use expect_test::expect;
use lab_types::{
    Availability, DurationMs, EngineFacts, EventWhat, HealthCheck, HealthTest, NodeLiveness,
};

use super::check;
use crate::plan::Filter;
use crate::testing::{GIB, Small, Svc, node, svc};

fn report(small: &mut Small) -> String {
    small.plan().report.to_string()
}

#[test]
fn an_image_runs_only_where_it_can_and_a_lab_without_such_a_node_says_so() {
    let mut small = Small::new(&["n1", "n2"]);
    for (name, architecture) in [("n1", "arm64"), ("n2", "amd64")] {
        let observed = small.lab.observed.nodes.get_mut(&node(name)).unwrap();
        observed.facts.os = "linux".into();
        observed.facts.architecture = architecture.into();
    }
    small.up(
        "a",
        &[
            ("any", svc("any:1").replicas(2)),
            ("arm", svc("arm:1").replicas(2).platform("linux/arm64")),
            ("old", svc("old:1").platform("linux/386")),
        ],
    );
    let pending = report(&mut small);
    expect![[r#"
        a/old slot 1: no node can take it: node n2 is linux/amd64, and the image runs on linux/386 (and 1 node more)
    "#]]
    .assert_eq(&pending);
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.1
              a/any 1 (any:1) run
              a/arm 1 (arm:1) run
              a/arm 2 (arm:1) run
              networks: a_default
            n2 at 1.1.1
              a/any 2 (any:1) run
              networks: a_default
        "#]],
    );
}

#[test]
fn a_service_goes_only_where_the_engine_can_do_what_it_asks() {
    let mut small = Small::new(&["n1", "n2"]);
    for (name, version, api_version) in [("n1", "20.10.24", "1.41"), ("n2", "24.0.7", "1.43")] {
        let observed = small.lab.observed.nodes.get_mut(&node(name)).unwrap();
        observed.facts.engine = Some(EngineFacts {
            version: version.into(),
            api_version: api_version.into(),
        });
    }
    let marked = |mut service: Svc| {
        let word = ("team".to_owned(), "red".to_owned());
        service.0.task.annotations = [word].into();
        service
    };
    let mut newest = svc("newest:1");
    newest.0.task.healthcheck = Some(HealthCheck {
        test: HealthTest::Disabled,
        interval: None,
        timeout: None,
        retries: None,
        start_period: None,
        start_interval: Some(DurationMs(500)),
    });
    let services = [
        ("marked", marked(svc("marked:1")).replicas(2)),
        ("newest", newest),
        ("plain", svc("plain:1")),
    ];
    small.up("a", &services);
    let pending = report(&mut small);
    expect![[r#"
        a/newest slot 1: no node can take it: on node n1 Docker Engine 20.10.24 (API 1.41) is too old for what the service asks: `healthcheck.start_interval` needs API 1.44 (Docker 25.0) (and 1 node more)
    "#]]
    .assert_eq(&pending);
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.1
              a/plain 1 (plain:1) run
              networks: a_default
            n2 at 1.1.1
              a/marked 1 (marked:1) run
              a/marked 2 (marked:1) run
              networks: a_default
        "#]],
    );
}

#[test]
fn each_placement_tells_with_its_event_which_nodes_were_best_and_who_refused() {
    let mut small = Small::new(&["n1", "n2", "n3", "n4", "n5"]);
    small.lose("n4");
    small.take_port("n1", 80, "apache2");
    small.up("a", &[("web", svc("web:1").replicas(2).port(80))]);
    let outcome = small.plan();
    let told: Vec<String> = outcome
        .events
        .iter()
        .filter(|event| event.what == EventWhat::TaskAssigned)
        .map(|event| format!("{}: {:?}", event.message, event.details))
        .collect();
    expect![[r#"
        task 1 of a/web was given to node n2: {"best": "n2 0/0, n3 0/0, n5 0/0", "refused": "heard 1, host ports 1"}
        task 2 of a/web was given to node n3: {"best": "n3 0/0, n5 0/0, n2 1/1", "refused": "heard 1, host ports 1"}"#]].assert_eq(&told.join("\n"));
    let last = outcome.report.placed.last().unwrap();
    assert_eq!(last.refused, [(Filter::Heard, 1), (Filter::HostPorts, 1)]);
    assert_eq!(last.next.len(), 2);
}

#[test]
fn tasks_of_a_service_spread_first_and_then_the_emptier_node_wins() {
    let mut small = Small::new(&["n1", "n2", "n3"]);
    small.up(
        "a",
        &[("one", svc("one:1")), ("two", svc("two:1").replicas(2))],
    );
    small.up("b", &[("many", svc("many:1").replicas(5))]);
    small.plan();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.1
              a/one 1 (one:1) run
              b/many 1 (many:1) run
              b/many 4 (many:1) run
              networks: a_default b_default
            n2 at 1.1.1
              a/two 1 (two:1) run
              b/many 2 (many:1) run
              b/many 5 (many:1) run
              networks: a_default b_default
            n3 at 1.1.1
              a/two 2 (two:1) run
              b/many 3 (many:1) run
              networks: a_default b_default
        "#]],
    );
}

#[test]
fn a_slot_that_no_node_can_take_says_why_by_filter() {
    let mut small = Small::new(&["full", "lost", "paused", "port", "engine"]);
    small.register("silent");
    small.up("big", &[("big", svc("big:1").memory(6 * GIB))]);
    for name in ["lost", "paused", "port", "engine"] {
        small
            .lab
            .observed
            .nodes
            .get_mut(&node(name))
            .unwrap()
            .liveness = NodeLiveness::Unknown;
    }
    small.settle();
    for name in ["paused", "port", "engine"] {
        small
            .lab
            .observed
            .nodes
            .get_mut(&node(name))
            .unwrap()
            .liveness = NodeLiveness::Ready;
    }
    small.up(
        "shop",
        &[("web", svc("web:1").port(80).memory(4 * GIB).replicas(2))],
    );
    small.take_port("port", 80, "nginx (pid 812)");
    small.lose("lost");
    small
        .lab
        .desired
        .nodes
        .get_mut(&node("paused"))
        .unwrap()
        .availability = Availability::Pause;
    small
        .lab
        .observed
        .nodes
        .get_mut(&node("engine"))
        .unwrap()
        .facts
        .engine = None;
    let outcome = small.plan();
    check(
        &format!(
            "{}{}",
            outcome.report,
            crate::testing::told(&outcome.events)
        ),
        &expect![[r#"
            shop/web slots 1-2: no node can take it: node lost is lost (and 1 node more); node paused is paused; the Docker engine of node engine cannot be reached; node full has 4.00 CPUs and 2048 MiB free, 0.00 and 4096 are reserved for the task; on node port port 80/tcp is held by nginx (pid 812)
            task pending: task 1 of shop/web waits: no node can take it: node lost is lost (and 1 node more); node paused is paused; the Docker engine of node engine cannot be reached; node full has 4.00 CPUs and 2048 MiB free, 0.00 and 4096 are reserved for the task; on node port port 80/tcp is held by nginx (pid 812)
            task pending: task 2 of shop/web waits: no node can take it: node lost is lost (and 1 node more); node paused is paused; the Docker engine of node engine cannot be reached; node full has 4.00 CPUs and 2048 MiB free, 0.00 and 4096 are reserved for the task; on node port port 80/tcp is held by nginx (pid 812)
        "#]],
    );
    let again = small.plan();
    assert_eq!(again.events, [], "a pending slot is told once");
    assert_eq!(again.pending.len(), 2);
}

#[test]
fn a_lab_without_nodes_says_that() {
    let mut small = Small::new(&[]);
    small.up("shop", &[("web", svc("web:1"))]);
    check(
        &report(&mut small),
        &expect![[r#"
            shop/web slot 1: the lab has no node
        "#]],
    );
}

#[test]
fn a_node_takes_no_more_tasks_than_the_policy_says() {
    let mut small = Small::new(&["n1"]);
    small.policy.tasks_per_node_max = 2;
    small.up("shop", &[("web", svc("web:1").replicas(3))]);
    check(
        &report(&mut small),
        &expect![[r#"
            shop/web slot 3: no node can take it: node n1 has 2 tasks already
        "#]],
    );
}

#[test]
fn a_pending_slot_is_filled_when_a_node_comes() {
    let mut small = Small::new(&[]);
    small.up("shop", &[("web", svc("web:1"))]);
    assert_eq!(small.plan().pending.len(), 1);
    small.register("n1");
    small.report("n1");
    let outcome = small.plan();
    assert_eq!(outcome.pending.len(), 0);
    assert_eq!(outcome.report.placed.len(), 1);
}

#[test]
fn two_services_may_have_one_port_on_two_addresses_and_not_on_all() {
    let mut small = Small::new(&["n1"]);
    let on = |ip: Option<&str>| {
        let mut one = svc("web:1").port(80);
        one.0.task.ports[0].host_ip = ip.map(str::to_owned);
        one
    };
    small.up(
        "shop",
        &[("a", on(Some("127.0.0.1"))), ("b", on(Some("10.0.0.1")))],
    );
    let outcome = small.plan();
    assert_eq!(outcome.report.placed.len(), 2);
    let change = small.apply_of("all", &[("c", on(Some("0.0.0.0")))]);
    let refused = small.change(&change).unwrap_err();
    check(
        &refused.to_string(),
        &expect![
            "SCH0010: host port 80/tcp, which service all/c publishes, is taken: on node n1 by service shop/a"
        ],
    );
}

#[test]
fn fewer_tasks_of_the_service_count_before_fewer_tasks_in_all() {
    let mut small = Small::new(&["n1", "n2"]);
    let pause = |small: &mut Small, name: &str, availability| {
        let record = small.lab.desired.nodes.get_mut(&node(name)).unwrap();
        record.availability = availability;
    };
    pause(&mut small, "n2", Availability::Pause);
    small.up("shop", &[("web", svc("web:1").replicas(2))]);
    small.settle();
    pause(&mut small, "n2", Availability::Active);
    pause(&mut small, "n1", Availability::Pause);
    small.up("other", &[("filler", svc("filler:1").replicas(4))]);
    small.settle();
    pause(&mut small, "n1", Availability::Active);
    small.scale("shop", "web", 4);
    let placed = small.plan().report.placed;
    let nodes: Vec<String> = placed.iter().map(|p| p.node.to_string()).collect();
    assert_eq!(
        nodes,
        ["n2", "n2"],
        "n1 has two of the service, although n2 has more in all"
    );
}
