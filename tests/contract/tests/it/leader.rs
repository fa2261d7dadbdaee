//! The leader's loop: who is heard when, and who leads when one is cut off.

use std::time::{Duration, Instant};

use lab_bus::{Bus, CallOptions};
use lab_testkit::{Flow, NatsServer, Proxy, user, wait_until};
use lab_types::{
    AgentBoot, Event, EventWhat, Fence, Health, NodeLiveness, ProjectName, Report, ReportBody,
    ServiceName, TaskId, TaskProgress, TaskSpec, TaskState, TaskStatus, UnixMillis,
};
use lab_wire::agent::{SyncReply, SyncRequest};
use lab_wire::request::{
    EventList, LabStatus, LabStatusGet, NodeList, Request, ServiceCreate, ServiceScale,
};
use lab_wire::subject::{self, NodeVerb};
use lab_wire::{Encoding, Role};

use crate::agent::{self, BareAgent};
use crate::handover::{scheduler, scheduler_of};

const SOON: Duration = Duration::from_secs(30);

async fn ask<R: Request>(ada: &Bus, request: &R) -> R::Reply {
    let project = ProjectName::new("shop").unwrap();
    let options = CallOptions {
        // What was sent to a leader as it was cut off comes to nobody.
        attempt: Duration::from_secs(1),
        ..CallOptions::default()
    };
    let user = user("ada");
    let asked = ada.call(&user, Some(&project), request, options);
    asked.await.unwrap()
}

async fn status(ada: &Bus) -> LabStatus {
    ask(ada, &LabStatusGet {}).await
}

async fn until_ready(ada: &Bus, nodes: usize) {
    wait_until(SOON, "all nodes are ready", async || {
        let listed = ask(ada, &NodeList::default()).await.nodes.into_iter();
        let ready = listed.filter(|node| node.liveness == NodeLiveness::Ready);
        (ready.count() == nodes).then_some(())
    })
    .await;
}

fn create(name: &str) -> ServiceCreate {
    ServiceCreate {
        service: ServiceName::new(name).unwrap(),
        task: TaskSpec {
            image: "web:1".to_owned(),
            ..TaskSpec::default()
        },
        replicas: 0,
        request_id: None,
    }
}

