//! What a file says of its containers, seen from inside one and by the engine.

use crate::docker;
use crate::lab::Lab;

#[test]
fn a_container_is_as_its_file_says() {
    let mut lab = Lab::new();
    let project = lab.project("settings");
    let text = file();
    let file = lab.file("compose.yml", &text);
    lab.compose(&file, &project, &["up", "-d"]).ok();
    lab.running(&project, 2);
    let told = lab
        .compose(&file, &project, &["logs", "--no-log-prefix", "web"])
        .ok();
    let lines: Vec<&str> = told.out.lines().collect();
    assert_eq!(
        lines,
        [
            "1000",
            "/tmp",
            "box",
            "321",
            "777",
            "read-only",
            "in memory",
            "10.9.8.7",
            "options ndots:2"
        ],
        "{}",
        told.all()
    );
    let of_web = format!("{project}-web-1");
    let format = "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}} \
                  {{.HostConfig.ShmSize}} {{.HostConfig.Init}} {{.HostConfig.CapDrop}} \
                  {{.HostConfig.SecurityOpt}} {{.HostConfig.LogConfig.Config}} {{.Config.StopSignal}}";
    let seen = docker::docker(&["inspect", "--format", format, &of_web]);
    assert_eq!(
        seen.trim(),
        "33554432 50 500000000 1048576 true [ALL] [no-new-privileges:true] map[max-size:1m] SIGTERM"
    );
    let alone = lab
        .compose(&file, &project, &["logs", "--no-log-prefix", "alone"])
        .ok();
    assert_eq!(alone.out.trim(), "lo", "{}", alone.all());
    let again = lab.compose(&file, &project, &["plan", "-q", "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "a plan after `up` is empty: {}", again.all());
}

/// A service with many settings, and one without a network.
fn file() -> String {
    format!(
        "services:
  web:
    image: {image}
    command:
      - sh
      - -c
      - |
        trap 'exit 0' TERM
        id -u; pwd; hostname; cat /proc/sys/net/core/somaxconn; ulimit -n
        touch /x 2>/dev/null || echo read-only
        touch /run/x && echo in memory
        grep -w db /etc/hosts | cut -f1
        grep options /etc/resolv.conf
        sleep 1000 & wait
    user: '1000:1000'
    working_dir: /tmp
    hostname: box
    extra_hosts: ['db=10.9.8.7']
    dns_opt: [ndots:2]
    sysctls: {{net.core.somaxconn: 321}}
    ulimits: {{nofile: 777}}
    read_only: true
    tmpfs: ['/run:mode=1777']
    mem_limit: 32m
    pids_limit: 50
    cpus: 0.5
    shm_size: 1m
    init: true
    cap_drop: [ALL]
    stop_signal: SIGTERM
    security_opt: ['no-new-privileges:true']
    logging: {{driver: json-file, options: {{max-size: 1m}}}}
  alone:
    image: {image}
    command: [sh, -c, 'ls /sys/class/net; sleep 1000']
    network_mode: none
    stop_grace_period: 1s
",
        image = docker::busybox()
    )
}
