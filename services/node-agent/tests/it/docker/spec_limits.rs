//! What a container may use, as its own control groups and processes tell it.

use bollard::models::HostConfig;
use lab_types::{BlockIo, Ceiling, Limits, OomKiller, TaskSpec, Ulimit};

use super::bed::{Bed, shell};

/// Bytes in a mebibyte.
const MIB: u64 = 1 << 20;

fn with(limits: Limits) -> TaskSpec {
    TaskSpec {
        limits,
        ..shell("exec sleep 600")
    }
}

/// A file of the container's control groups: by its name in the first version, or in the second.
fn group(first: &str, second: &str) -> String {
    format!("cat /sys/fs/cgroup/{first} 2>/dev/null || cat /sys/fs/cgroup/{second}")
}

async fn config(bed: &Bed, id: &str) -> HostConfig {
    bed.inspect(id).await.host_config.unwrap()
}

#[tokio::test]
async fn memory_processes_and_shared_memory_are_limited_for_the_process_inside() {
    let bed = Bed::new().await;
    let limits = Limits {
        memory_bytes: Some(64 * MIB),
        memory_reservation_bytes: Some(32 * MIB),
        memory_and_swap_bytes: Some(Ceiling::AtMost(96 * MIB)),
        memory_swappiness_percent: Some(0),
        oom_score_adjust: Some(500),
        pids: Some(Ceiling::AtMost(33)),
        shm_bytes: Some(8 * MIB),
        ..Limits::default()
    };
    let running = bed.create_and_start("web", &with(limits)).await;
    let memory = group("memory/memory.limit_in_bytes", "memory.max");
    assert_eq!(bed.says(&running, &memory).await, (64 * MIB).to_string());
    let pids = group("pids/pids.max", "pids.max");
    assert_eq!(bed.says(&running, &pids).await, "33");
    let shm = bed.says(&running, "df -k /dev/shm | tail -1").await;
    assert_eq!(shm.split_whitespace().nth(1), Some("8192"), "{shm}");
    let score = bed.says(&running, "cat /proc/1/oom_score_adj").await;
    assert_eq!(score, "500");
    let config = config(&bed, &running.id.0).await;
    let shown = [
        config.memory_reservation,
        config.memory_swap,
        config.memory_swappiness,
    ];
    let mib = |number: u64| i64::try_from(number * MIB).unwrap();
    assert_eq!(shown, [Some(mib(32)), Some(mib(96)), Some(0)]);
}

#[tokio::test]
async fn no_limit_can_be_said_too() {
    let bed = Bed::new().await;
    let limits = Limits {
        memory_bytes: Some(64 * MIB),
        memory_and_swap_bytes: Some(Ceiling::Unlimited),
        pids: Some(Ceiling::Unlimited),
        oom_killer: OomKiller::Off,
        ..Limits::default()
    };
    let running = bed.create_and_start("web", &with(limits)).await;
    let pids = bed
        .says(&running, &group("pids/pids.max", "pids.max"))
        .await;
    assert_eq!(pids, "max");
    let config = config(&bed, &running.id.0).await;
    assert_eq!(
        (config.memory_swap, config.oom_kill_disable),
        (Some(-1), Some(true))
    );
}

#[tokio::test]
async fn cpus_are_limited_for_the_process_inside() {
    let bed = Bed::new().await;
    let half = Limits {
        nano_cpus: Some(500_000_000),
        cpu_shares: Some(512),
        cpuset: Some("0".to_owned()),
        ..Limits::default()
    };
    let running = bed.create_and_start("half", &with(half)).await;
    // Both versions say a quota and its period, in microseconds.
    let first =
        "echo $(cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us)";
    let line = format!("[ -d /sys/fs/cgroup/cpu ] && {first} || cat /sys/fs/cgroup/cpu.max");
    assert_eq!(bed.says(&running, &line).await, "50000 100000");
    let allowed = bed
        .says(&running, "grep Cpus_allowed_list /proc/1/status")
        .await;
    assert_eq!(allowed.split_whitespace().nth(1), Some("0"));
    assert_eq!(config(&bed, &running.id.0).await.cpu_shares, Some(512));
    let quota = Limits {
        cpu_period_us: Some(50_000),
        cpu_quota_us: Some(20_000),
        ..Limits::default()
    };
    let running = bed.create_and_start("quota", &with(quota)).await;
    assert_eq!(bed.says(&running, &line).await, "20000 50000");
}

#[tokio::test]
async fn each_process_has_the_limits_that_are_named() {
    let bed = Bed::new().await;
    let ulimit = |soft, hard| Ulimit { soft, hard };
    let limits = Limits {
        ulimits: [
            (
                "nofile".to_owned(),
                ulimit(Ceiling::AtMost(1000), Ceiling::AtMost(2000)),
            ),
            (
                "core".to_owned(),
                ulimit(Ceiling::Unlimited, Ceiling::Unlimited),
            ),
        ]
        .into(),
        ..Limits::default()
    };
    let running = bed.create_and_start("web", &with(limits)).await;
    let files = bed
        .says(&running, "grep 'Max open files' /proc/1/limits")
        .await;
    let numbers: Vec<&str> = files.split_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers, ["1000", "2000"]);
    let core = bed
        .says(&running, "grep 'Max core file size' /proc/1/limits")
        .await;
    let numbers: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["unlimited", "unlimited"]);
}

#[tokio::test]
async fn the_use_of_a_disk_is_limited_and_the_control_group_is_where_it_is_wanted() {
    let bed = Bed::new().await;
    let disk = disk();
    let rate = |number| [(disk.clone(), number)].into();
    let parent = format!("/{}", bed.project);
    let limits = Limits {
        block_io: BlockIo {
            read_bytes_per_second: rate(MIB),
            write_bytes_per_second: rate(2 * MIB),
            reads_per_second: rate(100),
            writes_per_second: rate(50),
            ..BlockIo::default()
        },
        cgroup_parent: Some(parent.clone()),
        ..Limits::default()
    };
    let running = bed.create_and_start("web", &with(limits)).await;
    let config = config(&bed, &running.id.0).await;
    let shown = [
        config.blkio_device_read_bps,
        config.blkio_device_write_bps,
        config.blkio_device_read_iops,
        config.blkio_device_write_iops,
    ];
    let shown = shown.map(|rates| rates.unwrap().remove(0).rate.unwrap());
    assert_eq!(shown, [1 << 20, 2 << 20, 100, 50]);
    if std::path::Path::new("/sys/fs/cgroup/blkio").exists() {
        let line = "cat /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device";
        let rate = bed.says(&running, line).await;
        assert!(rate.ends_with(" 1048576"), "{rate}");
    }
    let pid = bed.inspect(&running.id.0).await.state.unwrap().pid.unwrap();
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert!(groups.contains(&format!(":{parent}/")), "{groups}");
}

/// A block device of this machine.
fn disk() -> String {
    let disks = std::fs::read_dir("/sys/block").unwrap();
    let names = disks.map(|disk| disk.unwrap().file_name().into_string().unwrap());
    let real = names.filter(|name| !name.starts_with("loop") && !name.starts_with("zram"));
    format!("/dev/{}", real.min().expect("this machine has a disk"))
}
