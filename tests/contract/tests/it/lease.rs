//! The lease on a real server: T is the shortest that NATS counts in, or long where expiry must not be
//! what helps.

use std::time::Duration;

use lab_bus::lease::LeaseRecord;
use lab_bus::{BootInstant, Bus, CallError, Candidate, Leadership, LeaseConfig, Loss};
use lab_testkit::{Flow, NatsServer, Proxy, wait_until};
use lab_wire::Role;
use lab_wire::subject::LEADER_PROBE;
use tokio::task::JoinHandle;

const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(20);
const LATER: Duration = Duration::from_secs(30);

fn candidate(bus: &Bus, ttl: Duration) -> Candidate {
    let config = LeaseConfig {
        ttl,
        ..LeaseConfig::scheduler("a test")
    };
    Candidate::new(bus, config).unwrap()
}

async fn acquire(bus: &Bus, ttl: Duration) -> Leadership {
    let mut candidate = candidate(bus, ttl);
    let acquired = tokio::time::timeout(LATER, candidate.acquire());
    acquired.await.expect("the lease is won").unwrap()
}

/// A follower that campaigns in the background.
fn follow(bus: &Bus, ttl: Duration) -> JoinHandle<(Leadership, BootInstant)> {
    let bus = bus.clone();
    tokio::spawn(async move { (acquire(&bus, ttl).await, BootInstant::now()) })
}

#[tokio::test]
async fn one_leads_and_keeps_leading_while_another_waits() {
    let server = NatsServer::start().await;
    let first = server.connect_as(&Role::Scheduler).await;
    let second = server.connect_as(&Role::Scheduler).await;
    let leader = acquire(&first, SHORT).await;
    let follower = follow(&second, SHORT);
    // Three lives of the lease: only renewal can keep it.
    tokio::time::sleep(SHORT * 3).await;
    assert!(leader.may_act());
    assert!(!follower.is_finished());
    let started = BootInstant::now();
    leader.release().await;
    let (next, at) = follower.await.unwrap();
    assert!(
        at.since(started) < SHORT / 2,
        "a release is seen at once: {:?}",
        at.since(started)
    );
    assert!(next.may_act());
}

#[tokio::test]
async fn when_nobody_answers_for_the_leader_the_lease_is_taken_without_waiting_for_it_to_expire() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let first = server.connect_through(proxy.url(), &Role::Scheduler).await;
    let second = server.connect_as(&Role::Scheduler).await;
    let leader = acquire(&first, LONG).await;
    let follower = follow(&second, LONG);
    proxy.set(Flow::Cut);
    let crashed = BootInstant::now();
    let (next, at) = follower.await.unwrap();
    assert!(
        at.since(crashed) < Duration::from_secs(3),
        "{:?}",
        at.since(crashed)
    );

    // The old leader comes back: its renewal is refused and it learns that it leads no more.
    assert!(leader.may_act(), "it cannot know yet");
    proxy.set(Flow::Pass);
    let loss = tokio::time::timeout(LATER, leader.lost()).await.unwrap();
    assert_eq!(loss, Loss::Taken);
    assert!(!leader.may_act());
    assert!(next.may_act());
}

#[tokio::test]
async fn a_leader_that_hangs_stops_itself_before_the_lease_expires_for_the_others() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let first = server.connect_through(proxy.url(), &Role::Scheduler).await;
    let second = server.connect_as(&Role::Scheduler).await;
    let leader = acquire(&first, SHORT).await;
    let follower = follow(&second, SHORT);
    // Its connection stays, so probes are heard but not answered: only expiry helps.
    proxy.set(Flow::HoldRequests);
    let started = BootInstant::now();
    assert_eq!(
        tokio::time::timeout(LATER, leader.lost()).await.unwrap(),
        Loss::Expired
    );
    let stopped = BootInstant::now();
    let (next, taken) = follower.await.unwrap();
    assert!(stopped < taken, "there were two leaders");
    assert!(
        taken.since(started) < SHORT * 3,
        "{:?}",
        taken.since(started)
    );
    // What it said late changes nothing.
    proxy.set(Flow::Pass);
    // What must not happen has no moment: it is given a life of the lease.
    tokio::time::sleep(SHORT).await;
    assert!(next.may_act());
}

