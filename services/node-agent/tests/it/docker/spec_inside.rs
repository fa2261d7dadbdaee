//! What a container's process sees of its user, its terminal, its names, its log.

use lab_converge::ContainerState;
use lab_types::{
    DurationMs, ExtraHost, HostNames, Init, Isolation, Logging, Namespace, Process, Stdin,
    TaskSpec, Terminal,
};

use node_agent::logs::read::AtEnd;

use super::bed::{Bed, shell, stop_of, wait_for};

fn sleeper() -> TaskSpec {
    shell("exec sleep 600")
}

#[tokio::test]
async fn a_process_runs_as_the_user_and_where_the_spec_says() {
    let bed = Bed::new().await;
    let mut spec = shell("echo \"$(id -u):$(id -g) $(pwd)\" > /tmp/seen; exec sleep 600");
    spec.process = Process {
        user: Some("1000:100".to_owned()),
        working_dir: Some("/tmp".to_owned()),
        ..Process::default()
    };
    let running = bed.create_and_start("web", &spec).await;
    wait_for("the process has said it", async || {
        let seen = bed.says(&running, "cat /tmp/seen").await;
        (seen == "1000:100 /tmp").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_terminal_an_open_input_and_an_init_are_there_only_when_asked_for() {
    let bed = Bed::new().await;
    let look = "readlink /proc/1/fd/0 | cut -d: -f1; readlink /proc/1/fd/1 | cut -d: -f1; cat /proc/1/comm";
    let seen = async |service, process| {
        let spec = TaskSpec {
            process,
            ..sleeper()
        };
        let running = bed.create_and_start(service, &spec).await;
        bed.says(&running, look).await
    };
    let usual = seen("usual", Process::default()).await;
    assert_eq!(usual, "/dev/null\npipe\nsleep");
    let open = Process {
        stdin: Stdin::Open,
        ..Process::default()
    };
    assert_eq!(seen("open", open).await, "pipe\npipe\nsleep");
    let tty = Process {
        terminal: Terminal::Tty,
        ..Process::default()
    };
    assert!(seen("tty", tty).await.starts_with("/dev/pts/0\n/dev/pts/0"));
    for (init, first) in [(Init::Added, "docker-init"), (Init::LeftOut, "sleep")] {
        let process = Process {
            init,
            ..Process::default()
        };
        let seen = seen(first, process).await;
        assert!(seen.ends_with(first), "{init:?}: {seen}");
    }
}

#[tokio::test]
async fn a_container_is_stopped_by_the_signal_that_it_wants() {
    let bed = Bed::new().await;
    let mut spec =
        shell("trap 'exit 7' USR1; touch /tmp/ready; while :; do sleep 600 & wait; done");
    spec.process.stop_signal = Some("SIGUSR1".to_owned());
    spec.stop_grace = DurationMs::from_secs(20);
    let running = bed.create_and_start("web", &spec).await;
    wait_for("the trap is set", async || {
        let seen = bed.says(&running, "ls /tmp/ready 2>/dev/null").await;
        (!seen.is_empty()).then_some(())
    })
    .await;
    let stopped = bed.execute(stop_of(&running)).await.unwrap().unwrap();
    let code = match stopped.state {
        ContainerState::Exited { code, .. } => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code, 7);
}

#[tokio::test]
async fn a_container_has_its_names_and_looks_others_up_as_the_spec_says() {
    let bed = Bed::new().await;
    let extra = |name: &str, address: &str| ExtraHost {
        name: name.to_owned(),
        address: address.parse().unwrap(),
    };
    let spec = TaskSpec {
        host_names: HostNames {
            hostname: Some("front".to_owned()),
            domainname: Some("example.org".to_owned()),
            extra_hosts: vec![
                extra("db", "10.0.0.5"),
                extra("db", "fd00::5"),
                extra("node", "host-gateway"),
            ],
            dns_servers: vec!["10.0.0.53".parse().unwrap()],
            dns_options: vec!["ndots:2".to_owned()],
            dns_search: vec!["a.example".to_owned(), "b.example".to_owned()],
        },
        ..sleeper()
    };
    let running = bed.create_and_start("web", &spec).await;
    assert_eq!(bed.says(&running, "hostname").await, "front");
    let domain = bed.says(&running, "cat /proc/sys/kernel/domainname").await;
    assert_eq!(domain, "example.org");
    let hosts = bed.says(&running, "cat /etc/hosts").await;
    for line in ["10.0.0.5\tdb", "fd00::5\tdb"] {
        assert!(hosts.lines().any(|told| told == line), "{hosts}");
    }
    let gateway = hosts.lines().find_map(|line| line.strip_suffix("\tnode"));
    let gateway: std::net::Ipv4Addr = gateway.unwrap().parse().unwrap();
    let route = bed.says(&running, "ip route | grep default").await;
    assert!(route.contains(&gateway.to_string()), "{route}");
    let resolver = bed.says(&running, "cat /etc/resolv.conf").await;
    for line in [
        "nameserver 10.0.0.53",
        "search a.example b.example",
        "options ndots:2",
    ] {
        assert!(resolver.lines().any(|told| told == line), "{resolver}");
    }
}

#[tokio::test]
async fn logging_goes_where_the_spec_says_and_with_its_options() {
    let bed = Bed::new().await;
    let spec = TaskSpec {
        logging: Logging {
            driver: Some("json-file".to_owned()),
            options: [("max-size".to_owned(), "10m".to_owned())].into(),
        },
        ..sleeper()
    };
    let running = bed.create_and_start("web", &spec).await;
    let config = bed.inspect(&running.id.0).await.host_config.unwrap();
    let logging = config.log_config.unwrap();
    assert_eq!(logging.typ.as_deref(), Some("json-file"));
    assert_eq!(logging.config.unwrap()["max-size"], "10m");
}

/// The node's own, as this test sees it: engine and test are on the same machine.
fn own(namespace: &str) -> String {
    let link = std::fs::read_link(format!("/proc/self/ns/{namespace}")).unwrap();
    link.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_container_shares_with_its_node_what_the_spec_says_and_nothing_else() {
    let bed = Bed::new().await;
    let seen = async |service, isolation| {
        let spec = TaskSpec {
            isolation,
            ..sleeper()
        };
        let running = bed.create_and_start(service, &spec).await;
        let line = "for n in pid uts ipc; do readlink /proc/self/ns/$n; done";
        let seen = bed.says(&running, line).await;
        seen.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let host: Vec<String> = ["pid", "uts", "ipc"].map(own).into();
    let apart = seen("apart", Isolation::default()).await;
    assert!(
        apart.iter().all(|namespace| !host.contains(namespace)),
        "{apart:?}"
    );
    let shared = Isolation {
        ipc: Some(lab_types::IpcNamespace::Host),
        pid: Namespace::Host,
        uts: Namespace::Host,
        ..Isolation::default()
    };
    assert_eq!(seen("shared", shared).await, host);
}

#[tokio::test]
async fn memory_is_shared_with_others_only_where_the_spec_says_so() {
    use lab_types::{CgroupNamespace, IpcNamespace};
    let bed = Bed::new().await;
    for (ipc, has_shm, word) in [
        (IpcNamespace::None, "no", "none"),
        (IpcNamespace::Private, "yes", "private"),
        (IpcNamespace::Shareable, "yes", "shareable"),
    ] {
        let isolation = Isolation {
            ipc: Some(ipc),
            runtime: Some("runc".to_owned()),
            user: Namespace::Host,
            cgroup: Some(CgroupNamespace::Private),
            ..Isolation::default()
        };
        let spec = TaskSpec {
            isolation,
            ..sleeper()
        };
        let running = bed.create_and_start(word, &spec).await;
        let line = "grep -q ' /dev/shm ' /proc/self/mounts && echo yes || echo no";
        assert_eq!(bed.says(&running, line).await, has_shm);
        // A control group of its own has nothing above it.
        let groups = bed
            .says(&running, "cut -d: -f3 /proc/1/cgroup | sort -u")
            .await;
        assert_eq!(groups, "/");
        let config = bed.inspect(&running.id.0).await.host_config.unwrap();
        let shown = [config.ipc_mode, config.runtime, config.userns_mode];
        assert_eq!(shown.map(Option::unwrap), [word, "runc", "host"]);
    }
}

#[tokio::test]
async fn a_port_is_exposed_without_being_published() {
    let bed = Bed::new().await;
    let mut spec = sleeper();
    spec.expose = [lab_types::ExposedPort {
        target: 9000,
        protocol: lab_types::PortProtocol::Udp,
    }]
    .into();
    let running = bed.create_and_start("web", &spec).await;
    let config = bed.inspect(&running.id.0).await.config.unwrap();
    assert_eq!(config.exposed_ports.unwrap(), ["9000/udp"]);
    assert!(running.ports.is_empty(), "{:?}", running.ports);
}

/// What a terminal shows has no frames by which its lines could be told apart.
#[tokio::test]
async fn the_log_of_a_terminal_is_read_line_by_line() {
    let bed = Bed::new().await;
    let mut spec = shell("echo one; echo two >&2; echo three");
    spec.process.terminal = Terminal::Tty;
    let ran = bed.create_and_start("web", &spec).await;
    let options = lab_wire::agent::LogOptions {
        follow: true,
        tail: None,
        since: None,
    };
    // Room for what three lines can take at most.
    let (output, mut batches) = tokio::sync::mpsc::channel(8);
    let mut seen = node_agent::logs::resume::Resume::default();
    node_agent::logs::read::read(
        &bed.engine,
        &ran.id.0,
        AtEnd::Follow,
        (&options, &mut seen),
        &output,
    )
    .await
    .unwrap()
    .unwrap();
    drop(output);
    let mut lines = Vec::new();
    while let Some(batch) = batches.recv().await {
        let texts = batch.lines.into_iter().map(|line| line.text);
        lines.extend(texts.map(|text| String::from_utf8(text).unwrap()));
    }
    assert_eq!(lines, ["one\r", "two\r", "three\r"]);
}
