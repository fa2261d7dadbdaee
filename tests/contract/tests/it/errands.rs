//! What the leader asks agents for, on behalf of those who wait.

use std::time::{Duration, Instant};

use lab_bus::{Bus, CallError, CallOptions};
use lab_testkit::{NatsServer, user, wait_until};
use lab_types::{NodeLiveness, PortProtocol, PortPublish, ProjectName, ServiceName, TaskSpec};
use lab_wire::Role;
use lab_wire::request::{ImagePull, NodeList, ProjectFactsGet, Request, ServiceCreate};
use tokio_util::sync::CancellationToken;

use crate::agent::{self, BareAgent};
use crate::handover::scheduler;

const SOON: Duration = Duration::from_secs(20);

fn shop() -> ProjectName {
    ProjectName::new("shop").unwrap()
}

/// A request that is not repeated by itself.
async fn once<R: Request>(ada: &Bus, request: &R, id: Option<&str>) -> Result<R::Reply, CallError> {
    let options = CallOptions {
        timeout: SOON,
        attempt: SOON,
        request_id: id.map(|id| lab_types::RequestId::new(id).unwrap()),
    };
    ada.call(&user("ada"), Some(&shop()), request, options)
        .await
}

async fn lab(server: &NatsServer, nodes: usize) -> (CancellationToken, Bus) {
    let (stop, _) = scheduler(server, server.url(), "scheduler.creds");
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    wait_until(SOON, "all nodes are ready", async || {
        let listed = once(&ada, &NodeList::default(), None).await.ok()?;
        let ready = listed.nodes.iter();
        let ready = ready.filter(|node| node.liveness == NodeLiveness::Ready);
        (ready.count() == nodes).then_some(())
    })
    .await;
    (stop, ada)
}

fn with_port(name: &str, port: u16) -> ServiceCreate {
    ServiceCreate {
        service: ServiceName::new(name).unwrap(),
        task: TaskSpec {
            image: "web:1".to_owned(),
            ports: vec![PortPublish {
                host_ip: None,
                published: Some(port),
                target: 80,
                protocol: PortProtocol::Tcp,
            }],
            ..TaskSpec::default()
        },
        replicas: 1,
        request_id: None,
    }
}

fn web() -> ProjectFactsGet {
    ProjectFactsGet {
        images: vec!["web:1".to_owned()],
        ..ProjectFactsGet::default()
    }
}

#[tokio::test]
async fn a_node_that_does_not_answer_makes_nobody_wait_for_longer_than_an_attempt() {
    let server = NatsServer::start().await;
    let _one = BareAgent::start(&server, "n1", agent::willing(&[("web:1", "sha256:1")])).await;
    let _mute = BareAgent::start(&server, "n2", agent::mute()).await;
    let (_stop, ada) = lab(&server, 2).await;
    let attempt = CallOptions::default().attempt;

    let began = Instant::now();
    let facts = once(&ada, &web(), None).await.unwrap();
    assert_eq!(facts.images["web:1"], "sha256:1", "{facts:?}");
    assert!(began.elapsed() < attempt, "{:?}", began.elapsed());

    let began = Instant::now();
    once(&ada, &with_port("web", 8080), None).await.unwrap();
    assert!(began.elapsed() < attempt, "{:?}", began.elapsed());
}

#[tokio::test]
async fn those_who_ask_for_the_same_facts_are_answered_by_one_look() {
    let server = NatsServer::start().await;
    let node = BareAgent::start(&server, "n1", agent::mute()).await;
    let (_stop, ada) = lab(&server, 1).await;
    let ask = async || once(&ada, &web(), None).await.unwrap_err().to_string();
    let asks: Vec<String> = futures::future::join_all((0..5).map(|_| ask())).await;
    assert!(asks.iter().all(|said| *said == asks[0]), "{asks:?}");
    assert_eq!(node.checks(), 1);
}

#[tokio::test]
async fn many_changes_that_want_ports_wait_for_few_looks() {
    let server = NatsServer::start().await;
    let node = BareAgent::start(&server, "n1", agent::mute()).await;
    let (_stop, ada) = lab(&server, 1).await;
    let began = Instant::now();
    let creates = (0..100).map(|number| {
        let ada = &ada;
        async move {
            let request = with_port(&format!("web{number}"), 8000 + number);
            once(ada, &request, None).await.unwrap();
        }
    });
    futures::future::join_all(creates).await;
    assert!(node.checks() <= 3, "{} looks", node.checks());
    assert!(
        began.elapsed() < CallOptions::default().attempt,
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_pull_that_is_asked_for_again_is_the_first_one() {
    let server = NatsServer::start().await;
    let node = BareAgent::start(&server, "n1", agent::willing(&[])).await;
    let (_stop, ada) = lab(&server, 1).await;
    let pull = ImagePull {
        image: "web:1".to_owned(),
        request_id: None,
    };
    let (first, beside) = tokio::join!(
        once(&ada, &pull, Some("pull-1")),
        once(&ada, &pull, Some("pull-1"))
    );
    let first = first.unwrap();
    assert_eq!(first, beside.unwrap());
    assert_eq!(first, once(&ada, &pull, Some("pull-1")).await.unwrap());
    assert_eq!(node.opens(), 1);
    let other = once(&ada, &pull, Some("pull-2")).await.unwrap();
    assert_ne!(first, other);
    assert_eq!(node.opens(), 2);
}
