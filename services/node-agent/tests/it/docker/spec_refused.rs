//! What no engine can do is the spec's fault, said at once and not tried for ever.

use std::collections::BTreeMap;

use lab_converge::ActionKind;
use lab_types::{
    ApiVersion, Device, DeviceChoice, DevicePermissions, DeviceRequest, Endpoint,
    NetworkAttachment, NetworkName, TaskSpec,
};
use node_agent::engine::{self, Kind};

use super::bed::{Bed, shell, start_of};

/// Why it cannot be made and started.
async fn refusal(bed: &Bed, service: &str, spec: &TaskSpec) -> engine::Error {
    let create = bed.create(service, spec);
    let made = bed
        .execute(ActionKind::CreateContainer(Box::new(create)))
        .await;
    match made {
        Err(error) => error,
        Ok(made) => bed.execute(start_of(&made.unwrap())).await.unwrap_err(),
    }
}

/// What is wrong, and how a spec comes to ask for it.
type Fault = (&'static str, fn(&mut TaskSpec));

const FAULTS: &[Fault] = &[
    ("runtime", |spec| {
        spec.isolation.runtime = Some("warp".to_owned());
    }),
    ("log-driver", |spec| {
        spec.logging.driver = Some("pigeon".to_owned());
    }),
    ("capability", |spec| {
        spec.security.cap_add = ["FLY".to_owned()].into();
    }),
    ("kernel-setting", |spec| {
        spec.security.sysctls = [("net.warp".to_owned(), "9".to_owned())].into();
    }),
    ("cpu", |spec| spec.limits.cpuset = Some("900".to_owned())),
    ("memory", |spec| spec.limits.memory_bytes = Some(1000)),
    ("device", |spec| {
        spec.devices.mapped = vec![Device {
            host_path: "/dev/warp".to_owned(),
            container_path: "/dev/warp".to_owned(),
            permissions: DevicePermissions::default(),
        }];
    }),
    ("device-driver", |spec| {
        spec.devices.requests = vec![DeviceRequest {
            driver: None,
            choice: DeviceChoice::All,
            capabilities: ["gpu".to_owned()].into(),
            options: BTreeMap::new(),
        }];
    }),
    ("user", |spec| {
        spec.process.user = Some("nobody-here".to_owned());
    }),
    ("group", |spec| {
        spec.security.groups = ["nobody-here".to_owned()].into();
    }),
    ("signal", |spec| {
        spec.process.stop_signal = Some("SIGWARP".to_owned());
    }),
    ("storage", |spec| {
        spec.storage.options = [("warp".to_owned(), "9".to_owned())].into();
    }),
];

#[tokio::test]
async fn a_setting_that_the_engine_refuses_is_the_specs_fault() {
    let bed = Bed::new().await;
    for (what, ask) in FAULTS {
        let mut spec = shell("exec sleep 600");
        ask(&mut spec);
        let error = refusal(&bed, what, &spec).await;
        assert_eq!(error.kind, Kind::BadSpec, "{what}: {error}");
    }
}

#[tokio::test]
async fn an_address_of_a_network_without_a_subnet_of_its_own_is_the_specs_fault() {
    let bed = Bed::new().await;
    let engine_name = bed.name("plain");
    bed.network(&engine_name).await;
    let mut spec = shell("exec sleep 600");
    spec.networks = vec![NetworkAttachment {
        network: NetworkName::new("plain").unwrap(),
        engine_name,
        aliases: Vec::new(),
        endpoint: Endpoint {
            ipv4_address: Some("10.9.9.9".parse().unwrap()),
            ..Endpoint::default()
        },
    }];
    let error = refusal(&bed, "web", &spec).await;
    assert_eq!(error.kind, Kind::BadSpec, "{error}");
}

/// The agent knows what the engine is, and so which settings it would drop without a word.
#[tokio::test]
async fn a_look_at_the_engine_tells_which_api_it_speaks() {
    let bed = Bed::new().await;
    let facts = bed.observe().await.facts.unwrap();
    assert_eq!(&facts, bed.engine.facts());
    assert!(facts.api().unwrap() >= ApiVersion::MIN, "{facts:?}");
}
