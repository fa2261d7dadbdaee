//! A task's spec as the engine wants it.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, Mount as EngineMount,
    MountType, NetworkingConfig, PortBinding, PortMap, RestartPolicy, RestartPolicyNameEnum,
};
use lab_converge::CreateContainer;
use lab_types::{
    DurationMs, HealthCheck, HealthTest, Mount, MountSource, NetworkAttachment, PortPublish,
    TaskSpec,
};

use super::error::{Error, Kind};

/// Nanoseconds in a millisecond.
const NANOS: u64 = 1_000_000;

/// The body of the call that makes the container, joined to its first network.
///
/// # Errors
/// [`Kind::BadSpec`] for a path that the engine's notation cannot hold.
pub(super) fn body(create: &CreateContainer) -> Result<ContainerCreateBody, Error> {
    let spec = &create.spec;
    let environment = spec
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    Ok(ContainerCreateBody {
        image: Some(create.image.clone()),
        cmd: spec.command.clone(),
        entrypoint: spec.entrypoint.clone().map(entrypoint),
        env: Some(environment.collect()),
        labels: Some(create.labels.clone().into_iter().collect()),
        exposed_ports: Some(spec.ports.iter().map(port_key).collect()),
        healthcheck: spec.healthcheck.as_ref().map(healthcheck),
        stop_timeout: Some(seconds(spec.stop_grace)),
        host_config: Some(host_config(spec)?),
        networking_config: spec.networks.first().map(|first| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(
                first.engine_name.to_string(),
                endpoint(first),
            )])),
        }),
        ..ContainerCreateBody::default()
    })
}

/// How the container is found on a network.
pub(super) fn endpoint(attachment: &NetworkAttachment) -> EndpointSettings {
    EndpointSettings {
        aliases: Some(attachment.aliases.clone()),
        ..EndpointSettings::default()
    }
}

/// The engine counts in seconds; a started one counts whole.
pub(super) fn seconds(duration: DurationMs) -> i64 {
    i64::try_from(duration.0.div_ceil(1000)).unwrap_or(i64::MAX)
}

/// An empty list means "none", which the engine writes as one empty word.
fn entrypoint(words: Vec<String>) -> Vec<String> {
    match words.is_empty() {
        true => vec![String::new()],
        false => words,
    }
}

fn host_config(spec: &TaskSpec) -> Result<HostConfig, Error> {
    let (mut binds, mut mounts) = (Vec::new(), Vec::new());
    for mount in &spec.mounts {
        match mounted(mount)? {
            Mounted::Bind(bind) => binds.push(bind),
            Mounted::Mount(mount) => mounts.push(*mount),
        }
    }
    Ok(HostConfig {
        binds: Some(binds),
        mounts: Some(mounts),
        port_bindings: Some(port_bindings(&spec.ports)),
        network_mode: spec
            .networks
            .first()
            .map(|first| first.engine_name.to_string()),
        // The agent alone restarts: two that do would count attempts differently.
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        ..HostConfig::default()
    })
}

enum Mounted {
    /// The old notation: the only one by which engines before 23.0 make a missing folder.
    Bind(String),
    Mount(Box<EngineMount>),
}

fn mounted(mount: &Mount) -> Result<Mounted, Error> {
    let (typ, source) = match &mount.source {
        MountSource::Volume { engine_name, .. } => {
            (MountType::VOLUME, Some(engine_name.to_string()))
        }
        MountSource::Anonymous => (MountType::VOLUME, None),
        MountSource::Bind {
            path,
            create_host_path: false,
        } => (MountType::BIND, Some(path.clone())),
        MountSource::Bind {
            path,
            create_host_path: true,
        } => return bind(path, mount).map(Mounted::Bind),
    };
    Ok(Mounted::Mount(Box::new(EngineMount {
        target: Some(mount.target.clone()),
        source,
        typ: Some(typ),
        read_only: Some(mount.read_only),
        ..EngineMount::default()
    })))
}

fn bind(path: &str, mount: &Mount) -> Result<String, Error> {
    if [path, &mount.target].iter().any(|part| part.contains(':')) {
        let message = format!(
            "cannot mount {path} at {}: with a colon in it, a path must exist already \
             (`create_host_path: false`)",
            mount.target
        );
        return Err(Error::new(Kind::BadSpec, message));
    }
    let mode = if mount.read_only { "ro" } else { "rw" };
    Ok(format!("{path}:{}:{mode}", mount.target))
}

fn port_key(port: &PortPublish) -> String {
    format!("{}/{}", port.target, port.protocol)
}

fn port_bindings(ports: &[PortPublish]) -> PortMap {
    let mut bindings = PortMap::new();
    for port in ports {
        let binding = PortBinding {
            host_ip: port.host_ip.clone(),
            // Empty: any free one.
            host_port: Some(
                port.published
                    .map(|port| port.to_string())
                    .unwrap_or_default(),
            ),
        };
        bindings
            .entry(port_key(port))
            .or_default()
            .get_or_insert_default()
            .push(binding);
    }
    bindings
}

fn healthcheck(check: &HealthCheck) -> HealthConfig {
    let test = match &check.test {
        HealthTest::Disabled => vec!["NONE".to_owned()],
        HealthTest::Exec { argv } => std::iter::once("CMD".to_owned())
            .chain(argv.clone())
            .collect(),
        HealthTest::Shell { line } => vec!["CMD-SHELL".to_owned(), line.clone()],
    };
    HealthConfig {
        test: Some(test),
        interval: check.interval.map(nanos),
        timeout: check.timeout.map(nanos),
        retries: check.retries.map(i64::from),
        start_period: check.start_period.map(nanos),
        ..HealthConfig::default()
    }
}

fn nanos(duration: DurationMs) -> i64 {
    i64::try_from(duration.0.saturating_mul(NANOS)).unwrap_or(i64::MAX)
}
