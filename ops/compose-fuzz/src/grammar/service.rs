//! The attributes of a service.

use super::Kind::{Either, List, Map, Named, Word};
use super::parts::{
    BLKIO, BUILD, DEPLOY, DEVELOP, DEVICE_REQUEST, HEALTHCHECK, MOUNT, NETWORKS, PORT,
};
use super::{
    Attribute, BOOL, COMMAND, EXTRA_HOSTS, FILE_MOUNT, FLOAT, FULL_PAIRS, HOOK, INT, Kind, OPTIONS,
    OWN, PAIRS, PATHS, SIZE, TEXT, TEXT_OR_TEXTS, TEXTS, ULIMITS,
};

const SERVICES: &[&str] = &["a", "b", "c"];

const NAMESPACE: Kind = Word(&["host", "'service:b'", "'container:x'"]);

const DEPENDENCY: Kind = Map(&[
    (
        "!condition",
        Word(&[
            "service_started",
            "service_healthy",
            "service_completed_successfully",
        ]),
    ),
    ("restart", BOOL),
    ("required", Word(&["true", "false"])),
]);

const DEVICE: Kind = Either(&[
    Word(&["/dev/a", "'/dev/a:/dev/b'", "'/dev/a:/dev/c:r'"]),
    Map(&[
        ("!source", Word(&["/dev/a"])),
        ("!target", Word(&["/dev/b"])),
        ("permissions", Word(&["rw"])),
    ]),
]);

const ENV_FILE: Kind = Either(&[
    Word(&["a.env", "./b.env"]),
    Map(&[
        ("!path", Word(&["a.env", "a.env", "gone.env"])),
        ("required", BOOL),
        ("format", Word(&["raw"])),
    ]),
]);

const EXTENDS: Kind = Either(&[
    Word(SERVICES),
    Map(&[
        ("!service", Word(SERVICES)),
        ("file", Word(&["base.yml", "sub/base.yml"])),
    ]),
]);

const MODEL_USE: Kind = Either(&[
    Word(&[""]),
    Map(&[("endpoint_var", TEXT), ("model_var", TEXT)]),
]);

const PROVIDER: Kind = Map(&[
    ("!type", TEXT),
    ("options", Named(&["a", "b"], &Either(&[TEXT, TEXTS]))),
]);

pub(crate) const SERVICE: &[Attribute] = &[
    ("annotations", PAIRS),
    ("attach", BOOL),
    ("build", Either(&[PATHS, BUILD])),
    ("blkio_config", BLKIO),
    ("cap_add", TEXTS),
    ("cap_drop", TEXTS),
    ("cgroup", Word(&["host", "private"])),
    ("cgroup_parent", TEXT),
    ("command", COMMAND),
    ("configs", List(&FILE_MOUNT)),
    ("container_name", Word(&["cn", "'c n'"])),
    ("cpu_count", INT),
    ("cpu_percent", FLOAT),
    ("cpu_shares", INT),
    ("cpu_quota", INT),
    ("cpu_period", INT),
    ("cpu_rt_period", INT),
    ("cpu_rt_runtime", INT),
    ("cpus", FLOAT),
    ("cpuset", Word(&["'0-3'"])),
    (
        "credential_spec",
        Map(&[("file", TEXT), ("registry", TEXT), ("config", Word(&["s"]))]),
    ),
    (
        "depends_on",
        Either(&[List(&Word(SERVICES)), Named(SERVICES, &DEPENDENCY)]),
    ),
    ("deploy", DEPLOY),
    ("develop", DEVELOP),
    (
        "device_cgroup_rules",
        List(&Word(&["'c 1:3 mr'", "'a 7:* rmw'"])),
    ),
    ("devices", List(&DEVICE)),
    ("dns", TEXT_OR_TEXTS),
    ("dns_opt", TEXTS),
    ("dns_search", TEXT_OR_TEXTS),
    ("domainname", TEXT),
    ("entrypoint", COMMAND),
    (
        "env_file",
        Either(&[Word(&["a.env", "b.env"]), List(&ENV_FILE)]),
    ),
    ("environment", PAIRS),
    (
        "expose",
        List(&Word(&["'80'", "81", "'90-92/tcp'", "'53/udp'"])),
    ),
    ("extends", EXTENDS),
    ("external_links", TEXTS),
    ("extra_hosts", EXTRA_HOSTS),
    ("gpus", Either(&[Word(&["all"]), List(&DEVICE_REQUEST)])),
    ("group_add", List(&Word(&["a", "'5'", "7"]))),
    ("healthcheck", HEALTHCHECK),
    ("hostname", TEXT),
    ("init", BOOL),
    ("ipc", NAMESPACE),
    ("isolation", TEXT),
    (
        "label_file",
        Either(&[Word(&["a.env"]), List(&Word(&["a.env", "b.env"]))]),
    ),
    ("labels", PAIRS),
    ("links", List(&Word(&["b", "'b:x'", "'c:y'"]))),
    (
        "logging",
        Map(&[("driver", Word(&["d", "e"])), ("options", OPTIONS)]),
    ),
    ("mac_address", TEXT),
    ("mem_limit", SIZE),
    ("mem_reservation", SIZE),
    ("mem_swappiness", INT),
    ("memswap_limit", SIZE),
    (
        "models",
        Either(&[List(&Word(&["m1", "m2"])), Named(&["m1", "m2"], &MODEL_USE)]),
    ),
    (
        "network_mode",
        Word(&["host", "none", "bridge", "'service:b'", "'container:x'"]),
    ),
    ("networks", NETWORKS),
    ("oom_kill_disable", BOOL),
    ("oom_score_adj", INT),
    ("pid", NAMESPACE),
    ("pids_limit", INT),
    ("platform", Word(&["linux/amd64", "linux/arm64"])),
    ("ports", List(&PORT)),
    ("post_start", List(&HOOK)),
    ("pre_stop", List(&HOOK)),
    ("privileged", BOOL),
    ("profiles", List(&Word(&["p", "q"]))),
    ("provider", PROVIDER),
    (
        "pull_policy",
        Word(&["always", "never", "missing", "daily", "every_12h", "x"]),
    ),
    ("read_only", BOOL),
    (
        "restart",
        Word(&["always", "'no'", "no", "on-failure:3", "unless-stopped"]),
    ),
    ("runtime", TEXT),
    ("scale", INT),
    ("secrets", List(&FILE_MOUNT)),
    ("security_opt", TEXTS),
    ("shm_size", SIZE),
    ("stdin_open", BOOL),
    ("stop_grace_period", super::DURATION),
    ("stop_signal", TEXT),
    ("storage_opt", OPTIONS),
    ("sysctls", FULL_PAIRS),
    (
        "tmpfs",
        Either(&[Word(&["/t"]), List(&Word(&["/t", "'/u:size=1m'", "/a"]))]),
    ),
    ("tty", BOOL),
    ("ulimits", ULIMITS),
    ("use_api_socket", Word(&["true", "false"])),
    ("user", TEXT),
    ("userns_mode", TEXT),
    ("uts", TEXT),
    ("volumes", List(&MOUNT)),
    (
        "volumes_from",
        List(&Word(&["b", "'c:ro'", "'container:x'"])),
    ),
    ("working_dir", TEXT),
    ("x-s", OWN),
];