/// What a node says again of many tasks: long to read, and of no consequence.
fn long_report(node: &BareAgent) -> Report {
    let status = |number: u32| TaskStatus {
        task: TaskId::new(format!("t{number}")).unwrap(),
        progress: TaskProgress {
            attempt: 1,
            state: TaskState::Running,
        },
        health: Health::Unknown,
        container: Some("c".repeat(64)),
        started_at: None,
        exit_code: None,
        message: None,
        observed_at: UnixMillis(0),
        ends: Vec::new(),
        exhausted: false,
        ports: Vec::new(),
    };
    Report {
        node: node.node.clone(),
        boot: AgentBoot(1),
        sequence: 1,
        accepted: Fence::default(),
        body: ReportBody::Delta {
            changed: (0..100).map(status).collect(),
            forgotten: Vec::new(),
            removed_volumes: Vec::new(),
            present: None,
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_does_not_wait_until_all_agents_have_been_heard() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let node = BareAgent::start(&server, "n1", agent::mute()).await;
    let (_stop, _) = scheduler_of(&server, proxy.url(), "scheduler.creds", 30_000);
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    until_ready(&ada, 1).await;

    // The commit hangs, and for that time the leader takes nothing in.
    proxy.set(Flow::HoldRequests);
    let hangs = tokio::spawn({
        let ada = ada.clone();
        async move { ask(&ada, &create("first")).await }
    });
    let to = subject::node(&node.node, NodeVerb::Report);
    let body: bytes::Bytes = lab_wire::encode(&long_report(&node), Encoding::MessagePack).into();
    for _ in 0..4000 {
        let (to, body) = (to.clone(), body.clone());
        node.bus.publish_bytes(to, Vec::new(), body).await.unwrap();
    }
    // The last of what the agent says: it is heard when all the rest was.
    let sync = SyncRequest {
        boot: AgentBoot(1),
        accepted: Fence::default(),
        lacking: Vec::new(),
    };
    let to = subject::node(&node.node, NodeVerb::Sync);
    let asked = node.bus.request_message::<_, SyncReply>(to, &sync, SOON);
    let heard = async {
        asked.await.unwrap();
        Instant::now()
    };
    let answered = async {
        node.bus.flush().await.unwrap();
        proxy.set(Flow::Pass);
        // A read: all that it waits for is its turn.
        ask(&ada, &LabStatusGet {}).await;
        let answered = Instant::now();
        // A change and an errand take their time, and come back as well.
        ask(&ada, &create("web")).await;
        ask(&ada, &EventList::default()).await;
        answered
    };
    let (heard, answered) = tokio::join!(heard, answered);
    assert!(answered < heard, "late by {:?}", answered - heard);
    hangs.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_while_the_leader_was_busy_is_not_taken_for_loss() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let node = BareAgent::start(&server, "n1", agent::mute()).await;
    // It keeps the lead all the time.
    let (_stop, _) = scheduler_of(&server, proxy.url(), "scheduler.creds", 30_000);
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    until_ready(&ada, 1).await;
    let before = status(&ada).await.head.epoch;

    // The commit hangs, and for that time the leader hears nobody. Nobody says anything either.
    node.be_silent(true);
    proxy.set(Flow::HoldRequests);
    let changed = tokio::spawn({
        let ada = ada.clone();
        async move { ask(&ada, &create("web")).await }
    });
    // Longer than the silence after which a node counts as lost.
    tokio::time::sleep(Duration::from_secs(5)).await;
    proxy.set(Flow::Pass);
    changed.await.unwrap();
    // The leader's loop turns at least four times a second: it has looked at the nodes by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    node.be_silent(false);
    ask(&ada, &create("later")).await;
    assert_eq!(status(&ada).await.head.epoch, before, "the same leads");
    assert_eq!(lost(&ada).await, Vec::<Event>::new());

    // The same silence, when it listens, is a loss.
    node.be_silent(true);
    wait_until(SOON, "the node is found lost", async || {
        (!lost(&ada).await.is_empty()).then_some(())
    })
    .await;
}

async fn lost(ada: &Bus) -> Vec<Event> {
    let options = CallOptions::default();
    let (user, all) = (user("ada"), EventList::default());
    let listed = ada.call(&user, None, &all, options);
    let events = listed
        .await
        .unwrap()
        .events
        .into_iter()
        .map(|numbered| numbered.event);
    events
        .filter(|event| event.what == EventWhat::NodeLost)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_is_cut_off_the_other_leads_and_the_first_stands_by_when_it_is_back() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let (stop_first, first) = scheduler(&server, proxy.url(), "first.creds");
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    ask(&ada, &create("web")).await;
    let before = status(&ada).await.head.epoch;
    let (stop_second, second) = scheduler(&server, server.url(), "second.creds");

    proxy.set(Flow::Cut);
    let cut = Instant::now();
    ask(&ada, &create("db")).await;
    assert!(
        cut.elapsed() < Duration::from_secs(5),
        "{:?}",
        cut.elapsed()
    );
    let after = status(&ada).await.head.epoch;
    assert!(after > before, "another leads");

    proxy.set(Flow::Pass);
    // Every answer from here on is the second's, also while the first finds out.
    let until = Instant::now() + Duration::from_secs(6);
    let mut replicas = 0;
    while Instant::now() < until {
        replicas += 1;
        let scale = ServiceScale {
            service: ServiceName::new("db").unwrap(),
            replicas,
            request_id: None,
        };
        assert!(ask(&ada, &scale).await.changed);
        assert_eq!(status(&ada).await.head.epoch, after);
    }
    // The first is well: it takes over when the second leaves.
    stop_second.cancel();
    second.await.unwrap();
    ask(&ada, &create("cache")).await;
    assert!(status(&ada).await.head.epoch > after);
    stop_first.cancel();
    first.await.unwrap();
}
