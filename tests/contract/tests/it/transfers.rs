//! Streams between two agents, through a real server, under the permissions of nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use lab_bus::{StreamClient, StreamError, StreamHost, StreamItem};
use lab_testkit::{Flow, NatsServer, Proxy, node_id};
use lab_types::StreamId;
use lab_wire::Role;
use lab_wire::stream::CHUNK_BYTES_MAX;

const LATER: Duration = Duration::from_secs(60);

fn stream(id: &str) -> StreamId {
    StreamId::new(id).unwrap()
}

/// Source, target, and the proxy between the target and the server.
async fn ends(server: &NatsServer, id: &str) -> (StreamHost, StreamClient, Proxy) {
    let source = server.connect_as(&Role::Node(node_id("n1"))).await;
    let proxy = Proxy::start(server.port()).await;
    let role = Role::Node(node_id("n2"));
    let target = server.connect_through(proxy.url(), &role).await;
    let (n1, n2) = (node_id("n1"), node_id("n2"));
    let host = StreamHost::accept_transfer(&source, &n1, &n2, &stream(id)).await;
    let client = StreamClient::open_transfer(&target, &n1, &n2, &stream(id)).await;
    (host.unwrap(), client.unwrap(), proxy)
}

/// Bytes of which no two pieces are the same.
fn archive() -> Bytes {
    (0..5_000_000u32).flat_map(u32::to_be_bytes).collect()
}

#[tokio::test]
async fn twenty_megabytes_arrive_as_they_were_sent_while_the_connection_is_cut_again_and_again() {
    let server = NatsServer::start().await;
    let (mut host, mut client, proxy) = ends(&server, "t1").await;
    let archive = archive();
    let sent = archive.clone();
    let source = tokio::spawn(async move {
        let Some(StreamItem::Data(from)) = host.recv().await.unwrap() else {
            panic!("the target says where it stands");
        };
        assert_eq!(&from[..], b"from 0");
        for piece in sent.chunks(CHUNK_BYTES_MAX) {
            host.send(sent.slice_ref(piece)).await.unwrap();
        }
        host.finish(None, BTreeMap::new()).await
    });
    client.send("from 0").await.unwrap();
    let mut got = Vec::new();
    let mut pieces = 0;
    loop {
        if pieces % 30 == 15 {
            match pieces % 4 {
                0 => proxy.set(Flow::LoseReplies),
                1 => proxy.set(Flow::LoseRequests),
                _ => {}
            }
            // Long enough for some frames to be lost.
            tokio::time::sleep(Duration::from_millis(20)).await;
            proxy.break_connections();
        }
        pieces += 1;
        let item = tokio::time::timeout(LATER, client.recv()).await.unwrap();
        match item.unwrap().unwrap() {
            StreamItem::Data(piece) => got.extend_from_slice(&piece),
            StreamItem::End { problem, .. } => {
                assert_eq!(problem, None);
                break;
            }
        }
    }
    assert!(got == archive, "{} of {} bytes", got.len(), archive.len());
    source.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_source_that_dies_is_told_to_the_target_and_the_next_one_goes_on_where_it_was() {
    let server = NatsServer::start().await;
    let (mut host, mut client, _proxy) = ends(&server, "t2").await;
    host.send("first half, ").await.unwrap();
    let first = client.recv().await.unwrap();
    assert_eq!(first, Some(StreamItem::Data("first half, ".into())));
    drop(host);
    let told = tokio::time::timeout(LATER, client.recv()).await.unwrap();
    assert!(matches!(told, Err(StreamError::Cancelled)), "{told:?}");

    let (n2, n3) = (node_id("n2"), node_id("n3"));
    let other = server.connect_as(&Role::Node(n3.clone())).await;
    let target = server.connect_as(&Role::Node(n2.clone())).await;
    let host = StreamHost::accept_transfer(&other, &n3, &n2, &stream("t3")).await;
    let client = StreamClient::open_transfer(&target, &n3, &n2, &stream("t3")).await;
    let (mut host, mut client) = (host.unwrap(), client.unwrap());
    client.send("from 12").await.unwrap();
    let from = host.recv().await.unwrap();
    assert_eq!(from, Some(StreamItem::Data("from 12".into())));
    host.send("second half").await.unwrap();
    let second = client.recv().await.unwrap();
    assert_eq!(second, Some(StreamItem::Data("second half".into())));
}

#[tokio::test]
async fn a_source_that_is_cut_off_without_a_word_is_given_up_while_logs_would_still_wait() {
    let server = NatsServer::start().await;
    let (host, mut client, proxy) = ends(&server, "t5").await;
    proxy.set(Flow::LoseReplies);
    let started = std::time::Instant::now();
    let silent = client.recv().await.unwrap_err();
    assert!(matches!(silent, StreamError::Silent(_)), "{silent}");
    let took = started.elapsed();
    assert!((9..20).contains(&took.as_secs()), "{took:?}");
    drop(host);
}

/// The permissions themselves stand in `permissions.rs`, subject by subject.
#[tokio::test]
async fn a_node_that_was_not_invited_neither_gets_what_flows_nor_adds_to_it() {
    let server = NatsServer::start().await;
    let (mut host, mut client, _proxy) = ends(&server, "t4").await;
    let (n1, n2) = (node_id("n1"), node_id("n2"));
    let stranger = server.connect_as(&Role::Node(node_id("n3"))).await;
    let mut troubles = stranger.troubles();
    // It knows the stream, which is random, and speaks and hears as either end.
    let as_target = StreamClient::open_transfer(&stranger, &n1, &n2, &stream("t4")).await;
    let as_source = StreamHost::accept_transfer(&stranger, &n1, &n2, &stream("t4")).await;
    let (mut as_target, mut as_source) = (as_target.unwrap(), as_source.unwrap());
    for _ in 0..4 {
        let trouble = tokio::time::timeout(LATER, troubles.recv()).await;
        let shown = format!("{:?}", trouble.unwrap().unwrap());
        assert!(
            shown.contains("Denied") && shown.contains("xfer.n1.n2.t4"),
            "{shown}"
        );
    }
    // A refused subscription ends, and with it the stranger's ends of the stream.
    let _ = as_source.send("false").await;
    host.send("true").await.unwrap();
    let got = client.recv().await.unwrap();
    assert_eq!(got, Some(StreamItem::Data("true".into())));
    let ended = tokio::spawn(host.finish(None, BTreeMap::new()));
    assert!(matches!(
        client.recv().await.unwrap(),
        Some(StreamItem::End { .. })
    ));
    ended.await.unwrap().unwrap();
    drop(as_source);
    let heard = tokio::time::timeout(Duration::from_secs(2), as_target.recv()).await;
    assert!(!matches!(heard, Ok(Ok(_))), "{heard:?}");
}
