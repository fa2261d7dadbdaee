//! A scheduler whose store is full.

use std::time::Duration;

use lab_bus::{Bus, CallError, CallOptions, Nats, StateStore, StoreLimits};
use lab_kit::config::Bytes;
use lab_testkit::{NatsServer, user, wait_until};
use lab_types::{ProjectName, ServiceName, TaskSpec};
use lab_wire::Role;
use lab_wire::request::{LabStatus, LabStatusGet, ServiceCreate, ServiceList};
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(30);
/// Room for some services, and not for many.
const SMALL: u64 = 256 * 1024;

fn config(server: &NatsServer) -> scheduler::Config {
    let credentials = server.dir().join("scheduler.creds");
    server
        .credentials(&Role::Scheduler)
        .write(&credentials)
        .unwrap();
    let mut config = scheduler::Config {
        nats: Nats {
            urls: vec![server.url()],
            credentials,
        },
        ..scheduler::Config::default()
    };
    config.store.bytes_max = Bytes(SMALL);
    config
}

async fn status(admin: &Bus) -> LabStatus {
    let options = CallOptions::default();
    admin
        .call(&user("ada"), None, &LabStatusGet {}, options)
        .await
        .unwrap()
}

async fn create(admin: &Bus, name: &str) -> Result<(), CallError> {
    let project = ProjectName::new("shop").unwrap();
    let request = ServiceCreate {
        service: ServiceName::new(name).unwrap(),
        task: TaskSpec {
            image: "busybox".to_owned(),
            // Each spec is another record of 20 KB.
            environment: [("FILL".to_owned(), name.repeat(20_000 / name.len()))].into(),
            ..TaskSpec::default()
        },
        replicas: 0,
        request_id: None,
    };
    let options = CallOptions::default();
    admin
        .call(&user("ada"), Some(&project), &request, options)
        .await
        .map(drop)
}

#[tokio::test]
async fn a_leader_whose_store_is_full_goes_on_leading_answers_reads_and_tries_again() {
    let server = NatsServer::start().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(scheduler::run(config(&server), stop.clone()));
    let admin = server.connect_as(&Role::Admin(user("ada"))).await;
    let first = status(&admin).await;
    assert_eq!(first.notices, Vec::<String>::new());

    let mut stored = 0;
    let refused = loop {
        match create(&admin, &format!("service{stored}")).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 100, "{SMALL} bytes are never used up");
    };
    let CallError::Refused(problem) = refused else {
        panic!("{refused}");
    };
    assert_eq!(problem.code.0, "SCH0043", "{problem}");
    assert!(stored > 2, "nothing fits from the start");

    let full = status(&admin).await;
    assert_eq!(full.head.epoch, first.head.epoch, "it leads on");
    assert!(
        full.notices.iter().any(|notice| notice.contains("SCH0043")),
        "{:?}",
        full.notices
    );
    assert_eq!(
        full.counts.services, stored,
        "what was refused is not there"
    );
    let options = CallOptions::default();
    let listed = admin
        .call(&user("ada"), None, &ServiceList::default(), options)
        .await
        .unwrap();
    assert_eq!(listed.services.len(), stored as usize);

    // Somebody makes room.
    let bus = server.connect_as(&Role::Scheduler).await;
    let limits = StoreLimits {
        bytes_max: 64 * SMALL,
        ..StoreLimits::default()
    };
    StateStore::open(&bus, limits).await.unwrap();
    wait_until(SOON, "a change is stored again", async || {
        create(&admin, "later").await.ok()
    })
    .await;
    let after = status(&admin).await;
    assert_eq!(
        after.head.epoch, first.head.epoch,
        "one leader all the time"
    );
    assert_eq!(after.notices, Vec::<String>::new());
    assert_eq!(after.counts.services, stored + 1);

    stop.cancel();
    running.await.unwrap().unwrap();
}
