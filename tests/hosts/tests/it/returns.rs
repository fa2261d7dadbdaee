//! A lost host comes back, and hears nothing of the lab at first. Its engine and the others' are
//! looked at ten times a second from before it was lost until all is at rest.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lab_testkit::hosts::{Host, Layout, Wire};

use crate::lab::{IMAGE, Lab, PATIENCE, PROJECT, Runs};
use crate::watch::{Look, Watch};

/// How long the host is back and NATS is not reachable from it.
const DEAF: Duration = Duration::from_secs(20);

/// From when NATS is reachable again until nothing runs twice. ops/docs/nodes.md states it: at most
/// 10 s until the agent is connected, then the service's own time to stop (10 s unless it says so).
const TWICE_MAX: Duration = Duration::from_secs(20);

/// The replicas of each of the two services: two on each host.
const REPLICAS: usize = 6;

fn up(lab: &Lab) {
    let command = "command: [sh, -c, 'trap \"exit 0\" TERM; while :; do sleep 1 & wait $$!; done']";
    let text = format!(
        "services:\n  ledger:\n    image: {IMAGE}\n    {command}\n    x-tercio: {{exclusive: true}}\n    \
         deploy: {{replicas: {REPLICAS}}}\n  web:\n    image: {IMAGE}\n    {command}\n    \
         deploy: {{replicas: {REPLICAS}}}\n"
    );
    let file = lab.hosts.dir().join("returns.yml");
    std::fs::write(&file, text).expect("the lab's folder");
    let file = file.to_string_lossy();
    lab.tercio(&["up", "--file", &file, "-p", PROJECT, "-d", "--wait"])
        .ok();
}

/// The names of a service's containers on all hosts but one.
fn elsewhere(look: &Look, gone: &str, service: &str) -> BTreeSet<String> {
    let prefix = format!("{PROJECT}-{service}-");
    let others = look.iter().filter(|(host, _)| *host != gone);
    let names = others.flat_map(|(_, names)| names.iter().cloned());
    names.filter(|name| name.starts_with(&prefix)).collect()
}

/// Waits until all replicas of a service run on the other hosts.
fn await_replaced(watch: &mut Watch<'_>, gone: &str, service: &str) {
    let what = format!("{service} runs elsewhere");
    watch.until(&what, PATIENCE, |look| {
        let names = elsewhere(look, gone, service);
        match names.len() {
            REPLICAS => Ok(()),
            _ => Err(format!("{names:?}")),
        }
    });
}

/// Loses a host, and looks on until it has come back and all is at rest.
fn lose_and_return(lose: impl Fn(&Host), come_back: impl Fn(&Host, &mut Watch<'_>)) {
    let lab = Lab::start(&Layout::of(3));
    up(&lab);
    let third = lab.host(3);
    let mut watch = Watch::begin(&lab);
    lose(third);
    await_replaced(&mut watch, "host3", "web");
    await_replaced(&mut watch, "host3", "ledger");
    let during = lab.on([lab.host(1), lab.host(2)].into_iter());

    lab.hosts.cut(Wire::ToNats(3));
    come_back(third, &mut watch);
    watch.during(DEAF);
    lab.hosts.mend(Wire::ToNats(3));
    let heard = Instant::now();
    let is_at_rest = |look: &Look| match look.get("host3") {
        Some(names) if names.is_empty() => Ok(()),
        other => Err(format!("{other:?}")),
    };
    watch.until("host3 has stopped what was replaced", PATIENCE, is_at_rest);
    lab.awaits("host3", "ready");
    watch.until("host3 runs nothing that was replaced", PATIENCE, is_at_rest);

    let doubled = watch.twice("ledger");
    assert!(doubled.is_empty(), "{} looks: {doubled:?}", watch.looks());
    let web = watch.twice("web");
    assert!(!web.is_empty(), "the looks see what runs twice");
    let last = web
        .values()
        .map(|(last, _)| last.saturating_duration_since(heard));
    let longest = last.max().unwrap_or_default();
    say(watch.looks(), longest);
    assert!(
        longest <= TWICE_MAX,
        "web ran twice {longest:?} after NATS was reachable"
    );
    let after: Vec<Runs> = lab.runs();
    assert_eq!(after, during, "what had replaced it was left alone");
}

#[expect(
    clippy::print_stderr,
    reason = "a figure for who runs it with --no-capture"
)]
fn say(looks: usize, longest: Duration) {
    eprintln!("{looks} looks; the others ran twice for {longest:?} after NATS was reachable");
}

#[test]
fn a_host_whose_link_was_cut_and_that_is_deaf_when_it_returns_runs_no_exclusive_task_twice() {
    lose_and_return(Host::cut_link, |host, _| host.mend_link());
}

#[test]
fn a_host_that_had_no_power_and_is_deaf_when_it_returns_runs_no_exclusive_task_twice() {
    lose_and_return(Host::power_off, |host, watch| {
        host.start_booting();
        host.await_init();
        watch.until("host3 is up", PATIENCE, |_| host.is_up());
    });
}
