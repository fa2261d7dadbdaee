//! Schedulers of different versions and one stream.

use lab_bus::{Bus, StateStore, StoreError, StoreLimits};
use lab_testkit::NatsServer;
use lab_wire::Role;
use lab_wire::subject::STATE_STREAM;
use serde_json::{Value, json};

async fn api(bus: &Bus, verb: &str, body: &Value) -> Value {
    let subject = format!("$JS.API.STREAM.{verb}.{STATE_STREAM}");
    let (body, soon) = (body.to_string(), std::time::Duration::from_secs(5));
    let reply = bus.call_raw(subject, Vec::new(), body.into(), soon).await;
    let reply: Value = serde_json::from_slice(&reply.unwrap().payload).unwrap();
    assert!(reply.get("error").is_none(), "{reply}");
    reply["config"].clone()
}

async fn config(bus: &Bus) -> Value {
    api(bus, "INFO", &json!({})).await
}

#[tokio::test]
async fn what_another_version_has_set_stays_when_this_one_takes_over() {
    let server = NatsServer::start().await;
    let bus = server.connect_as(&Role::Scheduler).await;
    StateStore::open(&bus, StoreLimits::default())
        .await
        .unwrap();
    let mut changed = config(&bus).await;
    // Of these the present version does not speak.
    changed["max_consumers"] = json!(-1);
    changed["compression"] = json!("s2");
    changed["metadata"]["later"] = json!("yes");
    let set = api(&bus, "UPDATE", &changed).await;
    assert_eq!(set["compression"], "s2");
    let limits = StoreLimits {
        bytes_max: 2 << 30,
        ..StoreLimits::default()
    };
    StateStore::open(&bus, limits).await.unwrap();
    let after = config(&bus).await;
    assert_eq!(
        after["max_bytes"],
        json!(2_u64 << 30),
        "its own setting is made"
    );
    assert_eq!(after["compression"], "s2");
    assert_eq!(after["metadata"]["later"], "yes");
}

#[tokio::test]
async fn a_stream_of_a_later_format_is_left_alone() {
    let server = NatsServer::start().await;
    let bus = server.connect_as(&Role::Scheduler).await;
    StateStore::open(&bus, StoreLimits::default())
        .await
        .unwrap();
    let mut changed = config(&bus).await;
    changed["metadata"]["tercio_format"] = json!("2");
    changed["max_bytes"] = json!(3_u64 << 30);
    let set = api(&bus, "UPDATE", &changed).await;
    let refused = StateStore::open(&bus, StoreLimits::default())
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StoreError::Newer { found: 2 }),
        "{refused}"
    );
    assert_eq!(config(&bus).await, set);
}
