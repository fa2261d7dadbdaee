//! Nodes that fall silent, one after another or together, and leaders that did not listen.

use expect_test::expect;
use lab_types::{DurationMs, Fence, Heartbeat, UnixMillis};

use super::{beat, liveness};
use crate::testing::{Small, node, told};

#[test]
fn three_missed_beats_make_a_node_lost_and_the_next_one_brings_it_back() {
    let mut small = Small::new(&["n1", "n2"]);
    let start = small.now;
    let policy = small.policy;
    let second = small.now.plus(DurationMs(2500));
    small
        .lab
        .on_heartbeat(&beat(1, 1, Fence::default()), second);
    let silence = small
        .lab
        .liveness(start.plus(DurationMs(2999)), start, &policy);
    assert_eq!(silence.events, []);
    assert_eq!(silence.wake_at, Some(start.plus(DurationMs(3000))));
    let silence = small
        .lab
        .liveness(start.plus(DurationMs(3000)), start, &policy);
    expect!["n1 ready, n2 lost"].assert_eq(&liveness(&small));
    expect![[r#"
        node lost: node n2 is lost: not heard for 3s
    "#]]
    .assert_eq(&told(&silence.events));
    assert_eq!(silence.held, None, "one of two is not many");
    let again = small
        .lab
        .liveness(start.plus(DurationMs(3001)), start, &policy);
    assert_eq!(again.events, [], "it is told once");
    let back = Heartbeat {
        node: node("n2"),
        ..beat(1, 1, Fence::default())
    };
    let (_, event) = small.lab.on_heartbeat(&back, start.plus(DurationMs(4000)));
    expect![[r#"
        node ready: node n2 is ready
    "#]]
    .assert_eq(&told(&event.into_iter().collect::<Vec<_>>()));
    expect!["n1 ready, n2 ready"].assert_eq(&liveness(&small));
}

#[test]
fn silence_counts_only_while_the_leader_was_connected() {
    let mut small = Small::new(&["n1"]);
    let policy = small.policy;
    let reconnected = small.now.plus(DurationMs(60_000));
    let silence = small
        .lab
        .liveness(reconnected.plus(DurationMs(2000)), reconnected, &policy);
    assert_eq!(silence.events, []);
    expect!["n1 ready"].assert_eq(&liveness(&small));
}

#[test]
fn after_the_leader_has_connected_again_nodes_get_time_to_connect_too() {
    let mut small = Small::new(&["n1", "n2", "n3"]);
    let policy = small.policy;
    let reconnected = small.now.plus(DurationMs(60_000));
    let at = |ms| reconnected.plus(DurationMs(ms));
    small
        .lab
        .on_heartbeat(&beat(1, 1, Fence::default()), at(500));
    let silence = small.lab.liveness(at(3499), reconnected, &policy);
    assert_eq!(silence.events, []);
    small.lab.liveness(at(3500), reconnected, &policy);
    expect!["n1 lost, n2 ready, n3 ready"].assert_eq(&liveness(&small));
    small.lab.liveness(at(9_999), reconnected, &policy);
    expect!["n1 lost, n2 ready, n3 ready"].assert_eq(&liveness(&small));
    small.lab.liveness(at(10_000), reconnected, &policy);
    expect!["n1 lost, n2 lost, n3 lost"].assert_eq(&liveness(&small));
}

#[test]
fn nodes_of_one_fault_are_held_when_the_first_of_them_is_found() {
    let mut small = Small::new(&["n1", "n2", "n3", "n4", "n5", "n6"]);
    let policy = small.policy;
    let start = small.now;
    let mut alive = |name: &str, at: u64| {
        let beat = Heartbeat {
            node: node(name),
            ..beat(1, 1, Fence::default())
        };
        small.lab.on_heartbeat(&beat, start.plus(DurationMs(at)));
    };
    // Both are cut off at 5.95 s; their beats have other phases.
    alive("n1", 5_000);
    alive("n2", 5_900);
    for name in ["n3", "n4", "n5", "n6"] {
        alive(name, 7_500);
    }
    let silence = small
        .lab
        .liveness(start.plus(DurationMs(8_000)), start, &policy);
    expect![[r#"
        node lost: node n1 is lost: not heard for 3s
        lab held: 2 of 6 nodes vanished together: replacing their tasks is held for a while
    "#]]
    .assert_eq(&told(&silence.events));
    assert!(small.plan().report.placed.is_empty());
}

#[test]
fn what_was_not_read_while_the_leader_was_busy_is_no_silence() {
    let mut small = Small::new(&["n1"]);
    let (start, policy) = (small.now, small.policy);
    small.lab.observed.deaf_until = start.plus(DurationMs(4_000));
    let at = |ms| start.plus(DurationMs(ms));
    assert_eq!(small.lab.liveness(at(4_001), start, &policy).events, []);
    assert_eq!(
        small.lab.liveness(at(7_000), start, &policy).events.len(),
        1
    );
}

#[test]
fn a_node_that_has_just_joined_is_given_time_to_report() {
    let mut small = Small::new(&[]);
    let policy = small.policy;
    let start = small.now;
    small.now = start.plus(DurationMs(60_000));
    small.register("n1");
    let soon = small.now.plus(DurationMs(1000));
    assert_eq!(small.lab.liveness(soon, start, &policy).events, []);
    let late = small.now.plus(DurationMs(3000));
    assert_eq!(small.lab.liveness(late, start, &policy).events.len(), 1);
}

#[test]
fn a_third_of_the_nodes_vanishing_together_is_held_even_when_found_one_after_another() {
    let mut small = Small::new(&["n1", "n2", "n3", "n4", "n5", "n6"]);
    let policy = small.policy;
    let start = small.now;
    let mut alive = |name: &str, at: UnixMillis| {
        let beat = Heartbeat {
            node: node(name),
            ..beat(1, 1, Fence::default())
        };
        small.lab.on_heartbeat(&beat, at);
    };
    let later = start.plus(DurationMs(1500));
    for name in ["n2", "n3", "n4", "n5", "n6"] {
        alive(name, later);
    }
    for name in ["n3", "n4", "n5", "n6"] {
        alive(name, start.plus(DurationMs(3000)));
    }
    let silence = small
        .lab
        .liveness(start.plus(DurationMs(3000)), start, &policy);
    assert_eq!((silence.events.len(), silence.held), (1, None));
    let now = start.plus(DurationMs(4500));
    let silence = small.lab.liveness(now, start, &policy);
    expect![[r#"
        node lost: node n2 is lost: not heard for 3s
        lab held: 2 of 6 nodes vanished together: replacing their tasks is held for a while
    "#]]
    .assert_eq(&told(&silence.events));
    let held = silence.held.unwrap();
    assert_eq!(
        (held.vanished, held.of, held.until),
        (2, 6, now.plus(policy.hold))
    );
    assert_eq!(small.lab.observed.hold_until, Some(held.until));
    for name in ["n3", "n4", "n5", "n6"] {
        let beat = Heartbeat {
            node: node(name),
            ..beat(1, 1, Fence::default())
        };
        small.lab.on_heartbeat(&beat, held.until);
    }
    small.lab.liveness(held.until, start, &policy);
    assert_eq!(small.lab.observed.hold_until, None, "the hold ends");
}
