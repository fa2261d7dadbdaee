//! A host that vanishes without a word, and comes back.

use std::time::{Duration, Instant};

use lab_testkit::hosts::{Layout, until};

use crate::lab::{Lab, PATIENCE, Runs};

/// From the fault until all replacements run, in a debug build on a busy machine. The figure that
/// counts is measured by ops/bench/loss.sh: 5 s.
const REPLACED_MAX: Duration = Duration::from_secs(15);

/// The replicas that run on the other hosts while `gone` is away, once all are there.
fn replaced(lab: &Lab, gone: &str, replicas: usize, since: Instant) -> Vec<Runs> {
    let runs = until("the tasks run elsewhere", PATIENCE, || {
        let others = lab.hosts.hosts().iter().filter(|host| host.name() != gone);
        let runs = lab.on(others);
        match runs.len() == replicas {
            true => Ok(runs),
            false => Err(format!("{runs:?}")),
        }
    });
    let took = since.elapsed();
    assert!(took <= REPLACED_MAX, "replaced only after {took:?}");
    runs
}

#[test]
fn tasks_of_a_host_whose_link_is_cut_run_elsewhere_and_their_doubles_stop_when_it_is_mended() {
    let lab = Lab::with_web(&Layout::of(3), 6);
    let before = lab.runs();
    let third = lab.host(3);
    third.cut_link();
    let cut = Instant::now();
    let during = replaced(&lab, "host3", 6, cut);
    assert!(
        before
            .iter()
            .filter(|run| run.host != "host3")
            .all(|run| during.contains(run)),
        "what ran on the other hosts was touched: {before:?} {during:?}"
    );
    lab.awaits("host3", "lost");
    assert!(
        lab.losses().concat().contains("host3"),
        "{:?}",
        lab.losses()
    );

    third.mend_link();
    lab.awaits("host3", "ready");
    let after = lab.whole(6);
    assert_eq!(after, during, "the replaced tasks stop, nothing else");
    lab.scale(9).ok();
    lab.even(9);
}

#[test]
fn tasks_of_a_host_without_power_run_elsewhere_and_do_not_start_again_when_it_returns() {
    let lab = Lab::with_web(&Layout::of(3), 6);
    let third = lab.host(3);
    let off = Instant::now();
    third.power_off();
    let during = replaced(&lab, "host3", 6, off);
    lab.awaits("host3", "lost");

    third.power_on();
    lab.awaits("host3", "ready");
    // It has taken its new assignment once nothing that was replaced is left on its engine.
    until("the replaced tasks are gone from host3", PATIENCE, || {
        let left = third.engine().all(crate::lab::PROJECT);
        match left.is_empty() {
            true => Ok(()),
            false => Err(format!("{left:?}")),
        }
    });
    assert_eq!(lab.whole(6), during, "nothing else moved");
}
