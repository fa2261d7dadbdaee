//! Events on a real server, with the permissions of those who write and read them.

use std::time::Duration;

use lab_bus::{EventError, EventFilter, EventLimits, EventLog, Replay, ReplayOptions, Since};
use lab_testkit::{Flow, NatsServer, Proxy, node_id, user};
use lab_types::{
    Event, EventId, EventScope, EventWhat, ProjectName, ServiceName, TaskId, UnixMillis, WriterKind,
};
use lab_wire::Role;

const LATER: Duration = Duration::from_secs(30);

fn event(number: u32, project: &str) -> Event {
    Event {
        id: EventId::new(format!("e{number}")).unwrap(),
        at: UnixMillis(1_700_000_000_000 + u64::from(number)),
        writer_kind: WriterKind::Scheduler,
        writer: "scheduler".into(),
        what: EventWhat::ServiceScaled,
        scope: EventScope {
            project: Some(ProjectName::new(project).unwrap()),
            service: Some(ServiceName::new("web").unwrap()),
            ..EventScope::default()
        },
        message: format!("event number {number}"),
        cause: lab_types::Cause::default(),
        details: std::collections::BTreeMap::new(),
    }
}

fn of_agent(number: u32, node: &str) -> Event {
    Event {
        writer_kind: WriterKind::Agent,
        writer: node.into(),
        what: EventWhat::TaskFailed,
        scope: EventScope {
            task: Some(TaskId::new("t1").unwrap()),
            ..EventScope::default()
        },
        ..event(number, "shop")
    }
}

fn options(since: Since, follow: bool) -> ReplayOptions {
    ReplayOptions {
        since,
        follow,
        filter: EventFilter::default(),
    }
}

async fn replayed(server: &NatsServer, options: ReplayOptions) -> Vec<(u64, Event)> {
    let vera = server.connect_as(&Role::Viewer(user("vera"))).await;
    let mut replay = Replay::start(&vera, options).await.unwrap();
    let mut events = Vec::new();
    while let Some(event) = next(&mut replay).await {
        events.push(event);
    }
    events
}

async fn next(replay: &mut Replay) -> Option<(u64, Event)> {
    let next = tokio::time::timeout(LATER, replay.next());
    next.await.expect("an event in time").unwrap()
}

async fn log(server: &NatsServer) -> EventLog {
    let scheduler = server.connect_as(&Role::Scheduler).await;
    EventLog::ensure(&scheduler, EventLimits::default())
        .await
        .unwrap()
}

#[tokio::test]
async fn events_come_back_in_order_and_one_published_again_is_stored_once() {
    let server = NatsServer::start().await;
    let log = log(&server).await;
    assert_eq!(replayed(&server, options(Since::All, false)).await, []);
    let events: Vec<_> = (1..=500).map(|n| event(n, "shop")).collect();
    log.publish_batch(&events).await.unwrap();
    // A new leader publishes what it finds in the outbox: these, and one more.
    let again: Vec<_> = (400..=501).map(|n| event(n, "shop")).collect();
    log.publish_batch(&again).await.unwrap();
    let expected: Vec<_> = (1..=501).map(|n| (n, format!("e{n}"))).collect();
    let short = |(sequence, event): (u64, Event)| (sequence, event.id.to_string());
    let all = replayed(&server, options(Since::All, false)).await;
    assert_eq!(all.into_iter().map(short).collect::<Vec<_>>(), expected);
    let from = replayed(&server, options(Since::Sequence(499), false)).await;
    assert_eq!(
        from.into_iter().map(short).collect::<Vec<_>>(),
        expected[498..]
    );
}

#[tokio::test]
async fn an_agent_stores_its_own_events_and_no_others() {
    let server = NatsServer::start().await;
    log(&server).await;
    let n1 = server.connect_as(&Role::Node(node_id("n1"))).await;
    let own = EventLog::of(&n1);
    own.publish_batch(&[of_agent(1, "n1")]).await.unwrap();
    for foreign in [of_agent(2, "n2"), event(3, "shop")] {
        let refused = own.publish_batch(&[foreign]).await.unwrap_err();
        let EventError::Unacknowledged { reason, .. } = refused else {
            panic!("{refused}");
        };
        assert!(reason.contains("may not publish"), "{reason}");
    }
    let stored = replayed(&server, options(Since::All, false)).await;
    assert_eq!(stored, [(1, of_agent(1, "n1"))]);
}

