//! A task's spec as the engine wants it. Which field goes where is said by `lab_types::ENGINE_FIELDS`,
//! and the tests hold the two together.

mod limits;
mod mounts;
mod networks;
mod security;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::Docker;
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, PortBinding, PortMap,
    RestartPolicy, RestartPolicyNameEnum,
};
use bytes::Bytes;
use lab_converge::CreateContainer;
use lab_types::{
    ApiVersion, DurationMs, ExposedPort, HealthCheck, HealthTest, HostNames, Init, Logging,
    MacAddress, PortPublish, Process, Stdin, Storage, TaskSpec, Terminal,
};

use super::error::{Error, Kind};

pub(super) use networks::endpoint;

/// Nanoseconds in a millisecond.
const NANOS: u64 = 1_000_000;

/// The call that makes a container, joined to its first network.
pub(super) struct Request {
    /// Its body.
    pub(super) body: ContainerCreateBody,
    /// The container's hardware address, for an API in which the container has it and not its end of
    /// a network.
    container_mac: Option<MacAddress>,
}

/// What is asked of an engine that speaks `api`.
///
/// # Errors
/// [`Kind::BadSpec`] for what the engine's notation cannot hold.
pub(super) fn request(create: &CreateContainer, api: ApiVersion) -> Result<Request, Error> {
    let spec = &create.spec;
    let environment = spec.environment.iter();
    let exposed: BTreeSet<String> = spec
        .ports
        .iter()
        .map(port_key)
        .chain(spec.expose.iter().map(exposed_key))
        .collect();
    let Process {
        user,
        working_dir,
        terminal,
        stdin,
        init: _,
        stop_signal,
    } = spec.process.clone();
    let body = ContainerCreateBody {
        image: Some(create.image.clone()),
        cmd: spec.command.clone(),
        entrypoint: spec.entrypoint.clone().map(entrypoint),
        env: Some(
            environment
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        ),
        labels: Some(create.labels.clone().into_iter().collect()),
        exposed_ports: Some(exposed.into_iter().collect()),
        healthcheck: spec.healthcheck.as_ref().map(healthcheck),
        stop_timeout: Some(seconds(spec.stop_grace)),
        stop_signal,
        user,
        working_dir,
        tty: (terminal == Terminal::Tty).then_some(true),
        open_stdin: (stdin == Stdin::Open).then_some(true),
        hostname: spec.host_names.hostname.clone(),
        domainname: spec.host_names.domainname.clone(),
        host_config: Some(host_config(spec)?),
        networking_config: networks::config(spec, api),
        ..ContainerCreateBody::default()
    };
    Ok(Request {
        body,
        container_mac: networks::container_mac(spec, api),
    })
}

impl Request {
    /// The connection by which it goes: a container's own hardware address has no place in the client's
    /// types, which are those of a newer API.
    pub(super) fn carrier(&self, docker: Docker) -> Docker {
        if self.container_mac.is_none() {
            return docker;
        }
        let bytes = Bytes::from(self.json().to_string());
        docker.with_request_modifier(move |request| {
            request.map(|_| bollard::body_full(bytes.clone()))
        })
    }

    /// The body as it goes.
    fn json(&self) -> serde_json::Value {
        let mut json = serde_json::to_value(&self.body)
            .expect("invariant: the body is strings, numbers, lists and maps of them");
        if let Some(mac) = self.container_mac {
            json["MacAddress"] = mac.to_string().into();
        }
        json
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
    let HostNames {
        hostname: _,
        domainname: _,
        extra_hosts,
        dns_servers,
        dns_options,
        dns_search,
    } = &spec.host_names;
    let Storage { tmpfs, options } = &spec.storage;
    let hosts = extra_hosts.iter();
    let hosts = hosts.map(|host| format!("{}:{}", host.name, host.address));
    let config = HostConfig {
        port_bindings: Some(port_bindings(&spec.ports)),
        network_mode: networks::mode(spec),
        // The agent alone restarts: two that do would count attempts differently.
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        init: match spec.process.init {
            Init::EngineDefault => None,
            Init::Added => Some(true),
            Init::LeftOut => Some(false),
        },
        extra_hosts: said(hosts),
        dns: said(dns_servers.iter().map(ToString::to_string)),
        dns_options: said(dns_options.iter().cloned()),
        dns_search: said(dns_search.iter().cloned()),
        tmpfs: said_map(tmpfs),
        storage_opt: said_map(options),
        log_config: logging(&spec.logging),
        annotations: said_map(&spec.annotations),
        ..HostConfig::default()
    };
    let config = mounts::add(config, &spec.mounts)?;
    let config = limits::add(config, &spec.limits);
    let config = security::add(config, &spec.security);
    let config = security::add_isolation(config, &spec.isolation);
    Ok(security::add_devices(config, &spec.devices))
}

fn logging(logging: &Logging) -> Option<HostConfigLogConfig> {
    let Logging { driver, options } = logging;
    (*logging != Logging::default()).then(|| HostConfigLogConfig {
        typ: driver.clone(),
        config: said_map(options),
    })
}

/// A list, unless nothing was said.
fn said<T>(items: impl IntoIterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<T> = items.into_iter().collect();
    (!items.is_empty()).then_some(items)
}

/// A map, unless nothing was said.
fn said_map(map: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!map.is_empty()).then(|| map.clone().into_iter().collect())
}

/// The engine's numbers have a sign, also where none is meant.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn exposed_key(port: &ExposedPort) -> String {
    format!("{}/{}", port.target, port.protocol)
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
        start_interval: check.start_interval.map(nanos),
    }
}

fn nanos(duration: DurationMs) -> i64 {
    i64::try_from(duration.0.saturating_mul(NANOS)).unwrap_or(i64::MAX)
}
