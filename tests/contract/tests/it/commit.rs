//! The commit protocol on a real server.

use lab_bus::{Bus, PassWrites, StateStore, StoreLimits};
use lab_testkit::NatsServer;
use lab_wire::Role;
use lab_wire::commit::{HeadEntry, Outcome};

async fn store(bus: &Bus) -> StateStore {
    StateStore::open(bus, StoreLimits::default()).await.unwrap()
}

fn writes(puts: &[(&str, &str)], removes: &[&str]) -> PassWrites {
    PassWrites {
        puts: puts
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()))
            .collect(),
        removes: removes.iter().map(|key| (*key).to_owned()).collect(),
    }
}

fn committed(outcome: Outcome) -> HeadEntry {
    match outcome {
        Outcome::Committed(head) => head,
        other => panic!("{other:?}"),
    }
}

async fn loaded(store: &StateStore, head: &HeadEntry) -> Vec<(String, String)> {
    let loaded = store.load_all(head).await.unwrap();
    let text = |(key, value): (String, Vec<u8>)| (key, String::from_utf8(value).unwrap());
    loaded.records.into_iter().map(text).collect()
}

#[tokio::test]
async fn what_a_pass_put_and_removed_is_what_the_next_leader_loads() {
    let server = NatsServer::start().await;
    let bus = server.connect_as(&Role::Scheduler).await;
    let store = store(&bus).await;
    assert_eq!(store.read_head().await.unwrap(), None);
    let head = store.take_over().await.unwrap();
    assert!(loaded(&store, &head).await.is_empty());
    let first = writes(&[("a.one", "1"), ("a.two", "2"), ("b.three", "3")], &[]);
    let head = committed(store.commit(&head, &first).await.unwrap());
    let second = writes(&[("a.two", "22")], &["a.one", "never.there"]);
    let head = committed(store.commit(&head, &second).await.unwrap());
    let empty = PassWrites::default();
    let head = committed(store.commit(&head, &empty).await.unwrap());
    assert_eq!((head.head.epoch.0, head.head.pass.0), (1, 3));
    assert_eq!(store.read_head().await.unwrap(), Some(head));

    let next = server.connect_as(&Role::Scheduler).await;
    let next = self::store(&next).await;
    let head = next.take_over().await.unwrap();
    assert_eq!((head.head.epoch.0, head.head.pass.0), (2, 3));
    let records = loaded(&next, &head).await;
    let expected = [("b.three", "3"), ("a.two", "22")];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(records, expected);
}
