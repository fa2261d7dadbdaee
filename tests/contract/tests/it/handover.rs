//! Parts that stop, and those who wait for their answers.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lab_bus::{Bus, CallError, CallOptions, Nats};
use lab_testkit::{Flow, NatsServer, Proxy, user};
use lab_types::{ProjectName, ServiceName, TaskSpec};
use lab_wire::Role;
use lab_wire::request::{LabStatusGet, PlanCreate, ServiceChanged, ServiceCreate, SourceText};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Many times what anything here takes.
const SOON: Duration = Duration::from_secs(20);

fn nats(server: &NatsServer, url: String, role: &Role, file: &str) -> Nats {
    let credentials: PathBuf = server.dir().join(file);
    server.credentials(role).write(&credentials).unwrap();
    let urls = vec![url];
    Nats { urls, credentials }
}

/// A scheduler as it is configured by default.
pub(crate) fn scheduler(
    server: &NatsServer,
    url: String,
    file: &str,
) -> (CancellationToken, JoinHandle<()>) {
    let ttl_ms = scheduler::Config::default().lease.ttl_ms;
    scheduler_of(server, url, file, ttl_ms)
}

/// The same with a lease of this length.
pub(crate) fn scheduler_of(
    server: &NatsServer,
    url: String,
    file: &str,
    ttl_ms: u64,
) -> (CancellationToken, JoinHandle<()>) {
    let mut config = scheduler::Config {
        nats: nats(server, url, &Role::Scheduler, file),
        ..Default::default()
    };
    config.lease.ttl_ms = ttl_ms;
    let stop = CancellationToken::new();
    let token = stop.clone();
    let run = async move { scheduler::run(config, token).await.unwrap() };
    (stop, tokio::spawn(run))
}

async fn epoch(ada: &Bus) -> u64 {
    let options = CallOptions::default();
    let asked = ada
        .call(&user("ada"), None, &LabStatusGet {}, options)
        .await;
    asked.unwrap().head.epoch.0
}

fn task() -> TaskSpec {
    let minimal = serde_json::json!({ "image": "web:1" });
    serde_json::from_value(minimal).unwrap()
}

/// The leader stops while the pass is on its way: whether it is stored, nobody knows yet.
#[tokio::test]
async fn a_change_asked_of_a_leader_that_stops_in_mid_commit_is_answered_by_the_next() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let (stop, first) = scheduler(&server, proxy.url(), "first.creds");
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    let before = epoch(&ada).await;
    let (stop_second, second) = scheduler(&server, server.url(), "second.creds");
    let witness = server.connect_as(&Role::Scheduler).await;
    let mut requests = witness
        .subscribe("tercio.v1.req.*.*.service.create")
        .await
        .unwrap();
    witness.flush().await.unwrap();
    proxy.set(Flow::HoldRequests);
    let asked = tokio::spawn(async move {
        let request = ServiceCreate {
            service: ServiceName::new("web").unwrap(),
            task: task(),
            replicas: 1,
            request_id: None,
        };
        let project = ProjectName::new("shop").unwrap();
        let options = CallOptions::default();
        let user = user("ada");
        let asked = ada.call(&user, Some(&project), &request, options);
        (asked.await, ada)
    });
    requests.next().await.unwrap();
    // Time for the leader to draft the pass, whose bytes are held back; without it the request is
    // only handed over, which must succeed as well.
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.cancel();
    proxy.set(Flow::Pass);
    let (answer, ada) = asked.await.unwrap();
    let ServiceChanged { revision, .. } = answer.unwrap();
    assert_eq!(revision, 1);
    first.await.unwrap();
    assert!(epoch(&ada).await > before);
    stop_second.cancel();
    second.await.unwrap();
}

#[tokio::test]
async fn a_scheduler_stops_at_once_while_it_takes_over_and_nats_does_not_answer() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let witness = server.connect_as(&Role::Scheduler).await;
    let mut lease = witness.subscribe("$KV.tercio_lease.>").await.unwrap();
    witness.flush().await.unwrap();
    let (stop, run) = scheduler(&server, proxy.url(), "first.creds");
    // It has the lease now, and goes for the state.
    lease.next().await.unwrap();
    proxy.set(Flow::HoldRequests);
    let asked = Instant::now();
    stop.cancel();
    tokio::time::timeout(SOON, run).await.unwrap().unwrap();
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn a_planner_that_stops_tells_those_who_wait_to_ask_again() {
    let server = NatsServer::start().await;
    let config = compose_planner::Config {
        nats: nats(&server, server.url(), &Role::Planner, "planner.creds"),
        ..Default::default()
    };
    let stop = CancellationToken::new();
    let token = stop.clone();
    let run = tokio::spawn(async move { compose_planner::run(config, token).await.unwrap() });
    let witness = server.connect_as(&Role::Scheduler).await;
    let mut facts = witness
        .subscribe("tercio.v1.req.planner.*.project.facts")
        .await;
    let facts = facts.as_mut().unwrap();
    witness.flush().await.unwrap();
    let vera = server.connect_as(&Role::Viewer(user("vera"))).await;
    let request = PlanCreate {
        files: vec![SourceText {
            path: "/shop/compose.yaml".into(),
            content: "services: {web: {image: 'web:1'}}".into(),
        }],
        other_files: Vec::new(),
        environment: Default::default(),
        project_name: Some("shop".into()),
        project_dir: "/shop".into(),
        current_dir: None,
        env_files: Vec::new(),
        files_named: false,
        profiles: Vec::new(),
        services: Vec::new(),
        build: Default::default(),
    };
    let asked = tokio::spawn(async move {
        let user = user("vera");
        let options = CallOptions {
            // One attempt, unless it is answered.
            timeout: SOON / 2,
            attempt: SOON / 2,
            request_id: None,
        };
        vera.call(&user, None, &request, options).await
    });
    // The leader is asked, and is paused for good.
    facts.next().await.unwrap();
    let began = Instant::now();
    stop.cancel();
    run.await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    // It asked again, and met no other planner.
    let answer = asked.await.unwrap().unwrap_err();
    assert!(matches!(answer, CallError::NoResponders { .. }), "{answer}");
}
