//! Running nats-server.

use std::time::Duration;

use lab_bus::{
    Bus, ConnectOptions, LabIdentity, ServerBinary, ServerProcess, ServerSettings, StartError,
    StateStore, StoreLimits,
};
use lab_testkit::wait_until;
use lab_wire::Role;
use rustix::process::{Pid, test_kill_process};

const SOON: Duration = Duration::from_secs(10);

struct Lab {
    binary: ServerBinary,
    identity: LabIdentity,
    dir: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            binary: ServerBinary::find(None).await.unwrap(),
            identity: LabIdentity::create(&dir.path().join("identity")).unwrap(),
            dir,
        }
    }

    fn settings(&self) -> ServerSettings {
        ServerSettings::local(self.dir.path().join("server"))
    }

    async fn start(&self, settings: ServerSettings) -> Result<ServerProcess, StartError> {
        ServerProcess::start(&self.binary, &self.identity, settings).await
    }
}

async fn wait_gone(pid: Pid) {
    wait_until(SOON, "the server is gone", async || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        let zombie = stat.is_ok_and(|stat| stat.contains(") Z "));
        (zombie || test_kill_process(pid).is_err()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_left_running_by_an_earlier_parent_is_stopped_first() {
    let lab = Lab::new().await;
    let left = lab.start(lab.settings()).await.unwrap();
    let pid = left.pid();
    // As a parent does that is killed where there is no `setpriv`.
    std::mem::forget(left);
    let next = lab.start(lab.settings()).await.unwrap();
    wait_gone(pid).await;
    assert_ne!(next.pid(), pid);
    next.stop().await;
}

#[tokio::test]
async fn a_server_whose_parent_lets_go_is_gone_and_one_that_is_stopped_leaves_no_pid_file() {
    let lab = Lab::new().await;
    let server = lab.start(lab.settings()).await.unwrap();
    let pid = server.pid();
    drop(server);
    wait_gone(pid).await;
    let server = lab.start(lab.settings()).await.unwrap();
    let pid = server.pid();
    server.stop().await;
    wait_gone(pid).await;
    assert!(!lab.settings().pid_file().exists());
}

#[tokio::test]
async fn a_port_in_use_is_told_with_the_end_of_the_log() {
    let lab = Lab::new().await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = ServerSettings {
        port: Some(taken.local_addr().unwrap().port()),
        ..lab.settings()
    };
    let started = tokio::time::timeout(SOON, lab.start(settings))
        .await
        .unwrap();
    let error = started.unwrap_err();
    let problem = error.problem();
    assert_eq!(problem.code.0, "NAT0004");
    assert!(
        problem.message.contains("address already in use"),
        "{problem}"
    );
}

#[tokio::test]
async fn an_end_of_the_server_is_told_to_whoever_waits_for_it() {
    let lab = Lab::new().await;
    let mut server = lab.start(lab.settings()).await.unwrap();
    let pid = server.pid();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let how = tokio::time::timeout(SOON, server.ended()).await.unwrap();
    assert!(how.contains("signal: 9"), "{how}");
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_told_before_anything_is_started() {
    let lab = Lab::new().await;
    let file = lab.dir.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let error = lab
        .start(ServerSettings::local(file.join("server")))
        .await
        .unwrap_err();
    assert_eq!(error.problem().code.0, "NAT0010");
}

/// Says what an old nats-server says when a client connects, and answers pings.
async fn old_server(version: &'static str) -> String {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (read, mut write) = client.into_split();
            let info = serde_json::json!({
                "server_id": "old", "version": version, "proto": 1, "headers": true,
                "host": "127.0.0.1", "port": 4222, "max_payload": 1 << 20,
            });
            write
                .write_all(format!("INFO {info}\r\n").as_bytes())
                .await
                .unwrap();
            let mut lines = BufReader::new(read).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if line.starts_with("PING") {
                    write.write_all(b"PONG\r\n").await.unwrap();
                }
            }
        }
    });
    url
}

#[tokio::test]
async fn a_server_too_old_to_keep_the_state_is_refused_with_both_versions() {
    let lab = Lab::new().await;
    for version in ["2.9.10", "2.15.0"] {
        let credentials = lab.identity.issue(&Role::Scheduler, None);
        let options = ConnectOptions::new(vec![old_server(version).await], credentials, "test");
        let bus = Bus::connect(options).await.unwrap();
        let refused = StateStore::open(&bus, StoreLimits::default())
            .await
            .unwrap_err();
        let problem = refused.problem();
        assert_eq!(problem.code.0, "NAT0005");
        assert!(problem.message.contains(version), "{problem}");
        assert!(problem.message.contains("2.15.1"), "{problem}");
    }
}

/// A copy that somebody kept is worth nothing once new ones were made in their place.
#[tokio::test]
async fn credentials_that_were_made_void_are_refused_from_the_next_start_on() {
    let mut lab = Lab::new().await;
    let role = Role::Viewer(lab_testkit::user("vera"));
    let (old, new) = (
        lab.identity.issue(&role, None),
        lab.identity.issue(&role, None),
    );
    let connect = |server: &ServerProcess, credentials: &lab_bus::Credentials| {
        Bus::connect(ConnectOptions::new(
            vec![server.url()],
            credentials.clone(),
            "vera",
        ))
    };
    let server = lab.start(lab.settings()).await.unwrap();
    connect(&server, &old).await.unwrap();
    server.stop().await;
    lab.identity.revoke(&old).unwrap();
    // As the next process finds it.
    lab.identity = LabIdentity::load(&lab.dir.path().join("identity")).unwrap();
    let server = lab.start(lab.settings()).await.unwrap();
    let refused = connect(&server, &old).await.unwrap_err();
    assert!(
        matches!(refused, lab_bus::ConnectError::Unauthorized { .. }),
        "{refused}"
    );
    connect(&server, &new).await.unwrap();
    server.stop().await;
}
