//! What no engine can do is the spec's fault, said at once and not tried for ever.

use lab_converge::ActionKind;
use lab_types::{Device, TaskSpec};
use node_agent::engine::Kind;

use super::bed::{Bed, shell, start_of};

/// Made and started, or why not.
async fn refusal(bed: &Bed, service: &str, change: impl FnOnce(&mut TaskSpec)) -> (Kind, String) {
    let mut spec = shell("exec sleep 600");
    change(&mut spec);
    let create = bed.create(service, &spec);
    let made = bed
        .execute(ActionKind::CreateContainer(Box::new(create)))
        .await;
    let error = match made {
        Err(error) => error,
        Ok(made) => bed.execute(start_of(&made.unwrap())).await.unwrap_err(),
    };
    (error.kind, error.message)
}

#[tokio::test]
async fn a_setting_that_the_engine_refuses_is_the_specs_fault() {
    let bed = Bed::new().await;
    let refusals = [
        (
            "no such runtime",
            refusal(&bed, "a", |spec| {
                spec.isolation.runtime = Some("warp".to_owned())
            })
            .await,
        ),
        (
            "no such log driver",
            refusal(&bed, "b", |spec| {
                spec.logging.driver = Some("pigeon".to_owned())
            })
            .await,
        ),
        (
            "no such capability",
            refusal(&bed, "c", |spec| {
                spec.security.cap_add = ["FLY".to_owned()].into();
            })
            .await,
        ),
        (
            "no such setting of the kernel",
            refusal(&bed, "d", |spec| {
                spec.security.sysctls = [("net.warp".to_owned(), "9".to_owned())].into();
            })
            .await,
        ),
        (
            "no such CPU",
            refusal(&bed, "e", |spec| {
                spec.limits.cpuset = Some("900".to_owned())
            })
            .await,
        ),
        (
            "too little memory",
            refusal(&bed, "f", |spec| spec.limits.memory_bytes = Some(1000)).await,
        ),
        (
            "no such device",
            refusal(&bed, "g", |spec| {
                spec.devices.mapped = vec![Device {
                    host_path: "/dev/warp".to_owned(),
                    container_path: "/dev/warp".to_owned(),
                    permissions: lab_types::DevicePermissions::default(),
                }];
            })
            .await,
        ),
        (
            "no such user",
            refusal(&bed, "h", |spec| {
                spec.process.user = Some("nobody-here".to_owned())
            })
            .await,
        ),
        (
            "no such signal",
            refusal(&bed, "i", |spec| {
                spec.process.stop_signal = Some("SIGWARP".to_owned())
            })
            .await,
        ),
        (
            "no driver for the devices",
            refusal(&bed, "j", |spec| {
                spec.devices.requests = vec![lab_types::DeviceRequest {
                    driver: None,
                    choice: lab_types::DeviceChoice::All,
                    capabilities: ["gpu".to_owned()].into(),
                    options: std::collections::BTreeMap::new(),
                }];
            })
            .await,
        ),
        (
            "no such storage",
            refusal(&bed, "k", |spec| {
                spec.storage.options = [("size".to_owned(), "1G".to_owned())].into();
            })
            .await,
        ),
        ("an address on a network without a subnet of its own", {
            let name = bed.name("plain");
            bed.network(&name).await;
            let endpoint = lab_types::Endpoint {
                ipv4_address: Some("10.9.9.9".parse().unwrap()),
                ..lab_types::Endpoint::default()
            };
            let joined = lab_types::NetworkAttachment {
                network: lab_types::NetworkName::new("plain").unwrap(),
                engine_name: name,
                aliases: Vec::new(),
                endpoint,
            };
            refusal(&bed, "l", |spec| spec.networks = vec![joined]).await
        }),
    ];
    for (what, (kind, message)) in refusals {
        assert_eq!(kind, Kind::BadSpec, "{what}: {message}");
    }
}

/// The agent knows what the engine is, and so which settings it would drop without a word.
#[tokio::test]
async fn a_look_at_the_engine_tells_which_api_it_speaks() {
    let bed = Bed::new().await;
    let facts = bed.observe().await.facts.unwrap();
    assert_eq!(&facts, bed.engine.facts());
    assert!(
        facts.api().unwrap() >= lab_types::ApiVersion::MIN,
        "{facts:?}"
    );
}
