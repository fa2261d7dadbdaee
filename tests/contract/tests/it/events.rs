//! Events on a real server, with the permissions of those who write and read them.

use std::time::Duration;

use lab_bus::{
    Bus, EventFilter, EventLimits, EventLog, Replay, ReplayOptions, ServiceInfo, ServiceServer,
    Sharing, Since, events,
};
use lab_testkit::{Flow, NatsServer, Proxy, user};
use lab_types::{
    Event, EventId, EventScope, EventWhat, ProjectName, ServiceName, UnixMillis, WriterKind,
};
use lab_wire::request::EventList;
use lab_wire::{Request as _, Role};

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
    serve_pages(&scheduler).await;
    EventLog::ensure(&scheduler, EventLimits::default())
        .await
        .unwrap()
}

/// Answers `event.list` as the leader does, until the test ends.
async fn serve_pages(scheduler: &Bus) {
    let info = ServiceInfo {
        name: "scheduler".into(),
        version: "0.1.0".into(),
        description: "Pages of events.".into(),
    };
    let endpoints = vec![EventList::INFO];
    let served = ServiceServer::start(scheduler, info, endpoints, Sharing::LeaderOnly).await;
    let (served, mut requests) = served.unwrap();
    scheduler.flush().await.unwrap();
    let bus = scheduler.clone();
    tokio::spawn(async move {
        while let Some(incoming) = requests.recv().await {
            let asked: EventList = incoming.decode().unwrap();
            let project = incoming.address.project.clone();
            match events::page(&bus, &asked, project.as_ref()).await {
                Ok(page) => incoming.reply(&page).await,
                Err(error) => incoming.try_again(&error.to_string()).await,
            }
        }
        drop(served);
    });
}

#[tokio::test]
async fn events_come_back_in_order_and_one_published_again_is_stored_once() {
    let server = NatsServer::start().await;
    let log = log(&server).await;
    assert_eq!(replayed(&server, options(Since::All, false)).await, []);
    // More than one page.
    let events: Vec<_> = (1..=1200).map(|n| event(n, "shop")).collect();
    log.publish_batch(&events).await.unwrap();
    // A new leader publishes what it finds in the outbox: these, and one more.
    let again: Vec<_> = (1100..=1201).map(|n| event(n, "shop")).collect();
    log.publish_batch(&again).await.unwrap();
    let expected: Vec<_> = (1..=1201).map(|n| (n, format!("e{n}"))).collect();
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
    serve_pages(&scheduler).await;
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

/// The outbox is published in order: one event that the server never takes would hold up the rest.
#[tokio::test]
async fn an_event_too_large_for_a_message_is_left_out_and_those_behind_it_are_stored() {
    let server = NatsServer::start().await;
    let log = log(&server).await;
    let large = Event {
        message: "x".repeat(2 << 20),
        ..event(2, "shop")
    };
    let events = [event(1, "shop"), large, event(3, "shop")];
    log.publish_batch(&events).await.unwrap();
    let stored = replayed(&server, options(Since::All, false)).await;
    assert_eq!(stored, [(1, event(1, "shop")), (2, event(3, "shop"))]);
}
