//! The checker sees what it is there for.

use lab_types::UnixMillis;

use super::{Violation, outcome};
use crate::testing::{Small, node, svc};

#[test]
fn one_port_on_all_addresses_and_on_one_of_them_is_twice_the_same() {
    for (first, second, twice) in [
        (None, Some("127.0.0.1"), true),
        (Some("0.0.0.0"), Some("127.0.0.1"), true),
        (Some("10.0.0.1"), Some("::"), true),
        (Some("10.0.0.1"), Some("127.0.0.1"), false),
    ] {
        let mut small = Small::new(&["n1"]);
        let services = [
            ("web", svc("web:1").port(80)),
            ("api", svc("api:1").port(81)),
        ];
        small.up("shop", &services);
        let wrong = small.plan_only();
        // No request is admitted that asks for this, so the specs are changed by hand.
        for (image, ip) in [("web:1", first), ("api:1", second)] {
            let mut specs = small.lab.desired.specs.values_mut();
            let spec = specs.find(|spec| spec.image == image).unwrap();
            spec.ports[0].published = Some(80);
            spec.ports[0].host_ip = ip.map(str::to_owned);
        }
        let found = outcome(&small.lab, &wrong, small.now);
        let port = Violation::PortTwice {
            node: node("n1"),
            port: 80,
        };
        assert_eq!(
            found.contains(&port),
            twice,
            "{first:?} {second:?}: {found:?}"
        );
    }
}

#[test]
fn a_lost_nodes_task_that_is_replaced_while_replacement_is_held_is_replaced_too_early() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    small.lose("n1");
    small.lab.observed.hold_until = None;
    let replaced = small.plan_only();
    assert_eq!(replaced.report.placed.len(), 1);
    assert_eq!(outcome(&small.lab, &replaced, small.now), []);
    small.lab.observed.hold_until = Some(UnixMillis(small.now.0 + 1));
    let found = outcome(&small.lab, &replaced, small.now);
    let early = |violation: &Violation| matches!(violation, Violation::ReplacedTooEarly { .. });
    assert!(found.iter().any(early), "{found:?}");
}
