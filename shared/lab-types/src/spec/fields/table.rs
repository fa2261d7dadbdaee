//! The rows.

use super::super::{MountSource, MountsBelow, TaskSpec, VolumeOptions};
use super::{EngineField, field};

/// All of it, by noun. What is not in here is not for the engine: `restart` (the agent restarts),
/// `reservation`, `exclusive` and `platforms` (for placement).
pub const ENGINE_FIELDS: &[EngineField] = &[
    field("image", "image", "Image"),
    field("build", "image_id", "Image"),
    field("command", "command", "Cmd"),
    field("entrypoint", "entrypoint", "Entrypoint"),
    field("environment", "environment", "Env"),
    field("labels", "labels", "Labels"),
    field("annotations", "annotations", "HostConfig.Annotations")
        .since(43, |spec| !spec.annotations.is_empty()),
    field("user", "process.user", "User"),
    field("working_dir", "process.working_dir", "WorkingDir"),
    field("tty", "process.terminal", "Tty"),
    field("stdin_open", "process.stdin", "OpenStdin"),
    field("init", "process.init", "HostConfig.Init"),
    field("stop_signal", "process.stop_signal", "StopSignal"),
    field("stop_grace_period", "stop_grace", "StopTimeout"),
    field("healthcheck.test", "healthcheck.test", "Healthcheck.Test"),
    field(
        "healthcheck.interval",
        "healthcheck.interval",
        "Healthcheck.Interval",
    ),
    field(
        "healthcheck.timeout",
        "healthcheck.timeout",
        "Healthcheck.Timeout",
    ),
    field(
        "healthcheck.retries",
        "healthcheck.retries",
        "Healthcheck.Retries",
    ),
    field(
        "healthcheck.start_period",
        "healthcheck.start_period",
        "Healthcheck.StartPeriod",
    ),
    field(
        "healthcheck.start_interval",
        "healthcheck.start_interval",
        "Healthcheck.StartInterval",
    )
    .since(44, has_start_interval),
    // Names.
    field("hostname", "host_names.hostname", "Hostname"),
    field("domainname", "host_names.domainname", "Domainname"),
    field(
        "extra_hosts",
        "host_names.extra_hosts",
        "HostConfig.ExtraHosts",
    ),
    field("dns", "host_names.dns_servers", "HostConfig.Dns"),
    field("dns_opt", "host_names.dns_options", "HostConfig.DnsOptions"),
    field(
        "dns_search",
        "host_names.dns_search",
        "HostConfig.DnsSearch",
    ),
    // Networks.
    field("ports", "ports", "HostConfig.PortBindings"),
    field("expose", "expose", "ExposedPorts"),
    field("network_mode", "network_mode", "HostConfig.NetworkMode"),
    field(
        "networks",
        "networks[].engine_name",
        "NetworkingConfig.EndpointsConfig",
    ),
    field(
        "networks.*.aliases",
        "networks[].aliases",
        "NetworkingConfig.EndpointsConfig.*.Aliases",
    ),
    field(
        "networks.*.ipv4_address",
        "networks[].endpoint.ipv4_address",
        "NetworkingConfig.EndpointsConfig.*.IPAMConfig.IPv4Address",
    ),
    field(
        "networks.*.ipv6_address",
        "networks[].endpoint.ipv6_address",
        "NetworkingConfig.EndpointsConfig.*.IPAMConfig.IPv6Address",
    ),
    field(
        "networks.*.link_local_ips",
        "networks[].endpoint.link_local_addresses",
        "NetworkingConfig.EndpointsConfig.*.IPAMConfig.LinkLocalIPs",
    ),
    // An address of the container's own before 1.44, of one end since.
    field(
        "mac_address",
        "networks[].endpoint.mac_address",
        "MacAddress or NetworkingConfig.EndpointsConfig.*.MacAddress",
    ),
    // Further networks are joined by a call of their own, which dropped it for long.
    field(
        "networks.*.mac_address, of a further network",
        "networks[+].endpoint.mac_address",
        "NetworkingConfig.EndpointsConfig.*.MacAddress",
    )
    .since(54, has_further_mac),
    field(
        "networks.*.driver_opts",
        "networks[].endpoint.driver_options",
        "NetworkingConfig.EndpointsConfig.*.DriverOpts",
    ),
    field(
        "networks.*.gw_priority",
        "networks[].endpoint.gateway_priority",
        "NetworkingConfig.EndpointsConfig.*.GwPriority",
    )
    .since(48, |spec| {
        spec.networks
            .iter()
            .any(|n| n.endpoint.gateway_priority.is_some())
    }),
    field(
        "networks.*.interface_name",
        "networks[].endpoint.interface_name",
        "NetworkingConfig.EndpointsConfig.*.DriverOpts",
    )
    .since(49, |spec| {
        spec.networks
            .iter()
            .any(|n| n.endpoint.interface_name.is_some())
    }),
    // Mounts. The engine has two notations; `Binds` is the only one that makes a missing folder before
    // 1.42, and the only one that knows SELinux.
    field(
        "volumes[].source",
        "mounts[].source.engine_name",
        "HostConfig.Mounts[].Source",
    ),
    field(
        "volumes[].source",
        "mounts[].source.path",
        "HostConfig.Mounts[].Source or HostConfig.Binds",
    ),
    field(
        "volumes[].target",
        "mounts[].target",
        "HostConfig.Mounts[].Target or HostConfig.Binds",
    ),
    field(
        "volumes[].read_only",
        "mounts[].read_only",
        "HostConfig.Mounts[].ReadOnly or HostConfig.Binds",
    ),
    field(
        "volumes[].volume.nocopy",
        "mounts[].source.options.filling",
        "HostConfig.Mounts[].VolumeOptions.NoCopy",
    ),
    field(
        "volumes[].volume.nocopy, unnamed",
        "mounts[].source.filling",
        "HostConfig.Mounts[].VolumeOptions.NoCopy",
    ),
    field(
        "volumes[].volume.labels, unnamed",
        "mounts[].source.labels",
        "HostConfig.Mounts[].VolumeOptions.Labels",
    ),
    field(
        "volumes[].volume.subpath",
        "mounts[].source.options.subpath",
        "HostConfig.Mounts[].VolumeOptions.Subpath",
    )
    .since(45, has_subpath),
    field(
        "volumes[].bind.create_host_path",
        "mounts[].source.create_host_path",
        "HostConfig.Binds",
    ),
    field(
        "volumes[].bind.create_host_path, with `recursive`",
        "mounts[].source.create_host_path",
        "HostConfig.Mounts[].BindOptions.CreateMountpoint",
    )
    .since(42, makes_path_with_recursion),
    field(
        "volumes[].bind.propagation",
        "mounts[].source.options.propagation",
        "HostConfig.Mounts[].BindOptions.Propagation or HostConfig.Binds",
    ),
    field(
        "volumes[].bind.selinux",
        "mounts[].source.options.selinux",
        "HostConfig.Binds",
    ),
    field(
        "volumes[].bind.recursive: disabled",
        "mounts[].source.options.below=hidden",
        "HostConfig.Mounts[].BindOptions.NonRecursive",
    ),
    field(
        "volumes[].bind.recursive: writable",
        "mounts[].source.options.below=shown_writable",
        "HostConfig.Mounts[].BindOptions.ReadOnlyNonRecursive",
    )
    .since(44, |spec| binds(spec, MountsBelow::ShownWritable)),
    field(
        "volumes[].bind.recursive: readonly",
        "mounts[].source.options.below=shown_read_only",
        "HostConfig.Mounts[].BindOptions.ReadOnlyForceRecursive",
    )
    .since(44, |spec| binds(spec, MountsBelow::ShownReadOnly)),
    field(
        "volumes[].tmpfs.size",
        "mounts[].source.size_bytes",
        "HostConfig.Mounts[].TmpfsOptions.SizeBytes",
    ),
    field(
        "volumes[].tmpfs.mode",
        "mounts[].source.mode",
        "HostConfig.Mounts[].TmpfsOptions.Mode",
    ),
    field("tmpfs", "storage.tmpfs", "HostConfig.Tmpfs"),
    field("storage_opt", "storage.options", "HostConfig.StorageOpt"),
    field(
        "logging.driver",
        "logging.driver",
        "HostConfig.LogConfig.Type",
    ),
    field(
        "logging.options",
        "logging.options",
        "HostConfig.LogConfig.Config",
    ),
    // Limits.
    field("cpus", "limits.nano_cpus", "HostConfig.NanoCpus"),
    field("cpu_shares", "limits.cpu_shares", "HostConfig.CpuShares"),
    field("cpu_period", "limits.cpu_period_us", "HostConfig.CpuPeriod"),
    field("cpu_quota", "limits.cpu_quota_us", "HostConfig.CpuQuota"),
    field(
        "cpu_rt_period",
        "limits.cpu_realtime_period_us",
        "HostConfig.CpuRealtimePeriod",
    ),
    field(
        "cpu_rt_runtime",
        "limits.cpu_realtime_quota_us",
        "HostConfig.CpuRealtimeRuntime",
    ),
    field("cpuset", "limits.cpuset", "HostConfig.CpusetCpus"),
    field("mem_limit", "limits.memory_bytes", "HostConfig.Memory"),
    field(
        "mem_reservation",
        "limits.memory_reservation_bytes",
        "HostConfig.MemoryReservation",
    ),
    field(
        "memswap_limit",
        "limits.memory_and_swap_bytes",
        "HostConfig.MemorySwap",
    ),
    field(
        "mem_swappiness",
        "limits.memory_swappiness_percent",
        "HostConfig.MemorySwappiness",
    ),
    field(
        "oom_kill_disable",
        "limits.oom_killer",
        "HostConfig.OomKillDisable",
    ),
    field(
        "oom_score_adj",
        "limits.oom_score_adjust",
        "HostConfig.OomScoreAdj",
    ),
    field("pids_limit", "limits.pids", "HostConfig.PidsLimit"),
    field("shm_size", "limits.shm_bytes", "HostConfig.ShmSize"),
    field("ulimits", "limits.ulimits", "HostConfig.Ulimits"),
    field(
        "blkio_config.weight",
        "limits.block_io.weight",
        "HostConfig.BlkioWeight",
    ),
    field(
        "blkio_config.weight_device",
        "limits.block_io.device_weights",
        "HostConfig.BlkioWeightDevice",
    ),
    field(
        "blkio_config.device_read_bps",
        "limits.block_io.read_bytes_per_second",
        "HostConfig.BlkioDeviceReadBps",
    ),
    field(
        "blkio_config.device_write_bps",
        "limits.block_io.write_bytes_per_second",
        "HostConfig.BlkioDeviceWriteBps",
    ),
    field(
        "blkio_config.device_read_iops",
        "limits.block_io.reads_per_second",
        "HostConfig.BlkioDeviceReadIOps",
    ),
    field(
        "blkio_config.device_write_iops",
        "limits.block_io.writes_per_second",
        "HostConfig.BlkioDeviceWriteIOps",
    ),
    field(
        "cgroup_parent",
        "limits.cgroup_parent",
        "HostConfig.CgroupParent",
    ),
    // Security.
    field("privileged", "security.privileges", "HostConfig.Privileged"),
    field("cap_add", "security.cap_add", "HostConfig.CapAdd"),
    field("cap_drop", "security.cap_drop", "HostConfig.CapDrop"),
    field("security_opt", "security.options", "HostConfig.SecurityOpt"),
    field("group_add", "security.groups", "HostConfig.GroupAdd"),
    field("sysctls", "security.sysctls", "HostConfig.Sysctls"),
    field("read_only", "security.root", "HostConfig.ReadonlyRootfs"),
    field("ipc", "isolation.ipc", "HostConfig.IpcMode"),
    field("pid", "isolation.pid", "HostConfig.PidMode"),
    field("uts", "isolation.uts", "HostConfig.UTSMode"),
    field("userns_mode", "isolation.user", "HostConfig.UsernsMode"),
    field("cgroup", "isolation.cgroup", "HostConfig.CgroupnsMode"),
    field("runtime", "isolation.runtime", "HostConfig.Runtime"),
    field("devices", "devices.mapped", "HostConfig.Devices"),
    field(
        "device_cgroup_rules",
        "devices.cgroup_rules",
        "HostConfig.DeviceCgroupRules",
    ),
    field("gpus", "devices.requests", "HostConfig.DeviceRequests"),
    field(
        "deploy.resources.reservations.devices",
        "devices.requests",
        "HostConfig.DeviceRequests",
    ),
];

