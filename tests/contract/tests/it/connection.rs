//! One connection: how it fares, and what becomes of what was said on it.

use std::time::Duration;

use lab_bus::{Bus, CallError, ConnectOptions, ConnectionStatus, Headers, Trouble};
use lab_testkit::{NatsServer, node_id, user};
use lab_wire::Role;

const LATER: Duration = Duration::from_secs(30);

async fn wait_for_status(bus: &Bus, connected: bool) -> ConnectionStatus {
    let mut status = bus.status();
    let is = |status: &ConnectionStatus| (*status != ConnectionStatus::Disconnected) == connected;
    let waited = tokio::time::timeout(LATER, status.wait_for(is)).await;
    *waited.expect("the status changes").unwrap()
}

#[tokio::test]
async fn what_was_published_before_a_drain_arrives() {
    let server = NatsServer::start().await;
    let scheduler = server.connect_as(&Role::Scheduler).await;
    let mut beats = scheduler.subscribe("tercio.v1.node.>").await.unwrap();
    scheduler.flush().await.unwrap();
    for round in 0..5u32 {
        let n1 = server.connect_as(&Role::Node(node_id("n1"))).await;
        for number in 0..100u32 {
            n1.publish("tercio.v1.node.n1.beat", &(round, number))
                .await
                .unwrap();
        }
        n1.drain().await;
        assert!(!n1.is_connected());
        for number in 0..100u32 {
            let beat = tokio::time::timeout(LATER, beats.next())
                .await
                .unwrap()
                .unwrap();
            let told: (u32, u32) = lab_wire::decode(&beat.payload).unwrap();
            assert_eq!(told, (round, number));
        }
    }
}

#[tokio::test]
async fn the_status_tells_when_the_server_goes_and_that_another_connection_has_another_beginning() {
    let mut server = NatsServer::start().await;
    let bus = server.connect_as(&Role::Scheduler).await;
    let first = wait_for_status(&bus, true).await;
    server.kill().await;
    wait_for_status(&bus, false).await;
    // What is asked meanwhile is told soon, not only when its time is up.
    let asked = bus.call_raw("$JS.API.INFO", Headers::new(), "".into(), LATER);
    let asked = tokio::time::timeout(Duration::from_millis(300), asked).await;
    assert!(asked.is_err(), "it waits for the connection: {asked:?}");
    server.start_again().await;
    let second = wait_for_status(&bus, true).await;
    assert_ne!(first, second);
    bus.call_raw("$JS.API.INFO", Headers::new(), "".into(), LATER)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_request_under_way_when_the_connection_breaks_ends_at_once() {
    let mut server = NatsServer::start().await;
    let scheduler = server.connect_as(&Role::Scheduler).await;
    let n1 = server.connect_as(&Role::Node(node_id("n1"))).await;
    let mut commands = n1.subscribe("tercio.v1.cmd.n1.>").await.unwrap();
    // What is said afterwards on this connection is judged after its subscription.
    let mut troubles = n1.troubles();
    n1.publish("nobody.may.say.this", &()).await.unwrap();
    troubles.recv().await.unwrap();
    let asked = tokio::spawn(async move {
        let subject = "tercio.v1.cmd.n1.check";
        scheduler
            .call_raw(subject, Headers::new(), "".into(), LATER)
            .await
    });
    commands.next().await.unwrap();
    server.kill().await;
    let told = tokio::time::timeout(LATER / 3, asked)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(told, Err(CallError::Disconnected)), "{told:?}");
}

#[tokio::test]
async fn a_server_that_hangs_is_noticed_by_its_missing_answers_to_pings() {
    let server = NatsServer::start().await;
    let credentials = server.credentials(&Role::Scheduler);
    let mut options = ConnectOptions::new(vec![server.url()], credentials, "test");
    options.ping_interval = Duration::from_millis(500);
    let bus = Bus::connect(options).await.unwrap();
    server.pause();
    let noticed = tokio::time::timeout(Duration::from_secs(5), wait_for_status(&bus, false));
    noticed
        .await
        .expect("it is noticed after two to three pings");
    server.resume();
    wait_for_status(&bus, true).await;
}

#[tokio::test]
async fn messages_dropped_for_a_slow_reader_are_told() {
    let server = NatsServer::start().await;
    let scheduler = server.connect_as(&Role::Scheduler).await;
    let mut troubles = scheduler.troubles();
    let _unread = scheduler.subscribe("tercio.v1.node.>").await.unwrap();
    scheduler.flush().await.unwrap();
    let n1 = server.connect_as(&Role::Node(node_id("n1"))).await;
    let flood = async {
        loop {
            n1.publish("tercio.v1.node.n1.beat", &()).await.unwrap();
        }
    };
    tokio::select! {
        () = flood => {}
        trouble = tokio::time::timeout(LATER, troubles.recv()) => {
            assert_eq!(trouble.unwrap().unwrap(), Trouble::SlowConsumer);
        }
    }
}

#[tokio::test]
async fn a_connection_that_may_wait_is_made_when_the_server_comes() {
    let mut server = NatsServer::start().await;
    let url = server.url();
    server.stop().await;
    let options = || {
        let credentials = server.credentials(&Role::Admin(user("ada")));
        ConnectOptions::new(vec![url.clone()], credentials, "test")
    };
    let refused = Bus::connect(options()).await.unwrap_err();
    assert_eq!(refused.problem().code.0, "BUS0010");
    assert!(refused.to_string().contains(&url), "{refused}");
    let bus = Bus::connect(options().retry_initial()).await.unwrap();
    assert!(!bus.is_connected());
    server.start_again().await;
    wait_for_status(&bus, true).await;
    assert!(
        bus.server_version().starts_with("2."),
        "{}",
        bus.server_version()
    );
}
