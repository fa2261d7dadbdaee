//! Chunked streams between a user and an agent, through a real server.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use lab_bus::{StreamClient, StreamError, StreamHost, StreamItem};
use lab_testkit::{Flow, NatsServer, Proxy, node_id, user, wait_until};
use lab_types::{NodeName, Problem, StreamId};
use lab_wire::Role;
use lab_wire::request::OpenedStream;
use lab_wire::stream::{CHUNK_BYTES_MAX, WINDOW_FRAMES};

const LATER: Duration = Duration::from_secs(60);

fn opened(stream: &str) -> OpenedStream {
    OpenedStream {
        stream: StreamId::new(stream).unwrap(),
        node: node_id("n1"),
        node_name: NodeName::new("n1").unwrap(),
        task: None,
        service: None,
        slot: None,
    }
}

/// Both ends of a stream; the user's goes through a proxy.
async fn ends(server: &NatsServer, stream: &str) -> (StreamClient, StreamHost, Proxy) {
    let agent = server.connect_as(&Role::Node(node_id("n1"))).await;
    let opened = opened(stream);
    let ada = user("ada");
    let host = StreamHost::accept(&agent, &opened.node, &ada, &opened.stream)
        .await
        .unwrap();
    let proxy = Proxy::start(server.port()).await;
    let bus = server
        .connect_through(proxy.url(), &Role::Admin(ada.clone()))
        .await;
    let client = StreamClient::open(&bus, &ada, &opened).await.unwrap();
    (client, host, proxy)
}

/// The piece with this number; its content depends on it.
fn piece(number: usize) -> Bytes {
    let seed = u8::try_from(number % 251).unwrap();
    vec![seed; 1 + (number * 7919) % CHUNK_BYTES_MAX].into()
}