fn has_start_interval(spec: &TaskSpec) -> bool {
    let check = spec.healthcheck.as_ref();
    check.is_some_and(|check| check.start_interval.is_some())
}

fn has_further_mac(spec: &TaskSpec) -> bool {
    let mut further = spec.networks.iter().skip(1);
    further.any(|joined| joined.endpoint.mac_address.is_some())
}

fn has_subpath(spec: &TaskSpec) -> bool {
    let subpath = |source: &MountSource| match source {
        MountSource::Volume {
            options: VolumeOptions { subpath, .. },
            ..
        } => subpath.is_some(),
        MountSource::Anonymous { .. } | MountSource::Bind { .. } | MountSource::Tmpfs { .. } => {
            false
        }
    };
    spec.mounts.iter().any(|mount| subpath(&mount.source))
}

fn makes_path_with_recursion(spec: &TaskSpec) -> bool {
    spec.mounts.iter().any(|mount| match &mount.source {
        MountSource::Bind {
            create_host_path,
            options,
            ..
        } => *create_host_path && options.below != MountsBelow::Shown,
        MountSource::Volume { .. } | MountSource::Anonymous { .. } | MountSource::Tmpfs { .. } => {
            false
        }
    })
}

fn binds(spec: &TaskSpec, below: MountsBelow) -> bool {
    spec.mounts.iter().any(|mount| match &mount.source {
        MountSource::Bind { options, .. } => options.below == below,
        MountSource::Volume { .. } | MountSource::Anonymous { .. } | MountSource::Tmpfs { .. } => {
            false
        }
    })
}
