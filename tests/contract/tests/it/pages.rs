//! Answers that do not fit one message are told in pages.

use std::collections::BTreeSet;
use std::time::Duration;

use lab_bus::{Bus, CallOptions, Nats};
use lab_testkit::{NatsServer, user, wait_until};
use lab_types::{AgentBoot, Fence, ProjectName, ServiceName, SpecDigest, TaskSpec};
use lab_wire::Role;
use lab_wire::agent::{SyncReply, SyncRequest};
use lab_wire::request::{
    PlanCreate, ProjectFactsGet, Request, ServiceCreate, ServiceList, SourceText,
};
use lab_wire::subject::{self, NodeVerb};
use tokio_util::sync::CancellationToken;

use crate::agent::{self, BareAgent};
use crate::handover::scheduler;

/// How many services, of some 200 KB each: more than one message holds.
const SERVICES: usize = 6;

async fn ask<R: Request>(ada: &Bus, request: &R) -> R::Reply {
    let (user, project) = (user("ada"), ProjectName::new("shop").unwrap());
    let options = CallOptions {
        timeout: Duration::from_secs(30),
        ..CallOptions::default()
    };
    let asked = ada.call(&user, Some(&project), request, options);
    asked.await.unwrap()
}

fn large(number: usize) -> ServiceCreate {
    ServiceCreate {
        service: ServiceName::new(format!("web{number}")).unwrap(),
        task: TaskSpec {
            image: "web:1".to_owned(),
            environment: [("FILL".to_owned(), number.to_string().repeat(200_000))].into(),
            ..TaskSpec::default()
        },
        replicas: 0,
        request_id: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_fits_no_message_is_told_in_pages_and_can_be_planned() {
    let server = NatsServer::start().await;
    let (_stop, _) = scheduler(&server, server.url(), "scheduler.creds");
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    for number in 0..SERVICES {
        ask(&ada, &large(number)).await;
    }

    let mut request = ProjectFactsGet::default();
    let mut seen = BTreeSet::new();
    let mut pages = 0;
    loop {
        let page = ask(&ada, &request).await;
        pages += 1;
        assert_eq!(page.revision, u64::try_from(SERVICES).unwrap());
        for name in page.services.into_keys() {
            assert!(seen.insert(name.clone()), "{name} comes twice");
        }
        match page.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    assert_eq!((seen.len(), pages), (SERVICES, 2));

    // The planner reads all pages: a file with none of the services removes each of them.
    let _node = BareAgent::start(&server, "n1", agent::willing(&[("db:1", "sha256:1")])).await;
    let credentials = server.dir().join("planner.creds");
    server
        .credentials(&Role::Planner)
        .write(&credentials)
        .unwrap();
    let config = compose_planner::Config {
        nats: Nats {
            urls: vec![server.url()],
            credentials,
        },
        ..Default::default()
    };
    let stop = CancellationToken::new();
    let planner = tokio::spawn(compose_planner::run(config, stop.clone()));
    let request = PlanCreate {
        files: vec![SourceText {
            path: "/shop/compose.yaml".into(),
            content: "services: {db: {image: 'db:1'}}".into(),
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
    let plan = wait_until(Duration::from_secs(30), "a plan is made", async || {
        let user = user("ada");
        let asked = ada.call(&user, None, &request, CallOptions::default());
        asked.await.ok()?.plan
    })
    .await;
    let text = format!("{:?}", plan.operations);
    for number in 0..SERVICES {
        assert!(text.contains(&format!("web{number}")), "{text}");
    }
    stop.cancel();
    planner.await.unwrap().unwrap();
    assert_eq!(
        ask(&ada, &ServiceList::default()).await.services.len(),
        SERVICES
    );
}

/// The specs of a node's assignment are more than one message holds.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_gets_all_specs_of_its_assignment_in_several_answers_and_none_that_it_has() {
    let server = NatsServer::start().await;
    let (_stop, _) = scheduler(&server, server.url(), "scheduler.creds");
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    let node = BareAgent::start(&server, "n1", agent::mute()).await;
    for number in 0..SERVICES {
        let request = ServiceCreate {
            replicas: 1,
            ..large(number)
        };
        ask(&ada, &request).await;
    }
    let sync = async |accepted: Fence, lacking: Vec<SpecDigest>| -> SyncReply {
        let request = SyncRequest {
            boot: AgentBoot(1),
            accepted,
            lacking,
        };
        let to = subject::node(&node.node, NodeVerb::Sync);
        let soon = Duration::from_secs(5);
        node.bus.request_message(to, &request, soon).await.unwrap()
    };
    let assigned = wait_until(
        Duration::from_secs(30),
        "all tasks are placed",
        async || {
            let assigned = sync(Fence::default(), Vec::new()).await.assignment?;
            (assigned.tasks.len() == SERVICES).then_some(assigned)
        },
    )
    .await;
    let mut lacking: Vec<SpecDigest> = assigned.specs().into_iter().collect();
    for _ in 0..SERVICES {
        let told = sync(assigned.fence, lacking.clone()).await.specs;
        assert!(lacking.is_empty() || !told.is_empty());
        lacking.retain(|digest| !told.contains_key(digest));
    }
    assert_eq!(lacking, Vec::new());
    let nothing_new = sync(assigned.fence, Vec::new()).await;
    assert_eq!(nothing_new.assignment.unwrap().fence, assigned.fence);
    assert_eq!(nothing_new.specs.len(), 0);
}