/// The client library's own bucket would make this second lease immortal.
#[tokio::test]
async fn a_lease_taken_over_the_mark_of_a_release_expires_like_the_first() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let first = server.connect_as(&Role::Scheduler).await;
    let second = server.connect_through(proxy.url(), &Role::Scheduler).await;
    acquire(&first, SHORT).await.release().await;
    let over_the_mark = acquire(&second, SHORT).await;
    // Renewed at least once, then silent.
    tokio::time::sleep(SHORT).await;
    proxy.set(Flow::HoldRequests);
    let follower = follow(&first, SHORT);
    over_the_mark.lost().await;
    let (next, _) = tokio::time::timeout(LATER, follower)
        .await
        .unwrap()
        .unwrap();
    assert!(next.may_act());
}

#[tokio::test]
async fn whoever_probes_is_told_who_leads() {
    let server = NatsServer::start().await;
    let first = server.connect_as(&Role::Scheduler).await;
    let second = server.connect_as(&Role::Scheduler).await;
    let leader = acquire(&first, SHORT).await;
    let asked = second.request_message(LEADER_PROBE, &(), SHORT);
    let told: LeaseRecord = asked.await.unwrap();
    assert_eq!(
        (told.nonce.as_str(), told.holder.as_str()),
        (leader.nonce(), "a test")
    );
    leader.release().await;
    let asked = second
        .request_message::<_, LeaseRecord>(LEADER_PROBE, &(), SHORT)
        .await;
    assert!(
        matches!(asked, Err(CallError::NoResponders { .. })),
        "{asked:?}"
    );
}

#[tokio::test]
async fn of_many_candidates_one_leads_at_a_time_and_each_has_its_turn() {
    let server = NatsServer::start().await;
    let mut waiting = Vec::new();
    for _ in 0..6 {
        let bus = server.connect_as(&Role::Scheduler).await;
        waiting.push(follow(&bus, SHORT));
    }
    while !waiting.is_empty() {
        wait_until(LATER, "somebody leads", async || {
            waiting.iter().any(JoinHandle::is_finished).then_some(())
        })
        .await;
        // What must not happen has no moment: it is given some of the followers' looks.
        tokio::time::sleep(SHORT / 2).await;
        let (mut won, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(JoinHandle::is_finished);
        assert_eq!(won.len(), 1, "two lead");
        let (leader, _) = won.remove(0).await.unwrap();
        assert!(leader.may_act());
        leader.release().await;
        waiting = rest;
    }
}

#[tokio::test]
async fn after_a_restart_of_the_server_somebody_leads_again_within_seconds() {
    let mut server = NatsServer::start().await;
    let first = server.connect_as(&Role::Scheduler).await;
    let second = server.connect_as(&Role::Scheduler).await;
    let leader = acquire(&first, Duration::from_secs(4)).await;
    let follower = follow(&second, Duration::from_secs(4));
    server.kill().await;
    server.start_again().await;
    // The lease was in the server's memory. Either the leader writes it again or the follower takes it;
    // not both.
    wait_until(LATER, "the clients are back", async || {
        (first.is_connected() && second.is_connected()).then_some(())
    })
    .await;
    // Until the leader has found out, both may believe it: what they write is told apart by the head. After
    // more than a life of the lease one of them knows better. What must not happen has no moment.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_ne!(leader.may_act(), follower.is_finished());
}

/// The revisions of a bucket made anew could run through those of the old one.
#[tokio::test]
async fn a_leader_from_before_a_restart_does_not_renew_the_lease_of_the_next() {
    let ttl = Duration::from_secs(8);
    let mut server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let first = server.connect_through(proxy.url(), &Role::Scheduler).await;
    let leader = acquire(&first, ttl).await;
    proxy.set(Flow::Cut);
    server.kill().await;
    server.start_again().await;
    let second = server.connect_as(&Role::Scheduler).await;
    let next = acquire(&second, ttl).await;
    proxy.set(Flow::Pass);
    assert_eq!(
        tokio::time::timeout(LATER, leader.lost()).await.unwrap(),
        Loss::Taken
    );
    assert!(next.may_act());
}

#[tokio::test]
async fn dropping_the_leadership_gives_it_back() {
    let server = NatsServer::start().await;
    let first = server.connect_as(&Role::Scheduler).await;
    let second = server.connect_as(&Role::Scheduler).await;
    drop(acquire(&first, LONG).await);
    let started = BootInstant::now();
    acquire(&second, LONG).await;
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_lease_of_a_part_of_a_second_is_refused_before_anything_is_tried() {
    let server = NatsServer::start().await;
    let bus = server.connect_as(&Role::Scheduler).await;
    for ttl in [
        Duration::ZERO,
        Duration::from_millis(500),
        Duration::from_millis(1500),
    ] {
        let config = LeaseConfig {
            ttl,
            ..LeaseConfig::scheduler("a test")
        };
        assert!(Candidate::new(&bus, config).is_err(), "{ttl:?}");
    }
}
