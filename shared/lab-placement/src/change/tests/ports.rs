//! Host ports that can be had, and that cannot.

use expect_test::expect;
use lab_types::Availability;

use super::refused;
use crate::change::Change;
use crate::testing::{Small, node, project, service, svc};

#[test]
fn a_port_of_another_project_or_of_a_stranger_is_refused_with_its_holder() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1").port(80))]);
    small.settle();
    let change = small.apply_of("blog", &[("front", svc("front:1").port(80))]);
    refused(
        &mut small,
        &change,
        &expect![[r#"
            SCH0010: host port 80/tcp, which service blog/front publishes, is taken: on node n1 by service shop/web
              free that port, or publish another host port
        "#]],
    );
    small.take_port("n1", 5000, "nginx (pid 812)");
    let change = small.apply_of("blog", &[("front", svc("front:1").port(5000))]);
    refused(
        &mut small,
        &change,
        &expect![[r#"
            SCH0010: host port 5000/tcp, which service blog/front publishes, is taken: on node n1 by nginx (pid 812)
              free that port, or publish another host port
        "#]],
    );
    // On another node it can be had.
    small.register("n2");
    small.report("n2");
    small.change(&change).unwrap();
}

#[test]
fn more_replicas_than_nodes_for_one_host_port_are_refused() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("web", svc("web:1").port(80).replicas(2))]);
    let change = Change::ScaleService {
        project: project("shop"),
        name: service("web"),
        replicas: 3,
    };
    refused(
        &mut small,
        &change,
        &expect![[r#"
            SCH0010: service shop/web publishes host port 80/tcp and shall have 3 tasks, but each node has a port once and only 2 nodes can offer it
              ask for at most 2, or publish the container's port without a host port
        "#]],
    );
    small
        .lab
        .desired
        .nodes
        .get_mut(&node("n2"))
        .unwrap()
        .availability = Availability::Pause;
    let change = small.apply_of("shop", &[("web", svc("web:2").port(80).replicas(2))]);
    refused(
        &mut small,
        &change,
        &expect![[r#"
            SCH0010: service shop/web publishes host port 80/tcp and shall have 2 tasks, but each node has a port once and only 1 node can offer it
              ask for at most 1, or publish the container's port without a host port
        "#]],
    );
}

#[test]
fn two_services_of_one_model_cannot_have_one_port_on_one_node() {
    let mut small = Small::new(&["n1"]);
    let change = small.apply_of(
        "shop",
        &[("a", svc("a:1").port(80)), ("b", svc("b:1").port(80))],
    );
    refused(
        &mut small,
        &change,
        &expect![[r#"
            SCH0001: project shop breaks 2 rules, so nothing was changed
              see the single findings
            - SCH0010: host port 80/tcp, which service shop/a publishes, is taken: service shop/b publishes it too
            - SCH0010: host port 80/tcp, which service shop/b publishes, is taken: service shop/a publishes it too
        "#]],
    );
}

#[test]
fn a_port_taken_later_does_not_refuse_a_change_that_leaves_the_service_alone() {
    let mut small = Small::new(&["n1"]);
    let web = svc("web:1").port(80);
    small.up("shop", &[("web", web.clone())]);
    small.take_port("n1", 80, "nginx (pid 812)");
    small.up("shop", &[("web", web), ("db", svc("db:1"))]);
}
