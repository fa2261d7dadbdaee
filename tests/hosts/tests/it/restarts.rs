//! Processes that end and come back: nothing is recreated, doubled or forgotten.

use std::collections::BTreeSet;

use lab_testkit::hosts::{Host, Layout, Unit, until};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use crate::lab::{Lab, PATIENCE, PROJECT, Runs};

#[test]
fn a_restart_of_nats_loses_no_node_and_recreates_no_container() {
    let lab = Lab::with_web(&Layout::of(3), 6);
    let before = lab.whole(6);
    lab.host(1).kill(Unit::Nats);
    lab.host(1).start(Unit::Nats);
    lab.hosts.await_ready();
    // A change that is carried out shows that all agents follow again.
    until("a change is accepted", PATIENCE, || {
        let said = lab.scale(9);
        match said.code {
            0 => Ok(()),
            _ => Err(said.all()),
        }
    });
    let after = lab.even(9);
    assert!(
        before.iter().all(|run| after.contains(run)),
        "{before:?} {after:?}"
    );
    assert_eq!(lab.losses(), Vec::<String>::new());
}

#[test]
fn tasks_resume_in_their_containers_when_an_engine_is_restarted() {
    let lab = Lab::with_web(&Layout::of(3), 6);
    let before = lab.whole(6);
    lab.host(2).restart(Unit::Engine);
    assert!(
        lab.runs().len() < 6,
        "an engine that ends stops its containers"
    );
    let after = lab.whole(6);
    assert_eq!(
        before, after,
        "the same containers run again, where they were"
    );
    lab.host(3).kill(Unit::Engine);
    lab.host(3).start(Unit::Engine);
    assert_eq!(lab.whole(6), before);
    assert_eq!(lab.losses(), Vec::<String>::new());
}

/// How often all is killed, which takes about 6 s each time; `TERCIO_HOSTS_ROUNDS` says otherwise.
const ROUNDS: u64 = 3;

fn rounds() -> u64 {
    let asked = std::env::var("TERCIO_HOSTS_ROUNDS").ok();
    asked.map_or(ROUNDS, |asked| asked.parse().expect("a number of rounds"))
}

#[test]
fn what_was_acknowledged_is_there_and_nothing_is_doubled_when_all_was_killed_at_once() {
    let lab = Lab::with_web(&Layout::of(3), 4);
    let mut known = lab.whole(4);
    for seed in 0..rounds() {
        let replicas = 5 + usize::try_from(seed % 4).expect("a few");
        // The kill falls into the middle of carrying this out, and after its acknowledgement.
        let said = lab.tercio(&["req", SCALE, &scale_to(replicas)]).ok();
        let order = kill_all_and_start_in_an_order_of(&lab, seed);
        lab.hosts.await_ready();
        let runs = lab.whole(replicas);
        let what = format!("seed {seed}, started {order:?}, after {}", said.all());
        let slots: BTreeSet<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        let kept = known.iter().filter(|run| slots.contains(run.name.as_str()));
        let moved: Vec<&Runs> = kept.filter(|run| !runs.contains(run)).collect();
        assert!(moved.is_empty(), "{what}: {moved:?} {runs:?}");
        let again = lab.up(replicas).all();
        assert_eq!(lab.whole(replicas), runs, "{what}: {again}");
        known = runs;
        if rounds() > ROUNDS {
            steady(&lab);
        }
    }
}

/// Waits until the agents take every container to work. A container that ends before counts as
/// crashed once more, also when its engine was killed, and waits twice as long for its next start:
/// from the ninth round on that wait would be all that is seen.
fn steady(lab: &Lab) {
    until("all have run for ten seconds", PATIENCE, || {
        for host in lab.hosts.hosts() {
            // Times in this form are ordered as texts.
            let ago = host.attempt(&["date", "-u", "-d", "-11 seconds", "+%FT%T"])?;
            let engine = host.engine();
            for id in engine.running(PROJECT) {
                let started = engine.attempt(&["inspect", "-f", "{{.State.StartedAt}}", &id])?;
                if started > ago {
                    return Err(started);
                }
            }
        }
        Ok(())
    });
}

const SCALE: &str = "tercio.v1.req.admin.shop.service.scale";

fn scale_to(replicas: usize) -> String {
    format!("{{\"service\":\"web\",\"replicas\":{replicas}}}")
}

/// Kills every process of the lab and every engine, then starts all in a random order.
fn kill_all_and_start_in_an_order_of(lab: &Lab, seed: u64) -> Vec<String> {
    let hosts = lab.hosts.hosts().iter();
    let mut all: Vec<(&Host, Unit)> = hosts
        .flat_map(|host| {
            let units = host.units().iter().copied().chain([Unit::Engine]);
            units.map(move |unit| (host, unit))
        })
        .collect();
    for (host, unit) in &all {
        host.kill(*unit);
    }
    all.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    for (host, unit) in &all {
        host.start(*unit);
    }
    all.iter()
        .map(|(host, unit)| format!("{} {unit:?}", host.name()))
        .collect()
}

#[test]
fn when_power_returns_to_all_hosts_in_any_order_the_lab_comes_back_without_a_hand() {
    let lab = Lab::with_web(&Layout::of(3), 6);
    let before = lab.whole(6);
    let mut hosts: Vec<&Host> = lab.hosts.hosts().iter().collect();
    hosts.iter().for_each(|host| host.power_off());
    hosts.shuffle(&mut ChaCha8Rng::seed_from_u64(POWER_SEED));
    let order: Vec<String> = hosts.iter().map(|host| host.name()).collect();
    for host in &hosts {
        host.power_on();
    }
    lab.hosts.await_ready();
    assert_eq!(lab.whole(6), before, "in the order {order:?}");
    let up = lab.up(6);
    assert_eq!(lab.whole(6), before, "{}", up.all());
}

/// It starts the host with NATS and the scheduler last.
const POWER_SEED: u64 = 4;
