//! The commit protocol on a real server, with everything that can go wrong on the way.

use std::time::Duration;

use lab_bus::{Bus, CommitError, LoadError, PassWrites, StateStore, StoreError, StoreLimits};
use lab_testkit::{Flow, NatsServer, Proxy, wait_until};
use lab_wire::Role;
use lab_wire::commit::{HeadEntry, Outcome, Verdict};
use rand::{Rng as _, SeedableRng as _};

/// Many times what a commit takes, with its time-outs and repetitions.
const LATER: Duration = Duration::from_secs(60);

async fn store(bus: &Bus) -> StateStore {
    StateStore::open(bus, StoreLimits::default()).await.unwrap()
}

async fn scheduler(server: &NatsServer) -> StateStore {
    store(&server.connect_as(&Role::Scheduler).await).await
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

/// A pass that writes its own number under as many keys.
fn numbered(pass: u64, records: usize) -> PassWrites {
    let value = format!("{pass:0>8}").repeat(64).into_bytes();
    PassWrites {
        puts: (0..records)
            .map(|n| (format!("record.{n}"), value.clone()))
            .collect(),
        removes: Vec::new(),
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
    let store = scheduler(&server).await;
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
    assert_eq!(store.check(&head).await.unwrap(), Verdict::Unchanged);

    let next = scheduler(&server).await;
    let head = next.take_over().await.unwrap();
    assert_eq!((head.head.epoch.0, head.head.pass.0), (2, 3));
    let records = loaded(&next, &head).await;
    let expected = [("b.three", "3"), ("a.two", "22")];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(records, expected);
}

#[tokio::test]
async fn a_leader_that_was_deposed_writes_nothing_whatever_it_tries() {
    let server = NatsServer::start().await;
    let (old, new) = (scheduler(&server).await, scheduler(&server).await);
    let old_head = old.take_over().await.unwrap();
    let new_head = new.take_over().await.unwrap();
    for pass in [writes(&[("k", "old")], &[]), PassWrites::default()] {
        match old.commit(&old_head, &pass).await.unwrap() {
            Outcome::Deposed { found } => assert_eq!(found, new_head),
            other => panic!("{other:?}"),
        }
    }
    let refused = old.load_all(&old_head).await.unwrap_err();
    assert!(matches!(refused, LoadError::Deposed { .. }), "{refused:?}");
    assert!(loaded(&new, &new_head).await.is_empty());
    assert_eq!(new.check(&new_head).await.unwrap(), Verdict::Unchanged);
}

#[tokio::test]
async fn a_paused_leaders_batch_that_arrives_after_the_take_over_is_refused() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let bus = server.connect_through(proxy.url(), &Role::Scheduler).await;
    let old = store(&bus).await;
    let old_head = old.take_over().await.unwrap();
    let new = scheduler(&server).await;

    proxy.set(Flow::HoldRequests);
    let pass = numbered(1, 200);
    let paused = tokio::spawn(async move { old.commit(&old_head, &pass).await });
    let new_head = new.take_over().await.unwrap();
    proxy.set(Flow::Pass);
    match paused.await.unwrap().unwrap() {
        Outcome::Deposed { found } => assert_eq!(found, new_head),
        other => panic!("{other:?}"),
    }
    assert!(loaded(&new, &new_head).await.is_empty());
}

/// Commits passes through a proxy that loses acknowledgements and cuts connections at random. Every
/// pass adds as many messages to the stream as it has, once: so the head's revision counts them.
#[tokio::test]
async fn lost_acknowledgements_and_cut_connections_lose_double_and_reorder_no_pass() {
    const PASSES: u64 = 60;
    const RECORDS: usize = 100;
    let server = NatsServer::start().await;
    let witness = scheduler(&server).await;
    let proxy = Proxy::start(server.port()).await;
    let bus = server.connect_through(proxy.url(), &Role::Scheduler).await;
    let store = store(&bus).await;
    let mut head = store.take_over().await.unwrap();
    let mut rng = rand::rngs::StdRng::seed_from_u64(7);
    let (mut stored, mut not_stored) = (0, 0);
    for pass in 1..=PASSES {
        wait_until(LATER, "the client is back", async || {
            store.check(&head).await.ok()
        })
        .await;
        // The first message is answered, then the commit: lose the one, the other, or requests.
        match rng.random_range(0..4) {
            0 => proxy.set(Flow::LoseRequests),
            1 => proxy.lose_replies_after(0),
            _ => proxy.lose_replies_after(1),
        }
        let until_break = Duration::from_millis(rng.random_range(1..120));
        let (before, pass_writes) = (head.clone(), numbered(pass, RECORDS));
        let mut commit = Box::pin(store.commit(&before, &pass_writes));
        let harm = async {
            // Chance decides when: there is no condition to wait for.
            tokio::time::sleep(until_break).await;
            let found = witness.read_head().await.unwrap().unwrap();
            proxy.break_connections();
            found.head.pass.0
        };
        let outcome = tokio::select! {
            biased;
            found = harm => {
                if found == pass { stored += 1 } else { not_stored += 1 }
                tokio::time::timeout(LATER, &mut commit).await.unwrap()
            }
            outcome = &mut commit => panic!("answered in spite of it: {outcome:?}"),
        };
        head = committed(outcome.unwrap());
        assert_eq!(head.head.pass.0, pass);
        assert_eq!(
            head.revision - before.revision,
            RECORDS as u64 + 1,
            "pass {pass}"
        );
    }
    println!("no answer: {stored} were stored, {not_stored} were not");
    assert!(
        stored >= 5 && not_stored >= 5,
        "{stored} stored, {not_stored} not"
    );
    for (key, value) in loaded(&witness, &head).await {
        assert!(
            value.starts_with(&format!("{PASSES:0>8}")),
            "{key}: {value}"
        );
    }
}

#[tokio::test]
async fn a_server_killed_in_the_middle_of_a_batch_leaves_all_of_it_or_nothing() {
    const KILLS: u64 = 12;
    const RECORDS: usize = 600;
    let mut server = NatsServer::start().await;
    let proxy = Proxy::start(server.port()).await;
    let store = store(&server.connect_through(proxy.url(), &Role::Scheduler).await).await;
    let mut head = store.take_over().await.unwrap();
    head = committed(store.commit(&head, &numbered(0, RECORDS)).await.unwrap());
    let mut rng = rand::rngs::StdRng::seed_from_u64(11);
    let (mut all, mut nothing) = (0, 0);
    for pass in 1..=KILLS {
        let (before, pass_writes) = (head.clone(), numbered(pass, RECORDS));
        let commit = tokio::spawn({
            let (store, head) = (store.clone(), head.clone());
            async move { store.commit(&head, &pass_writes).await }
        });
        let moment = Duration::from_micros(rng.random_range(0..60_000));
        // Chance decides when: there is no condition to wait for.
        tokio::time::sleep(moment).await;
        server.kill().await;
        // The committing leader stays cut off while somebody else looks.
        proxy.set(Flow::Cut);
        server.start_again().await;
        let witness = scheduler(&server).await;
        let found = witness.read_head().await.unwrap().unwrap();
        let records = loaded(&witness, &found).await;
        assert_eq!(records.len(), RECORDS);
        let stored = if found == before { pass - 1 } else { pass };
        assert_eq!(found.head.pass.0, stored + 1);
        let torn = records
            .iter()
            .find(|(_, value)| !value.starts_with(&format!("{stored:0>8}")));
        assert_eq!(torn, None, "pass {pass} is torn: the head says {found:?}");
        if stored == pass {
            all += 1
        } else {
            nothing += 1
        }
        proxy.set(Flow::Pass);
        let outcome = tokio::time::timeout(LATER, commit).await.unwrap().unwrap();
        head = committed(outcome.unwrap());
        assert_eq!(head.head.pass.0, pass + 1);
    }
    assert!(
        all > 0 && nothing > 0,
        "kills came at one end only: {all} all, {nothing} nothing"
    );
}

#[tokio::test]
async fn a_server_that_hangs_for_a_while_only_delays_a_commit() {
    let server = NatsServer::start().await;
    let store = scheduler(&server).await;
    let head = store.take_over().await.unwrap();
    server.pause();
    let pass = numbered(1, 10);
    let commit = store.commit(&head, &pass);
    let resume = async {
        // Longer than a commit waits for its acknowledgement.
        tokio::time::sleep(Duration::from_secs(6)).await;
        server.resume();
    };
    let (outcome, ()) = tokio::join!(commit, resume);
    let head = committed(outcome.unwrap());
    assert_eq!((head.head.pass.0, head.revision), (1, 1 + 11));
}

#[tokio::test]
async fn data_put_back_from_an_older_copy_are_noticed_and_nothing_is_written_on_them() {
    let mut server = NatsServer::start().await;
    let store = scheduler(&server).await;
    let head = store.take_over().await.unwrap();
    let head = committed(store.commit(&head, &numbered(1, 3)).await.unwrap());
    let data = server.dir().join("server/store");
    let copy = server.dir().join("copy");
    server.stop().await;
    copy_tree(&data, &copy);
    server.start_again().await;
    let head = committed(store.commit(&head, &numbered(2, 3)).await.unwrap());
    server.stop().await;
    std::fs::remove_dir_all(&data).unwrap();
    copy_tree(&copy, &data);
    server.start_again().await;
    let verdict = wait_until(LATER, "the client is back", async || {
        store.check(&head).await.ok()
    });
    let verdict = verdict.await;
    assert!(matches!(verdict, Verdict::Replaced { .. }), "{verdict:?}");
    let outcome = store.commit(&head, &numbered(3, 3)).await.unwrap();
    assert!(matches!(outcome, Outcome::Replaced { .. }), "{outcome:?}");
}

#[tokio::test]
async fn other_data_with_the_very_same_revision_are_not_written_on() {
    let mut server = NatsServer::start().await;
    let old = scheduler(&server).await;
    let old_head = old.take_over().await.unwrap();
    let old_head = committed(old.commit(&old_head, &numbered(1, 3)).await.unwrap());
    server.stop().await;
    std::fs::remove_dir_all(server.dir().join("server/store")).unwrap();
    server.start_again().await;
    let new = scheduler(&server).await;
    let head = new.take_over().await.unwrap();
    let head = committed(new.commit(&head, &numbered(7, 3)).await.unwrap());
    assert_eq!(
        head.revision, old_head.revision,
        "the fence alone cannot tell them apart"
    );
    let outcome = old.commit(&old_head, &numbered(2, 3)).await.unwrap();
    assert!(matches!(outcome, Outcome::Replaced { .. }), "{outcome:?}");
    for (_, value) in loaded(&new, &head).await {
        assert!(value.starts_with("00000007"), "{value}");
    }
}

fn copy_tree(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_pass_that_does_not_fit_is_refused_before_anything_is_sent() {
    let server = NatsServer::start().await;
    let store = scheduler(&server).await;
    let head = store.take_over().await.unwrap();
    let refused = store.commit(&head, &numbered(1, 1000)).await.unwrap_err();
    let too_many = matches!(
        refused,
        CommitError::TooManyRecords {
            count: 1000,
            max: 999
        }
    );
    assert!(too_many, "{refused}");
    let large = PassWrites {
        puts: vec![("big".into(), vec![0; 1 << 20])],
        removes: vec![],
    };
    let refused = store.commit(&head, &large).await.unwrap_err();
    assert!(matches!(refused, CommitError::TooLarge { .. }), "{refused}");
    let full = committed(store.commit(&head, &numbered(1, 999)).await.unwrap());
    assert_eq!(full.revision, 1 + 1000);
}

#[tokio::test]
async fn a_full_store_refuses_the_pass_and_keeps_what_it_has() {
    let server = NatsServer::start().await;
    let bus = server.connect_as(&Role::Scheduler).await;
    let limits = StoreLimits {
        bytes_max: 512 * 1024,
        ..StoreLimits::default()
    };
    let store = StateStore::open(&bus, limits).await.unwrap();
    let head = store.take_over().await.unwrap();
    let head = committed(
        store
            .commit(&head, &writes(&[("kept", "1")], &[]))
            .await
            .unwrap(),
    );
    let outcome = store.commit(&head, &numbered(2, 990)).await.unwrap();
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    let expected = [("kept".to_owned(), "1".to_owned())];
    assert_eq!(loaded(&store, &head).await, expected);
    // And it can go on with what does fit.
    committed(
        store
            .commit(&head, &writes(&[("kept", "2")], &[]))
            .await
            .unwrap(),
    );
}

#[tokio::test]
async fn opening_it_twice_or_with_other_limits_keeps_the_state() {
    let server = NatsServer::start().await;
    let store = scheduler(&server).await;
    let head = store.take_over().await.unwrap();
    let head = committed(store.commit(&head, &numbered(1, 2)).await.unwrap());
    let bus = server.connect_as(&Role::Scheduler).await;
    let limits = StoreLimits {
        bytes_max: 2 << 30,
        ..StoreLimits::default()
    };
    let again = StateStore::open(&bus, limits).await.unwrap();
    assert_eq!(again.read_head().await.unwrap(), Some(head));
    // More replicas than there are servers: told, not ignored.
    let limits = StoreLimits {
        replicas: 3,
        ..limits
    };
    let refused = StateStore::open(&bus, limits).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unreachable(_)), "{refused}");
}

#[tokio::test]
async fn fifty_thousand_records_load_in_seconds() {
    let server = NatsServer::start().await;
    let store = scheduler(&server).await;
    let mut head = store.take_over().await.unwrap();
    for part in 0..56 {
        let puts = (0..900).map(|n| (format!("task.{part}.{n}"), vec![7; 150]));
        let writes = PassWrites {
            puts: puts.collect(),
            removes: vec![],
        };
        head = committed(store.commit(&head, &writes).await.unwrap());
    }
    let started = std::time::Instant::now();
    let loaded = store.load_all(&head).await.unwrap();
    assert_eq!(loaded.records.len(), 56 * 900);
    let took = started.elapsed();
    println!("loaded {} records in {took:?}", loaded.records.len());
    assert!(took < Duration::from_secs(20), "{took:?}");
}
