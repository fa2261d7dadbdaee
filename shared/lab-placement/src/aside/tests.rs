//! An older scheduler that leads: what it cannot read stays, and the rest of the lab goes on.

use lab_types::{Availability, TaskTarget};

use super::Unread;
use crate::key::Key;
use crate::testing::{Small, node, project, service, svc};

fn two_projects() -> Small {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("web", svc("web:1").replicas(2))]);
    small.up("blog", &[("web", svc("blog:1").replicas(2))]);
    small.settle();
    small
}

/// The record under a key was written by a newer scheduler.
fn unread(small: &mut Small, key: &str) {
    if let Ok(key) = key.parse::<Key>() {
        small.lab.remove(&key);
    }
    small.lab.set_aside(vec![Unread {
        key: key.to_owned(),
        why: "it says more than this version knows".to_owned(),
    }]);
}

/// The tasks of a project that should run, by node.
fn running(small: &Small, name: &str) -> Vec<(String, String)> {
    let assignments = small.lab.desired.assignments.values();
    let tasks = assignments.flat_map(|a| a.tasks.values().map(move |task| (&a.node, task)));
    let tasks = tasks.filter(|(_, task)| task.target == TaskTarget::Run);
    let tasks = tasks.filter(|(_, task)| task.project == project(name));
    tasks
        .map(|(node, task)| (node.to_string(), task.id.to_string()))
        .collect()
}

/// Whatever is tried: the first project stays as it is, the second follows.
fn shop_stays_and_blog_goes_on(small: &mut Small, key: &str) {
    unread(small, key);
    let shop = running(small, "shop");
    let networks = |small: &Small| {
        let assignments = small.lab.desired.assignments.values();
        let networks = assignments.flat_map(|a| a.networks.keys().cloned());
        networks
            .filter(|name| name.as_str().starts_with("shop"))
            .count()
    };
    let joined = networks(small);
    let node = small.lab.desired.nodes.get_mut(&node("n1"));
    if let Some(node) = node {
        node.availability = Availability::Drain;
    }
    small.settle();
    assert_eq!(running(small, "shop"), shop, "{key}");
    assert_eq!(networks(small), joined, "{key}");
    let blog = running(small, "blog");
    assert_eq!(blog.len(), 2, "{key}");
    assert!(blog.iter().all(|(node, _)| node == "n2"), "{key}: {blog:?}");
}

#[test]
fn the_project_of_a_record_that_cannot_be_read_stays_as_it_is_and_the_others_go_on() {
    let spec = two_projects().lab.desired.services[&(project("shop"), service("web"))]
        .spec
        .clone();
    for key in [
        "desired.project.shop".to_owned(),
        "desired.service.shop.web".to_owned(),
        "outcome.shop.web.1".to_owned(),
        "rollout.shop.web".to_owned(),
        format!("spec.{spec}"),
    ] {
        shop_stays_and_blog_goes_on(&mut two_projects(), &key);
    }
}

#[test]
fn a_kind_of_record_that_is_about_no_project_freezes_nothing() {
    let mut small = two_projects();
    unread(&mut small, "cron.nightly");
    small.up("shop", &[("web", svc("web:2"))]);
    small.settle();
    assert_eq!(running(&small, "shop").len(), 1);
    let notices: Vec<String> = small.lab.desired.aside.notices().collect();
    let told = "the record cron.nightly cannot be read by this scheduler and is left alone: it says \
                more than this version knows";
    assert_eq!(notices, [told]);
}

#[test]
fn whoever_asks_for_a_change_of_what_stays_is_told_to_start_a_newer_scheduler() {
    let mut small = two_projects();
    unread(&mut small, "desired.service.shop.web");
    let scale = |name: &str| crate::Change::ScaleService {
        project: project(name),
        name: service("web"),
        replicas: 1,
    };
    let problem = small.change(&scale("shop")).unwrap_err();
    assert_eq!(problem.code.0, "SCH0022");
    assert!(small.change(&scale("blog")).is_ok());
    let data = crate::Change::RemoveProject {
        project: project("blog"),
        remove_volumes: Some(lab_types::ConfirmationId::new("c1").unwrap()),
        shown: None,
    };
    assert_eq!(small.change(&data).unwrap_err().code.0, "SCH0022");
}

#[test]
fn without_what_a_node_must_run_nothing_is_decided() {
    let mut small = two_projects();
    unread(&mut small, "node.n1");
    assert_eq!(small.lab.desired.aside.halts(), None);
    unread(&mut small, "assignment.n1");
    let problem = small.lab.desired.aside.halts().unwrap();
    assert_eq!(problem.code.0, "SCH0022");
    assert!(problem.message.contains("n1"), "{}", problem.message);
}
