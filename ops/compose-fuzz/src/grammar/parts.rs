//! The attributes of a service that have attributes of their own.

use super::Kind::{Either, List, Map, Named, Word};
use super::{
    BOOL, DURATION, EXTRA_HOSTS, FILE_MOUNT, FLOAT, FULL_PAIRS, HOOK, INT, Kind, MODE, OPTIONS,
    OWN, PAIRS, PATHS, SIZE, TEXT, TEXT_OR_TEXTS, TEXTS, ULIMITS,
};

pub(super) const DEVICE_REQUEST: Kind = Map(&[
    ("!capabilities", TEXTS),
    ("driver", Word(&["nvidia"])),
    ("count", Word(&["1", "all", "'2'", "-1"])),
    ("device_ids", List(&Word(&["'0'", "'1'"]))),
    ("options", FULL_PAIRS),
]);

const RATES: Kind = List(&Map(&[
    ("!path", Word(&["/dev/a", "/dev/b"])),
    ("!rate", SIZE),
]));

pub(super) const BLKIO: Kind = Map(&[
    ("weight", Word(&["300", "0"])),
    (
        "weight_device",
        List(&Map(&[
            ("!path", Word(&["/dev/a"])),
            ("!weight", Word(&["5"])),
        ])),
    ),
    ("device_read_bps", RATES),
    ("device_read_iops", RATES),
    ("device_write_bps", RATES),
    ("device_write_iops", RATES),
]);

const CONTEXTS: Kind = Either(&[
    Named(
        &["x", "y"],
        &Word(&["./d", "'docker-image://x'", "'service:b'"]),
    ),
    List(&Word(&["x=./d", "y=/abs"])),
]);

pub(super) const BUILD: Kind = Map(&[
    (
        "context",
        Word(&[
            ".",
            "./d",
            "/abs",
            "'https://x/y.git'",
            "git@x:y",
            "~/h",
            "../up",
        ]),
    ),
    ("dockerfile", Word(&["D", "./D", "/abs/D"])),
    ("dockerfile_inline", Word(&["FROM x"])),
    ("args", PAIRS),
    ("labels", FULL_PAIRS),
    ("cache_from", TEXTS),
    ("cache_to", TEXTS),
    ("no_cache", BOOL),
    ("pull", BOOL),
    ("additional_contexts", CONTEXTS),
    ("network", Word(&["host", "none"])),
    ("provenance", Word(&["true", "mode=max", "false"])),
    ("sbom", Word(&["true", "false"])),
    ("target", TEXT),
    ("shm_size", SIZE),
    ("extra_hosts", EXTRA_HOSTS),
    ("isolation", Word(&["default"])),
    ("privileged", BOOL),
    ("entitlements", TEXTS),
    ("secrets", List(&FILE_MOUNT)),
    ("tags", TEXTS),
    ("ulimits", ULIMITS),
    ("platforms", List(&Word(&["linux/amd64", "linux/arm64"]))),
    ("x-b", OWN),
]);

const UPDATE: Kind = Map(&[
    ("parallelism", INT),
    ("delay", DURATION),
    ("failure_action", Word(&["pause", "continue"])),
    ("monitor", DURATION),
    ("max_failure_ratio", FLOAT),
    ("order", Word(&["start-first", "stop-first", "x"])),
]);

const GENERIC: Kind = List(&Map(&[(
    "!discrete_resource_spec",
    Map(&[("!kind", TEXT), ("!value", INT)]),
)]));

const RESOURCES: Kind = Map(&[
    (
        "limits",
        Map(&[("cpus", FLOAT), ("memory", SIZE), ("pids", INT)]),
    ),
    (
        "reservations",
        Map(&[
            ("cpus", FLOAT),
            ("memory", SIZE),
            ("generic_resources", GENERIC),
            ("devices", List(&DEVICE_REQUEST)),
        ]),
    ),
]);

const RESTART_POLICY: Kind = Map(&[
    ("condition", Word(&["any", "none", "on-failure"])),
    ("delay", DURATION),
    ("max_attempts", INT),
    ("window", DURATION),
]);

const PLACEMENT: Kind = Map(&[
    ("constraints", TEXTS),
    ("preferences", List(&Map(&[("spread", TEXT)]))),
    ("max_replicas_per_node", INT),
]);

