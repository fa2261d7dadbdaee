//! What a container may do, what it shares with its node, and which devices it sees.

use bollard::models::{
    DeviceMapping, DeviceRequest as EngineRequest, HostConfig, HostConfigCgroupnsModeEnum,
};
use lab_types::{
    CgroupNamespace, DeviceChoice, DeviceRequest, Devices, IpcNamespace, Isolation, Namespace,
    Privileges, RootFilesystem, Security,
};

use super::{said, said_map};

/// Adds what its processes may do.
pub(super) fn add(config: HostConfig, security: &Security) -> HostConfig {
    let Security {
        privileges,
        cap_add,
        cap_drop,
        options,
        groups,
        sysctls,
        root,
    } = security;
    HostConfig {
        privileged: (*privileges == Privileges::All).then_some(true),
        cap_add: said(cap_add.iter().cloned()),
        cap_drop: said(cap_drop.iter().cloned()),
        security_opt: said(options.iter().cloned()),
        group_add: said(groups.iter().cloned()),
        sysctls: said_map(sysctls),
        readonly_rootfs: (*root == RootFilesystem::ReadOnly).then_some(true),
        ..config
    }
}

/// Adds what it shares with its node.
pub(super) fn add_isolation(config: HostConfig, isolation: &Isolation) -> HostConfig {
    let Isolation {
        ipc,
        pid,
        uts,
        user,
        cgroup,
        runtime,
    } = isolation;
    let ipc = ipc.map(|ipc| match ipc {
        IpcNamespace::None => "none",
        IpcNamespace::Private => "private",
        IpcNamespace::Shareable => "shareable",
        IpcNamespace::Host => "host",
    });
    HostConfig {
        ipc_mode: ipc.map(str::to_owned),
        pid_mode: host(*pid),
        uts_mode: host(*uts),
        userns_mode: host(*user),
        cgroupns_mode: cgroup.map(|cgroup| match cgroup {
            CgroupNamespace::Private => HostConfigCgroupnsModeEnum::PRIVATE,
            CgroupNamespace::Host => HostConfigCgroupnsModeEnum::HOST,
        }),
        runtime: runtime.clone(),
        ..config
    }
}

fn host(namespace: Namespace) -> Option<String> {
    match namespace {
        Namespace::Own => None,
        Namespace::Host => Some("host".to_owned()),
    }
}

/// Adds its devices.
pub(super) fn add_devices(config: HostConfig, devices: &Devices) -> HostConfig {
    let Devices {
        mapped,
        cgroup_rules,
        requests,
    } = devices;
    let mapped = mapped.iter().map(|device| DeviceMapping {
        path_on_host: Some(device.host_path.clone()),
        path_in_container: Some(device.container_path.clone()),
        cgroup_permissions: Some(device.permissions.to_string()),
    });
    HostConfig {
        devices: said(mapped),
        device_cgroup_rules: said(cgroup_rules.iter().cloned()),
        device_requests: said(requests.iter().map(request)),
        ..config
    }
}

fn request(request: &DeviceRequest) -> EngineRequest {
    let DeviceRequest {
        driver,
        choice,
        capabilities,
        options,
    } = request;
    let (count, device_ids) = match choice {
        // The engine's word for all is -1.
        DeviceChoice::All => (Some(-1), None),
        DeviceChoice::Count(count) => (Some(i64::from(*count)), None),
        DeviceChoice::Ids(ids) => (None, said(ids.iter().cloned())),
    };
    EngineRequest {
        driver: driver.clone(),
        count,
        device_ids,
        // A list of lists: one of the inner ones must hold whole.
        capabilities: said(capabilities.iter().cloned()).map(|all| vec![all]),
        options: said_map(options),
    }
}
