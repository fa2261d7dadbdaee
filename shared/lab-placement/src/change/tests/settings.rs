//! Settings of a container that a script may send.

use std::collections::BTreeMap;

use expect_test::expect;
use lab_types::NetworkMode;

use super::refused;
use crate::change::Change;
use crate::testing::{Small, project, service, svc};

fn create(task: lab_types::TaskSpec) -> Change {
    Change::CreateService {
        project: project("shop"),
        name: service("extra"),
        task: Box::new(task),
        replicas: 1,
    }
}

#[test]
fn a_service_on_the_nodes_own_network_joins_no_other() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    let mut task = svc("extra:1").0.task;
    task.network_mode = NetworkMode::Host;
    small.change(&create(task.clone())).unwrap();
    let extra = &small.lab.desired.services[&(project("shop"), service("extra"))];
    assert!(small.lab.desired.specs[&extra.spec].networks.is_empty());

    let web = &small.lab.desired.services[&(project("shop"), service("web"))];
    task.networks = small.lab.desired.specs[&web.spec].networks.clone();
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    refused(
        &mut small,
        &create(task),
        &expect![[r#"
            SCH0006: service shop/extra has a network mode of its own and joins networks
              say either `network_mode` or `networks`
        "#]],
    );
}

#[test]
fn what_a_spec_says_in_its_settings_counts_as_its_text_too() {
    let mut small = Small::new(&["n1"]);
    let long = "x".repeat(200 * 1024);
    let mut task = svc("extra:1").0.task;
    task.annotations = BTreeMap::from([("a".to_owned(), long.clone())]);
    small.decide(&create(task.clone())).unwrap();
    task.security.options = vec![long];
    refused(
        &mut small,
        &create(task),
        &expect![[r#"
            SCH0008: the spec of shop/extra holds 409719 bytes of text; 262144 fit
              move large values from the environment into a file or a volume
        "#]],
    );
}
