//! A container's ends of its networks, as they show inside.

use std::collections::HashMap;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use lab_types::{Endpoint, EngineName, NetworkAttachment, NetworkMode, NetworkName, TaskSpec};

use super::bed::{Bed, shell};

/// A network with addresses of its own, as a user's external one.
async fn network(bed: &Bed, name: &EngineName, subnet: &str) {
    let config = IpamConfig {
        subnet: Some(subnet.to_owned()),
        ..IpamConfig::default()
    };
    let request = NetworkCreateRequest {
        name: name.to_string(),
        ipam: Some(Ipam {
            config: Some(vec![config]),
            ..Ipam::default()
        }),
        labels: Some(bed.foreign_labels()),
        ..NetworkCreateRequest::default()
    };
    bed.docker.create_network(request).await.unwrap();
}

fn attach(name: &EngineName, endpoint: Endpoint) -> NetworkAttachment {
    NetworkAttachment {
        network: NetworkName::new("n").unwrap(),
        engine_name: name.clone(),
        aliases: Vec::new(),
        endpoint,
    }
}

#[tokio::test]
async fn addresses_are_those_of_the_spec_on_the_first_network_and_on_further_ones() {
    let bed = Bed::new().await;
    let (front, back) = (bed.name("front"), bed.name("back"));
    network(&bed, &front, "10.213.77.0/28").await;
    network(&bed, &back, "10.213.78.0/28").await;
    let first = Endpoint {
        ipv4_address: Some("10.213.77.9".parse().unwrap()),
        mac_address: Some("02:42:0a:d5:4d:63".parse().unwrap()),
        link_local_addresses: vec!["169.254.8.8".parse().unwrap()],
        ..Endpoint::default()
    };
    let second = Endpoint {
        ipv4_address: Some("10.213.78.5".parse().unwrap()),
        ..Endpoint::default()
    };
    let spec = TaskSpec {
        networks: vec![attach(&front, first), attach(&back, second)],
        ..shell("exec sleep 600")
    };
    let running = bed.create_and_start("web", &spec).await;
    let seen = bed.says(&running, "ip -o -4 addr").await;
    for address in ["10.213.77.9/28", "10.213.78.5/28", "169.254.8.8/"] {
        assert!(seen.contains(address), "{seen}");
    }
    let end = seen.lines().find(|line| line.contains("10.213.77.9"));
    let end = end.unwrap().split_whitespace().nth(1).unwrap().to_owned();
    let line = format!("cat /sys/class/net/{end}/address");
    assert_eq!(bed.says(&running, &line).await, "02:42:0a:d5:4d:63");
}

#[tokio::test]
async fn words_for_the_networks_driver_reach_it() {
    let bed = Bed::new().await;
    let name = bed.name("front");
    bed.network(&name).await;
    let words = HashMap::from([("com.example.speed".to_owned(), "fast".to_owned())]);
    let endpoint = Endpoint {
        driver_options: words.clone().into_iter().collect(),
        ..Endpoint::default()
    };
    let spec = TaskSpec {
        networks: vec![attach(&name, endpoint)],
        ..shell("exec sleep 600")
    };
    let running = bed.create_and_start("web", &spec).await;
    let shown = bed.inspect(&running.id.0).await.network_settings.unwrap();
    let ends = shown.networks.unwrap();
    assert_eq!(ends[name.as_str()].driver_opts, Some(words));
}

#[tokio::test]
async fn a_container_may_have_no_network_or_the_nodes_own() {
    let bed = Bed::new().await;
    let seen = async |service, network_mode| {
        let spec = TaskSpec {
            network_mode,
            ..shell("exec sleep 600")
        };
        let running = bed.create_and_start(service, &spec).await;
        let line = "readlink /proc/self/ns/net; ls /sys/class/net";
        bed.says(&running, line).await
    };
    let host = std::fs::read_link("/proc/self/ns/net").unwrap();
    let host = host.to_str().unwrap();
    let none = seen("none", NetworkMode::None).await;
    assert!(none.ends_with("]\nlo") && !none.contains(host), "{none}");
    let usual = seen("usual", NetworkMode::Networks).await;
    assert!(usual.contains("\neth0") && !usual.contains(host), "{usual}");
    let shared = seen("host", NetworkMode::Host).await;
    assert!(shared.starts_with(host), "{shared}");
}