#[tokio::test]
async fn a_replay_since_a_time_begins_with_the_first_event_stored_after_it() {
    let server = NatsServer::start().await;
    let log = log(&server).await;
    log.publish_batch(&[event(1, "shop")]).await.unwrap();
    // The server's clock must have moved on, by more than a millisecond.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let now = lab_types::UnixMillis(
        u64::try_from(
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_millis(),
        )
        .unwrap(),
    );
    // And once more.
    tokio::time::sleep(Duration::from_millis(20)).await;
    log.publish_batch(&[event(2, "shop")]).await.unwrap();
    let later = replayed(&server, options(Since::Time(now), false)).await;
    assert_eq!(later, [(2, event(2, "shop"))]);
}

#[tokio::test]
async fn a_filter_takes_the_events_of_one_project() {
    let server = NatsServer::start().await;
    let log = log(&server).await;
    let events: Vec<_> = (1..=10)
        .map(|n| event(n, if n % 2 == 0 { "shop" } else { "blog" }))
        .collect();
    log.publish_batch(&events).await.unwrap();
    let filter = EventFilter {
        project: Some(ProjectName::new("shop").unwrap()),
        service: None,
    };
    let options = ReplayOptions {
        filter,
        ..options(Since::All, false)
    };
    let numbers: Vec<_> = replayed(&server, options)
        .await
        .iter()
        .map(|(n, _)| *n)
        .collect();
    assert_eq!(numbers, [2, 4, 6, 8, 10]);
}

#[tokio::test]
async fn a_follower_misses_and_repeats_nothing_across_cuts_and_a_restart_of_the_server() {
    let mut server = NatsServer::start().await;
    let scheduler = server.connect_as(&Role::Scheduler).await;
    let log = EventLog::ensure(&scheduler, EventLimits::default())
        .await
        .unwrap();
    log.publish_batch(&[event(1, "shop")]).await.unwrap();
    let proxy = Proxy::start(server.port()).await;
    let role = Role::Viewer(user("vera"));
    let vera = server.connect_through(proxy.url(), &role).await;
    let mut replay = Replay::start(&vera, options(Since::Now, true))
        .await
        .unwrap();
    for number in 2..=9 {
        match number {
            4 => proxy.break_connections(),
            6 => {
                proxy.set(Flow::Cut);
            }
            8 => {
                server.kill().await;
                server.start_again().await;
            }
            _ => {}
        }
        // An outbox: what is not acknowledged is published again.
        while log.publish_batch(&[event(number, "shop")]).await.is_err() {}
        if number == 6 {
            proxy.set(Flow::Pass);
        }
        let got = next(&mut replay).await;
        assert_eq!(got, Some((u64::from(number), event(number, "shop"))));
    }
}

#[tokio::test]
async fn events_bear_their_attributes_for_tools_that_know_cloudevents() {
    let server = NatsServer::start().await;
    let log = log(&server).await;
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    let mut tail = ada.subscribe("tercio.v1.ev.>").await.unwrap();
    ada.flush().await.unwrap();
    // The subscription is there when a request made after it has been answered.
    replayed(&server, options(Since::All, false)).await;
    let mut message = None;
    for number in 1..=50 {
        log.publish_batch(&[event(number, "shop")]).await.unwrap();
        let next = tokio::time::timeout(Duration::from_millis(100), tail.next());
        if let Ok(Some(heard)) = next.await {
            message = Some(heard);
            break;
        }
    }
    let message = message.expect("a live tail hears events");
    assert_eq!(
        message.subject,
        "tercio.v1.ev.scheduler.scheduler.service.shop_web.scaled"
    );
    let header = |name| message.header(name).unwrap();
    assert_eq!(header("ce-type"), "io.tercio.service.scaled");
    assert_eq!(header("ce-source"), "/tercio/scheduler/scheduler");
    assert_eq!(header("ce-specversion"), "1.0");
    assert_eq!(header("ce-id"), header("Nats-Msg-Id"));
    assert!(
        header("ce-time").starts_with("2023-11-14T22:13:20.0"),
        "{}",
        header("ce-time")
    );
}