pub(super) const DEPLOY: Kind = Map(&[
    ("mode", Word(&["replicated", "global"])),
    ("endpoint_mode", Word(&["vip", "dnsrr"])),
    ("replicas", INT),
    ("labels", FULL_PAIRS),
    ("update_config", UPDATE),
    ("rollback_config", UPDATE),
    ("restart_policy", RESTART_POLICY),
    ("placement", PLACEMENT),
    ("resources", RESOURCES),
    ("x-d", OWN),
]);

const WATCH: Kind = Map(&[
    ("!path", PATHS),
    (
        "!action",
        Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]),
    ),
    ("!target", Word(&["/t"])),
    ("ignore", TEXT_OR_TEXTS),
    ("include", TEXT_OR_TEXTS),
    ("initial_sync", Word(&["true", "false"])),
    ("exec", HOOK),
]);

pub(super) const DEVELOP: Kind = Map(&[("watch", List(&WATCH))]);

pub(super) const PORT: Kind = Either(&[
    Word(&[
        "80",
        "'80'",
        "'80:80'",
        "'8080:80'",
        "'127.0.0.1:80:80'",
        "'53:53/udp'",
        "'3000-3002'",
        "'8000-8002:8000-8002'",
        "'8000-8010:80'",
        "'127.0.0.1::81'",
        "'[::1]:90:90'",
        "'${U:-81}:81'",
        "'x:80'",
        "'1-2:1-3'",
    ]),
    Map(&[
        ("name", TEXT),
        ("mode", Word(&["host", "ingress"])),
        ("!target", Word(&["80", "'81'", "90"])),
        ("published", Word(&["80", "'81'", "'8000-8010'"])),
        ("host_ip", Word(&["127.0.0.1", "'::1'"])),
        ("protocol", Word(&["tcp", "udp"])),
        ("app_protocol", Word(&["http"])),
    ]),
]);

const BIND: Kind = Map(&[
    ("propagation", Word(&["rslave"])),
    ("create_host_path", BOOL),
    ("recursive", Word(&["enabled"])),
    ("selinux", Word(&["z"])),
]);

const MOUNTED_VOLUME: Kind = Map(&[("nocopy", BOOL), ("subpath", TEXT), ("labels", FULL_PAIRS)]);

/// No volume has a name of one letter: that reads as a Windows drive, where Tercio means to differ.
pub(super) const MOUNT: Kind = Either(&[
    Word(&[
        "/anon",
        "'vv:/a'",
        "'ww:/a:ro'",
        "'./d:/d'",
        "'../u:/d/'",
        "'~/h:/h'",
        "'/x:/y:z,ro'",
        "'vv:/n:nocopy'",
        "'.:/e'",
        "'/p:/p:rshared'",
        "'/a/../b:/c/../d'",
        "'vv:/a/'",
    ]),
    Map(&[
        (
            "!type",
            Word(&["volume", "bind", "tmpfs", "image", "cluster", "npipe"]),
        ),
        ("!source", Word(&["vv", "./d", "/abs", "~/h"])),
        ("!target", Word(&["/a", "/b", "/d/", "rel"])),
        ("read_only", BOOL),
        ("consistency", Word(&["cached"])),
        ("bind", BIND),
        ("volume", MOUNTED_VOLUME),
        ("tmpfs", Map(&[("size", SIZE), ("mode", MODE)])),
        ("image", Map(&[("subpath", TEXT)])),
        ("x-m", OWN),
    ]),
]);

const ATTACHMENT: Kind = Map(&[
    ("aliases", TEXTS),
    ("ipv4_address", Word(&["10.0.0.7"])),
    ("ipv6_address", Word(&["'::7'"])),
    ("link_local_ips", List(&Word(&["1.1.1.1", "2.2.2.2"]))),
    ("mac_address", Word(&["'02:42:ac:11:65:43'"])),
    ("interface_name", Word(&["eth7"])),
    ("driver_opts", OPTIONS),
    ("priority", Word(&["0", "5"])),
    ("gw_priority", Word(&["0", "5"])),
]);

pub(super) const NETWORKS: Kind = Either(&[
    List(&Word(&["n", "m", "default"])),
    Named(&["n", "m", "default"], &Either(&[Word(&[""]), ATTACHMENT])),
]);

pub(super) const HEALTHCHECK: Kind = Map(&[
    (
        "test",
        Either(&[TEXT, List(&Word(&["CMD", "CMD-SHELL", "NONE", "a"]))]),
    ),
    ("interval", DURATION),
    ("timeout", DURATION),
    ("start_period", DURATION),
    ("start_interval", DURATION),
    ("retries", INT),
    ("disable", BOOL),
]);
