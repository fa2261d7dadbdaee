//! Who may say and hear what, subject by subject.

use std::time::Duration;

use lab_bus::{Bus, CallError};
use lab_testkit::{NatsServer, node_id, user};
use lab_wire::Role;

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn early() {
    let server = NatsServer::start().await;
    let n1 = server.connect_as(&Role::Node(node_id("n1"))).await;
    let e = n1.call_raw("$KV.tercio_state.x", vec![], "x".into(), SOON).await;
    println!("{e:?}");
    let e = n1.call_raw("tercio.v1.node.n2.beat", vec![], "x".into(), SOON).await;
    println!("{e:?}");
    let e = n1.call_raw("tercio.v1.node.n1.beat", vec![], "x".into(), SOON).await;
    println!("{e:?}");
    let mut t = n1.troubles();
    let mut s = n1.subscribe("tercio.v1.cmd.n2.>").await.unwrap();
    println!("{:?}", t.recv().await);
    let s1 = server.connect_as(&Role::Scheduler).await;
    println!("{}", s1.server_version());
    let e = s1.call_raw("$JS.API.INFO", vec![], "".into(), SOON).await;
    println!("{e:?}");
    panic!("show");
}
