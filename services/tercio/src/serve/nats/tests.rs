use std::time::Duration;

use lab_bus::ServerBinary;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Supervised;
use crate::lab::setup::{Reach, move_away, prepare};

/// Longer than the slowest start seen, five times.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a server runs that is another than `before`.
async fn another(pid: &mut watch::Receiver<Option<u32>>, before: Option<u32>) -> u32 {
    let is_another = |pid: &Option<u32>| pid.is_some() && *pid != before;
    let changed = tokio::time::timeout(PATIENCE, pid.wait_for(is_another)).await;
    changed.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn a_nats_server_that_is_killed_is_started_again_on_the_same_port_and_stopped_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut setup = prepare(&state, &Reach::Local).await.unwrap();
    // The port a moment ago free may be another test's by now; any other will do.
    move_away(&state, &mut setup).unwrap();
    let port = setup.nats.port;
    let server = Supervised {
        binary: ServerBinary::find(None).await.unwrap(),
        identity: setup.identity,
        settings: setup.nats,
        pid: watch::Sender::new(None),
    };
    let mut pid = server.pid.subscribe();
    let first = server.start().await.unwrap();
    assert_eq!(Some(first.port()), port);
    let stop = CancellationToken::new();
    let kept = tokio::spawn(server.keep(first, stop.clone()));

    let before = another(&mut pid, None).await;
    let raw = Pid::from_raw(i32::try_from(before).unwrap()).unwrap();
    kill_process(raw, Signal::KILL).unwrap();
    let after = another(&mut pid, Some(before)).await;
    let url = format!("127.0.0.1:{}", port.unwrap());
    tokio::net::TcpStream::connect(&url).await.unwrap();

    stop.cancel();
    kept.await.unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{after}")).exists());
    assert!(tokio::net::TcpStream::connect(&url).await.is_err());
}