#[tokio::test]
async fn a_build_sends_a_context_up_and_its_output_and_result_down() {
    let server = NatsServer::start().await;
    let (mut client, mut host, _proxy) = ends(&server, "s1").await;
    let context: Bytes = (0..3_000_000u32).flat_map(u32::to_be_bytes).collect();
    let agent = tokio::spawn(async move {
        let mut context = Vec::new();
        loop {
            match host.recv().await.unwrap().unwrap() {
                StreamItem::Data(piece) => context.extend_from_slice(&piece),
                StreamItem::End { problem: None, .. } => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(host.recv().await.unwrap(), None);
        for step in 1..=100 {
            host.send(format!("Step {step}")).await.unwrap();
        }
        let summary = BTreeMap::from([("image_id".to_owned(), "sha256:1".to_owned())]);
        host.finish(None, summary).await.unwrap();
        context
    });
    client.send_split(context.clone()).await.unwrap();
    client.finish(None).await.unwrap();
    for step in 1..=100 {
        let item = client.recv().await.unwrap();
        assert_eq!(item, Some(StreamItem::Data(format!("Step {step}").into())));
    }
    match client.recv().await.unwrap() {
        Some(StreamItem::End { problem, summary }) => {
            assert_eq!((problem, summary["image_id"].as_str()), (None, "sha256:1"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(client.recv().await.unwrap(), None);
    assert!(
        agent.await.unwrap() == context,
        "the context arrived as it was sent"
    );
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_the_connection_is_cut_again_and_again() {
    let server = NatsServer::start().await;
    let (mut client, mut host, proxy) = ends(&server, "s2").await;
    let sender = tokio::spawn(async move {
        for number in 0..600 {
            host.send(piece(number)).await.unwrap();
        }
        let problem = Problem::new("AGT0001", "as agreed");
        host.finish(Some(Box::new(problem)), BTreeMap::new()).await
    });
    let mut cuts = 0;
    for number in 0..600 {
        if number % 100 == 50 {
            cuts += 1;
            match cuts % 3 {
                0 => proxy.set(Flow::LoseReplies),
                1 => proxy.set(Flow::LoseRequests),
                _ => {}
            }
            // Long enough for some frames to be lost.
            tokio::time::sleep(Duration::from_millis(20)).await;
            proxy.break_connections();
        }
        let item = tokio::time::timeout(LATER, client.recv())
            .await
            .unwrap()
            .unwrap();
        let Some(StreamItem::Data(got)) = item else {
            panic!("{item:?} in place of piece {number}");
        };
        assert!(got == piece(number), "piece {number} is another");
    }
    match client.recv().await.unwrap() {
        Some(StreamItem::End { problem, .. }) => assert_eq!(problem.unwrap().code.0, "AGT0001"),
        other => panic!("{other:?}"),
    }
    sender.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_goes_on_after_a_restart_of_the_server() {
    let mut server = NatsServer::start().await;
    let (mut client, mut host, _proxy) = ends(&server, "s3").await;
    for number in 0..5 {
        host.send(piece(number)).await.unwrap();
    }
    assert!(client.recv().await.unwrap().is_some());
    server.kill().await;
    server.start_again().await;
    host.send(piece(5)).await.unwrap();
    let finished = tokio::spawn(host.finish(None, BTreeMap::new()));
    for number in 1..=5 {
        let item = tokio::time::timeout(LATER, client.recv())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(item, Some(StreamItem::Data(piece(number))));
    }
    let end = tokio::time::timeout(LATER, client.recv())
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(end, Some(StreamItem::End { .. })), "{end:?}");
    finished.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_sender_waits_while_nobody_takes_what_it_sent() {
    let server = NatsServer::start().await;
    let (mut client, mut host, _proxy) = ends(&server, "s4").await;
    let (count, counted) = tokio::sync::watch::channel(0);
    let sender = tokio::spawn(async move {
        for number in 0..100 {
            host.send(piece(number)).await.unwrap();
            count.send_replace(number + 1);
        }
        host.finish(None, BTreeMap::new()).await
    });
    let window = usize::try_from(WINDOW_FRAMES).unwrap();
    wait_until(LATER, "the window is full", async || {
        (*counted.borrow() >= window).then_some(())
    })
    .await;
    // What must not happen has no moment: it is given time for all hundred.
    tokio::time::sleep(Duration::from_secs(1)).await;
    // One more waits in the channel to the task, and one was taken from it.
    let sent = *counted.borrow();
    assert!(
        (window..=window + 2).contains(&sent),
        "{sent} pieces were sent"
    );
    for number in 0..100 {
        let item = tokio::time::timeout(LATER, client.recv())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(item, Some(StreamItem::Data(piece(number))));
    }
    assert!(matches!(
        client.recv().await.unwrap(),
        Some(StreamItem::End { .. })
    ));
    sender.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_user_that_lets_go_stops_the_agent_and_an_agent_that_dies_is_told() {
    let server = NatsServer::start().await;
    let (mut client, mut host, _proxy) = ends(&server, "s5").await;
    host.send(piece(1)).await.unwrap();
    client.recv().await.unwrap();
    client.close().await;
    tokio::time::timeout(LATER, host.cancelled()).await.unwrap();
    let refused = host.send(piece(2)).await.unwrap_err();
    assert!(matches!(refused, StreamError::Cancelled), "{refused}");

    let (mut client, host, _proxy) = ends(&server, "s6").await;
    drop(host);
    let told = tokio::time::timeout(LATER, client.recv())
        .await
        .unwrap()
        .unwrap_err();
    assert!(matches!(told, StreamError::Cancelled), "{told}");
}

#[tokio::test]
async fn an_end_without_another_gives_up_after_its_time_and_a_piece_too_large_is_refused() {
    let server = NatsServer::start().await;
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    let mut client = StreamClient::open(&ada, &user("ada"), &opened("s7"))
        .await
        .unwrap();
    let too_large = vec![0; CHUNK_BYTES_MAX + 1];
    let refused = client.send(too_large).await.unwrap_err();
    assert!(matches!(refused, StreamError::TooLarge(_)), "{refused}");
    let started = std::time::Instant::now();
    let silent = client.recv().await.unwrap_err();
    assert!(matches!(silent, StreamError::Silent(_)), "{silent}");
    let took = started.elapsed();
    assert!((29..40).contains(&took.as_secs()), "{took:?}");
}
