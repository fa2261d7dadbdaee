//! What the engine still knows of the time when nobody watched.

use std::time::Duration;

use lab_converge::ContainerId;
use lab_kit::clock;
use node_agent::engine::watch::{self, Connection, Passing, Tell};
use tokio::sync::watch as channel;
use tokio_util::sync::CancellationToken;

use super::agent::kill;
use super::bed::{Bed, shell, socket, wait_for};
use super::proxy::EngineProxy;

/// A watch of the engine behind this socket.
fn start(
    socket: std::path::PathBuf,
) -> (channel::Receiver<Connection>, channel::Receiver<Passing>) {
    let down = lab_types::Problem::new("AGT0001", "it is not connected yet");
    let (connection, connections) = channel::channel(Connection::Down(down));
    let (passing, passings) = channel::channel(Passing::default());
    let tell = Tell {
        connection,
        activity: channel::Sender::new(()),
        passing,
    };
    // It ends with the test's runtime.
    tokio::spawn(watch::run(socket, tell, CancellationToken::new()));
    (connections, passings)
}

async fn up(connection: &mut channel::Receiver<Connection>) {
    let is_up = connection.wait_for(|connection| matches!(connection, Connection::Up(_)));
    let is_up = tokio::time::timeout(Duration::from_secs(30), is_up).await;
    drop(is_up.expect("the engine is found").unwrap());
}

async fn running(bed: &Bed, service: &str) -> ContainerId {
    let started = bed
        .create_and_start(service, &shell("exec sleep 600"))
        .await;
    started.id
}

async fn ended(bed: &Bed, name: &str) {
    wait_for("the container has ended", || async {
        let state = bed.inspect(name).await.state.unwrap();
        (state.running == Some(false)).then_some(())
    })
    .await;
}

/// The engine still tells what happened before the agent was started.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_learns_at_its_start_of_signals_and_ends_that_came_before_it() {
    let bed = Bed::new().await;
    let (killed, calm) = (running(&bed, "killed").await, running(&bed, "calm").await);
    let foreign = format!("{}-theirs", bed.project);
    bed.foreign_container(&foreign, |_| {}).await;
    let foreign = ContainerId(bed.inspect(&foreign).await.id.unwrap());
    let before = clock::now();
    kill(&bed, &format!("{}-killed-1", bed.project)).await;
    ended(&bed, &format!("{}-killed-1", bed.project)).await;
    // The engine is asked for what happened until the second that is over.
    wait_for("the second is over", || async {
        (clock::now().0 / 1000 > before.0 / 1000 + 1).then_some(())
    })
    .await;

    let (mut connection, passing) = start(socket());
    up(&mut connection).await;
    let passing = passing.borrow();
    for times in [&passing.signals, &passing.ends] {
        assert!(times[&killed] >= before, "{passing:?}");
        assert!(!times.contains_key(&calm) && !times.contains_key(&foreign));
    }
    let silence = passing.silence.unwrap();
    assert_eq!(
        silence.after.0, 0,
        "nobody watched in this life: {silence:?}"
    );
}

/// While the way to the engine was cut, and the engine went on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_was_cut_off_learns_of_what_came_meanwhile_before_it_tells_that_it_is_back() {
    let bed = Bed::new().await;
    let web = running(&bed, "web").await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("engine.sock");
    let proxy = EngineProxy::start(&path);
    let (mut connection, passing) = start(path.clone());
    up(&mut connection).await;
    assert!(!passing.borrow().ends.contains_key(&web));

    proxy.cut(&path).await;
    let is_down = connection.wait_for(|connection| matches!(connection, Connection::Down(_)));
    drop(is_down.await.unwrap());
    let before = clock::now();
    kill(&bed, &format!("{}-web-1", bed.project)).await;
    ended(&bed, &format!("{}-web-1", bed.project)).await;
    wait_for("the second is over", || async {
        (clock::now().0 / 1000 > before.0 / 1000 + 1).then_some(())
    })
    .await;
    let _proxy = EngineProxy::start(&path);
    up(&mut connection).await;
    let passing = passing.borrow();
    assert!(passing.ends[&web] >= before, "{passing:?}");
    assert!(passing.signals[&web] >= before, "{passing:?}");
    let silence = passing.silence.unwrap();
    assert!(
        silence.after.0 > 0 && silence.after <= before,
        "{silence:?}"
    );
}
