//! What a file says of a container besides what it runs reaches the spec of its tasks.

use expect_test::{expect, expect_file};

use crate::support::Files;

const ALL: &str = r#"
services:
  web:
    image: app
    user: "1000:1000"
    working_dir: /srv
    tty: true
    stdin_open: true
    init: false
    stop_signal: SIGINT
    hostname: web
    domainname: example.org
    extra_hosts: ["db=10.0.0.5", "node=host-gateway"]
    dns: 10.0.0.1
    dns_opt: [ndots:2]
    dns_search: [example.org]
    mac_address: 02:42:ac:11:00:02
    cpus: 1.5
    cpu_shares: 512
    cpu_period: 100000
    cpu_quota: 50000
    cpuset: 0-1
    mem_limit: 1g
    mem_reservation: 512m
    memswap_limit: -1
    mem_swappiness: 10
    oom_kill_disable: true
    oom_score_adj: -500
    pids_limit: 100
    shm_size: 64m
    ulimits: {nofile: {soft: 1024, hard: -1}, nproc: 100}
    blkio_config: {weight: 300, device_read_bps: [{path: /dev/sda, rate: 1mb}]}
    cgroup_parent: lab
    cap_add: [NET_ADMIN]
    cap_drop: [ALL]
    privileged: true
    security_opt: ["no-new-privileges:true"]
    group_add: [audio, 100]
    sysctls: {net.core.somaxconn: 1024}
    read_only: true
    ipc: shareable
    pid: host
    uts: host
    userns_mode: host
    cgroup: private
    runtime: runc
    device_cgroup_rules: ["c 1:3 mr"]
    tmpfs: [/run, "/tmp:size=1m"]
    storage_opt: {size: 1G}
    logging: {driver: json-file, options: {max-size: 10m}}
    annotations: {note: hello}
    volumes:
      - ./site:/srv:ro,z,rshared
      - {type: volume, source: data, target: /data, volume: {nocopy: true, subpath: a}}
      - {type: tmpfs, target: /cache, tmpfs: {size: 1m, mode: 0o755}}
    healthcheck: {test: [CMD, "true"], start_interval: 1s}
  lone:
    image: app
    network_mode: none
    deploy: {resources: {limits: {cpus: "0.5", memory: 64m, pids: 10}}}
volumes: {data: {}}
"#;

#[test]
fn every_setting_of_a_container_is_carried_by_its_spec() {
    let model = Files::one(ALL).project().to_model(&Default::default());
    let mut services = serde_json::to_value(&model.services).unwrap();
    for service in services.as_object_mut().unwrap().values_mut() {
        let task = service["task"].as_object_mut().unwrap();
        task.retain(|key, _| {
            !["image", "restart", "stop_grace", "reservation"].contains(&key.as_str())
        });
        *service = serde_json::Value::Object(task.clone());
    }
    let text = serde_json::to_string_pretty(&services).unwrap();
    expect_file!["../../testdata/model/container.json"].assert_eq(&format!("{text}\n"));
}

#[test]
fn what_ties_containers_together_or_stands_for_nothing_is_refused_by_name_and_place() {
    let text = r#"
services:
  a: {image: app}
  b:
    image: app
    network_mode: service:a
    ipc: container:x
    pid: service:a
    uts: other
    cpu_quota: -1
    dns: [nowhere]
    extra_hosts: ["db=somewhere"]
    mac_address: 02:42
    security_opt: ["seccomp=profile.json"]
    volumes: [{type: bind, source: /a, target: /a, bind: {propagation: both}}]
"#;
    expect![[r#"
        compose.yml:6:19 CMP0006 Tercio does not support services.b.network_mode `service:a` yet
        compose.yml:7:10 CMP0006 Tercio does not support services.b.ipc `container:x` yet
        compose.yml:8:10 CMP0006 Tercio does not support services.b.pid `service:a` yet
        compose.yml:9:10 CMP0006 Tercio does not support services.b.uts `other` yet
        compose.yml:10:16 CMP0013 services.b.cpu_quota cannot be -1
        compose.yml:11:11 CMP0017 services.b.dns[0] cannot be used: invalid IP address syntax
        compose.yml:12:19 CMP0017 services.b.extra_hosts[0] cannot be used: "somewhere" is neither an IP address nor host-gateway
        compose.yml:13:18 CMP0017 services.b.mac_address cannot be used: "02:42" is not a MAC address: write six bytes, like 02:42:ac:11:00:02
        compose.yml:14:19 CMP0006 Tercio does not support services.b.security_opt `seccomp=profile.json` yet
        compose.yml:15:72 CMP0017 the propagation of services.b.volumes[0] must be one of [r]private, [r]shared and [r]slave, not "both"
    "#]].assert_eq(&Files::one(text).findings());
}
