//! What a container may do, as its own processes find out.

use lab_converge::ActionKind;
use lab_types::{Device, Devices, Privileges, RootFilesystem, Security, Storage, TaskSpec};

use super::bed::{Bed, shell};

fn with(security: Security) -> TaskSpec {
    TaskSpec {
        security,
        ..shell("exec sleep 600")
    }
}

/// Whether this machine's processes may have every capability that its kernel knows.
fn is_whole() -> bool {
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap();
    let all = (1_u64 << (last.trim().parse::<u32>().unwrap() + 1)) - 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let bound = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    u64::from_str_radix(bound.unwrap().trim(), 16).unwrap() == all
}

/// The line of `/proc/1/status`, without its name.
fn status(name: &str) -> String {
    format!("grep '^{name}:' /proc/1/status | cut -f2")
}

#[tokio::test]
async fn capabilities_groups_and_the_like_are_those_of_the_spec() {
    let bed = Bed::new().await;
    let running = bed
        .create_and_start(
            "few",
            &with(Security {
                cap_add: ["NET_ADMIN".to_owned()].into(),
                cap_drop: ["ALL".to_owned()].into(),
                options: vec!["no-new-privileges:true".to_owned()],
                groups: ["1234".to_owned(), "44".to_owned()].into(),
                sysctls: [(
                    "net.ipv4.ip_unprivileged_port_start".to_owned(),
                    "81".to_owned(),
                )]
                .into(),
                ..Security::default()
            }),
        )
        .await;
    // NET_ADMIN is the thirteenth of them.
    let few = bed.says(&running, &status("CapEff")).await;
    assert_eq!(few, format!("{:016x}", 1 << 12));
    assert_eq!(bed.says(&running, &status("NoNewPrivs")).await, "1");
    let groups = bed.says(&running, &status("Groups")).await;
    for group in ["44", "1234"] {
        assert!(
            groups.split_whitespace().any(|told| told == group),
            "{groups}"
        );
    }
    let line = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start";
    assert_eq!(bed.says(&running, line).await, "81");
}

/// A machine that is held back itself cannot give what it does not have: the engine was told, at least.
#[tokio::test]
async fn a_privileged_container_is_not_held_back_and_a_usual_one_is() {
    let bed = Bed::new().await;
    let seen = async |service, privileges| {
        let spec = with(Security {
            privileges,
            ..Security::default()
        });
        if privileges == Privileges::All && !is_whole() {
            let create = bed.create(service, &spec);
            let create = ActionKind::CreateContainer(Box::new(create));
            let made = bed.execute(create).await.unwrap().unwrap();
            let config = bed.inspect(&made.id.0).await.host_config.unwrap();
            assert_eq!(config.privileged, Some(true));
            return "0\n/dev/loop-control".to_owned();
        }
        let running = bed.create_and_start(service, &spec).await;
        let line = "grep '^Seccomp:' /proc/1/status | cut -f2; ls /dev/loop-control 2>/dev/null";
        bed.says(&running, line).await
    };
    assert_eq!(seen("usual", Privileges::Usual).await, "2");
    let all = seen("all", Privileges::All).await;
    assert_eq!(all, "0\n/dev/loop-control");
}

#[tokio::test]
async fn a_root_that_is_read_only_leaves_only_the_folders_in_memory_to_write_to() {
    let bed = Bed::new().await;
    let spec = TaskSpec {
        storage: Storage {
            tmpfs: [("/run".to_owned(), "size=1m,mode=750".to_owned())].into(),
            ..Storage::default()
        },
        ..with(Security {
            root: RootFilesystem::ReadOnly,
            ..Security::default()
        })
    };
    let running = bed.create_and_start("web", &spec).await;
    let line = "touch /x 2>&1; touch /run/x && echo written; stat -c %a /run; df -k /run | tail -1";
    let seen = bed.says(&running, line).await;
    let lines: Vec<&str> = seen.lines().collect();
    assert!(lines[0].contains("Read-only file system"), "{seen}");
    assert_eq!(lines[1..3], ["written", "750"]);
    assert_eq!(lines[3].split_whitespace().nth(1), Some("1024"), "{seen}");
}

/// `/dev/loop-control`, which every Linux has and no container by itself.
const DEVICE: &str = "/dev/loop-control";

#[tokio::test]
async fn a_device_is_there_under_its_name_and_may_be_used_as_the_spec_says() {
    let bed = Bed::new().await;
    let devices = Devices {
        mapped: vec![Device {
            host_path: DEVICE.to_owned(),
            container_path: "/dev/given".to_owned(),
            permissions: "r".parse().unwrap(),
        }],
        ..Devices::default()
    };
    let spec = TaskSpec {
        devices,
        ..shell("exec sleep 600")
    };
    let running = bed.create_and_start("web", &spec).await;
    let line = "stat -c %t:%T /dev/given; (: < /dev/given) && echo read; (: >> /dev/given) 2>&1";
    let seen = bed.says(&running, line).await;
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[..2], ["a:ed", "read"], "{seen}");
    assert!(seen.ends_with("Operation not permitted"), "{seen}");
}

#[tokio::test]
async fn a_rule_lets_a_container_use_a_device_that_it_makes_itself() {
    let bed = Bed::new().await;
    let seen = async |service, rules: &[&str]| {
        let spec = TaskSpec {
            devices: Devices {
                cgroup_rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
                ..Devices::default()
            },
            ..shell("exec sleep 600")
        };
        let running = bed.create_and_start(service, &spec).await;
        let line = "mknod /tmp/made c 10 237 && (: < /tmp/made) 2>&1 && echo read";
        bed.says(&running, line).await
    };
    let refused = seen("without", &[]).await;
    assert!(refused.contains("Operation not permitted"), "{refused}");
    assert_eq!(seen("with", &["c 10:237 rwm"]).await, "read");
}
