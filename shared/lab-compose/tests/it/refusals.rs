//! What Compose allows and Tercio cannot act on: no error of reading, an error for whoever acts.

use expect_test::expect;

use crate::support::Files;

const FILE: &str = "\
services:
  web:
    image: nginx
    privileged: true
    networks: {front: {ipv4_address: 10.0.0.5}}
    volumes: [\"data:/data:nocopy\"]
    secrets: [token]
    tty: false
  idle:
    image: nginx
    network_mode: host
networks:
  front: {internal: true}
  unused: {driver: overlay}
volumes: {data: {driver_opts: {o: bind}}}
secrets: {token: {file: ./token}}
";

#[test]
fn a_file_that_cannot_be_acted_on_is_printed_in_full() {
    let (config, findings) = Files::one(FILE).loaded().to_print();
    assert_eq!(findings, []);
    let yaml = config.expect("Compose allows it").to_yaml();
    for line in [
        "    privileged: true\n",
        "        ipv4_address: 10.0.0.5\n",
        "          nocopy: true\n",
        "        target: /run/secrets/token\n",
        "    network_mode: host\n",
        "    internal: true\n",
        "      o: bind\n",
        "    file: /srv/demo/token\n",
    ] {
        assert!(yaml.contains(line), "{line}{yaml}");
    }
    assert!(!yaml.contains("unused"), "{yaml}");
}

#[test]
fn whoever_acts_is_told_each_attribute_by_name_and_place() {
    let (project, _) = Files::one(FILE).load();
    assert!(project.is_none());
    expect![[r#"
        compose.yml:5:24 CMP0006 Tercio does not support services.web.networks.front.ipv4_address yet
        compose.yml:7:5 CMP0006 Tercio does not support services.web.secrets yet
        compose.yml:13:11 CMP0006 Tercio does not support networks.front.internal yet
        compose.yml:15:18 CMP0006 Tercio does not support volumes.data.driver_opts yet
    "#]].assert_eq(&Files::one(FILE).findings());
}

#[test]
fn a_refusal_says_why_and_what_to_do() {
    let loaded = Files::one("services: {w: {image: a, gpus: all}}").loaded();
    let help = loaded.refusals().next().expect("one").help.clone();
    expect!["the scheduler does not decide by it yet; run what needs the device beside the lab, on the machine that has it"].assert_eq(&help.unwrap());
}

#[test]
fn what_changes_nothing_is_not_refused() {
    let project = Files::one(
        "services: {w: {image: a, use_api_socket: false, devices: [], cpus: 0, user: '', tty: 'no', ulimits: {}, deploy: {resources: {}, placement: {constraints: []}}}}",
    )
    .project();
    assert_eq!(project.services.len(), 1);
}

#[test]
fn errors_and_refusals_are_told_together_in_the_order_of_the_text() {
    expect![[r#"
        compose.yml:3:5 CMP0006 Tercio does not support services.w.volumes_from yet
        compose.yml:3:20 CMP0024 services.w depends on the service `a`, which is not defined
        compose.yml:4:12 CMP0007 services.w.image must be a text, not a number
        compose.yml:5:5 CMP0006 Tercio does not support services.w.gpus yet
        compose.yml:6:5 CMP0005 a service has no attribute `prots`
    "#]]
    .assert_eq(
        &Files::one(
            "services:\n  w:\n    volumes_from: [a]\n    image: 5\n    gpus: all\n    prots: []\n",
        )
        .findings(),
    );
}

#[test]
fn a_range_of_addresses_keeps_what_a_later_file_does_not_say_of_it() {
    let network = |pool: &str| {
        format!(
            "services: {{w: {{image: a, networks: [n]}}}}\nnetworks: {{n: {{ipam: {{config: [{pool}]}}}}}}\n"
        )
    };
    let files = Files::one(&network("{subnet: 10.0.0.0/24, gateway: 10.0.0.1}"));
    let files = files.and(
        "over.yml",
        &network("{subnet: 10.0.0.0/24, ip_range: 10.0.0.128/25}"),
    );
    // As `docker compose config` has it.
    let pool =
        "- subnet: 10.0.0.0/24\n          gateway: 10.0.0.1\n          ip_range: 10.0.0.128/25\n";
    let yaml = files.config().to_yaml();
    assert!(yaml.contains(pool), "{yaml}");
}
