//! Top level, names, references between services, several files.

use expect_test::expect;

use super::check;
use crate::support::Files;

#[test]
fn a_project_has_services() {
    check(
        "",
        &expect![[r#"
        - CMP0031 the files define no service
    "#]],
    );
    check(
        "services: {}\n",
        &expect![[r#"
        compose.yml:1:11 CMP0031 the files define no service
    "#]],
    );
    check(
        "services:\n",
        &expect![[r#"
        compose.yml:1:1 CMP0007 services has no value
    "#]],
    );
    check(
        "services: [a]\n",
        &expect![[r#"
        compose.yml:1:11 CMP0007 services must be a mapping, not a list
    "#]],
    );
    check(
        "- a\n",
        &expect![[r#"
        compose.yml:1:1 CMP0007 the file must be a mapping, not a list
    "#]],
    );
    check(
        "web:\n  image: a\n",
        &expect![[r#"
            compose.yml:1:1 CMP0047 the file is in the format of version 1: its services stand at the top level
        "#]],
    );
}

#[test]
fn the_top_level_knows_its_keys() {
    check(
        "services: {a: {image: a}}\nsecrets: {}\nservces: {}\nversion: 3\nx-y: 1\n",
        &expect![[r#"
            compose.yml:3:1 CMP0005 a Compose file has no attribute `servces`
            compose.yml:4:1 CMP0040 `version` has no meaning any more and is left out
        "#]],
    );
}

#[test]
fn names_are_checked() {
    check(
        "services: {\"a b\": {image: a}, -x: {image: a}}\n",
        &expect![[r#"
            compose.yml:1:12 CMP0015 the name `a b` in services is not allowed
            compose.yml:1:31 CMP0015 "-x" is not a valid service name: it may hold only letters, digits, '.', '_' and '-', and must not start with '.' or '-'
        "#]],
    );
    check(
        "services: {a: {image: a, networks: [\"n n\"]}}\nnetworks: {\"n n\": }\n",
        &expect![[r#"
            compose.yml:2:12 CMP0015 "n n" is not a valid network name: it may hold only letters, digits, '.', '_' and '-', and must not start with '.' or '-'
        "#]],
    );
    check(
        "services: {a: {image: a, volumes: [vv:/v]}}\nvolumes: {vv: {name: \"a/b\"}}\n",
        &expect![[r#"
            compose.yml:2:22 CMP0015 volumes.vv cannot have its name: "a/b" is not a valid engine object name: it may hold only letters, digits, '.', '_' and '-', and must not start with '.' or '-'
        "#]],
    );
    check(
        "name: \"···\"\nservices: {a: {image: a}}\n",
        &expect![[r#"
        compose.yml:1:7 CMP0030 no project name can be made from "···"
    "#]],
    );
}

#[test]
fn networks_and_volumes_are_plain_or_external() {
    check(
        "services: {a: {image: a, networks: [n, e], volumes: [\"vv:/v\", \"oo:/o\"]}}\nnetworks:\n  n: {driver: overlay, internal: true}\n  e: {external: true, labels: {a: b}}\nvolumes:\n  vv: {driver: nfs}\n  oo: {external: {name: x}}\n  unused: {driver: nfs}\n",
        &expect![[r#"
            compose.yml:3:15 CMP0006 Tercio does not support the driver `overlay` of networks.n yet
            compose.yml:3:24 CMP0006 Tercio does not support networks.n.internal yet
            compose.yml:4:23 CMP0035 networks.e is external, so `labels` cannot be given here
            compose.yml:6:16 CMP0006 Tercio does not support the driver `nfs` of volumes.vv yet
            compose.yml:7:25 CMP0040 volumes.oo.external.name is an older form
        "#]],
    );
}

#[test]
fn cycles_are_shown_as_they_run() {
    check(
        "services:\n  a: {image: a, depends_on: [b]}\n  b:\n    image: b\n    depends_on:\n      - c\n  c: {image: c, depends_on: [a]}\n  d: {image: d, depends_on: [d]}\n",
        &expect![[r#"
            compose.yml:2:30 CMP0025 services wait for one another: a -> b -> c -> a
            compose.yml:8:30 CMP0025 services wait for one another: d -> d
        "#]],
    );
}

#[test]
fn a_host_port_has_one_holder() {
    check(
        "services:\n  a: {image: a, ports: [\"80:80\"]}\n  b: {image: a, ports: [\"127.0.0.1:80:81\", \"80:80/udp\"]}\n  c: {image: c, ports: [\"81:1\", \"81:2\"]}\n",
        &expect![[r#"
            compose.yml:3:25 CMP0026 the services `a` and `b` both publish the host port 80/tcp (see compose.yml:2:25)
            compose.yml:4:33 CMP0026 the service `c` publishes the host port 81/tcp twice (see compose.yml:4:25)
        "#]],
    );
    check(
        "services:\n  a: {image: a, ports: [\"80:80\", 81], deploy: {replicas: 2}}\n",
        &expect![[r#"
            compose.yml:2:25 CMP0026 the 2 containers of the service `a` would all publish the host port 80/tcp
        "#]],
    );
}

#[test]
fn several_faults_are_all_told_at_their_columns() {
    check(
        "name: demo
services:
  web:
    imag: nginx
    build: .
    ports: ['80:80', 'x:80']
    networks: [fron]
    restart: ${POLICY?say how}
  db:
    image: pg
    volumes:
      - dta:/var
    depends_on: [web, cach]
    healthcheck: {test: x, interval: 5}
    privileged: true
networks:
  front:
volumes:
  data:
",
        &expect![[r#"
            compose.yml:4:5 CMP0005 a service has no attribute `imag`
            compose.yml:6:22 CMP0011 the port "x:80" in services.web.ports[1] cannot be read: ports are numbers from 1 to 65535
            compose.yml:7:16 CMP0022 services.web joins the network `fron`, which is not defined
            compose.yml:8:14 CMP0009 the required variable POLICY has no value: say how
            compose.yml:12:9 CMP0023 services.db.volumes[0] mounts the volume `dta`, which is not defined
            compose.yml:13:23 CMP0024 services.db depends on the service `cach`, which is not defined
            compose.yml:14:38 CMP0012 services.db.healthcheck.interval is a number without a unit
            compose.yml:15:5 CMP0006 Tercio does not support services.db.privileged yet
        "#]],
    );
}

#[test]
fn an_invalid_value_draws_no_second_finding() {
    check(
        "services:\n  a: {image: 5}\n  b: {build: 5}\n  c: {image: c, depends_on: [a, b], networks: {n: 5}}\nnetworks: {n: 5}\n",
        &expect![[r#"
            compose.yml:2:14 CMP0007 services.a.image must be a text, not a number
            compose.yml:3:14 CMP0007 services.b.build must be a text or a mapping, not a number
            compose.yml:4:51 CMP0007 services.c.networks.n must be a mapping, not a number
            compose.yml:5:15 CMP0007 networks.n must be a mapping, not a number
        "#]],
    );
}

#[test]
fn findings_in_a_later_file_name_that_file() {
    let files = Files::one("services:\n  a: {image: a}\n").and(
        "over.yml",
        "services:\n  a:\n    ports: [x]\n    volumes: ['v:/v']\n",
    );
    expect![[r#"
        over.yml:3:13 CMP0011 the port "x" in services.a.ports[0] cannot be read: ports are numbers from 1 to 65535
        over.yml:4:15 CMP0016 in "v:/v" in services.a.volumes[0] the single letter reads as a Windows drive
    "#]].assert_eq(&files.findings());
}

#[test]
fn data_of_different_kinds_cannot_be_merged() {
    let files = Files::one("services: {a: {image: a}}\nx-a: {b: {c: 1}}\n")
        .and("over.yml", "x-a:\n  b: text\n");
    expect![[r#"
        over.yml:2:6 CMP0032 x-a.b is a text here and a mapping in an earlier file (see compose.yml:2:10)
    "#]]
    .assert_eq(&files.findings());
}

#[test]
fn a_required_key_may_come_from_any_file() {
    let lower = "services:\n  a: {image: a, depends_on: {b: {condition: service_healthy}}}\n  b: {image: b}\n";
    let files = Files::one(lower).and(
        "over.yml",
        "services:\n  a: {depends_on: {b: {required: false}}}\n",
    );
    expect![[""]].assert_eq(&files.findings());
}

#[test]
fn files_beside_the_compose_file_are_checked_too() {
    let files = Files::one(
        "services:\n  a: {image: a, env_file: a.env}\n  b: {image: b, env_file: a.env}\n",
    )
    .beside(".env", "A=1\nB B\nC=$NOPE\n")
    .beside("a.env", "X=1\n  Y='open\n");
    expect![[r#"
        .env:2:3 CMP0029 `B` must be followed by `=`
        .env:3:3 CMP0010 the variable NOPE is not set; an empty text stands in for it
        a.env:2:5 CMP0029 the quote is not closed
    "#]]
    .assert_eq(&files.findings());
}

#[test]
fn one_image_is_not_built_from_different_things() {
    check(
        "services:\n  a: {build: ./a, image: x}\n  b: {build: ./b, image: x}\n  c: {build: ./a, image: x}\n",
        &expect![[r#"
            compose.yml:3:14 CMP0039 the services `a` and `b` build the image x from different things (see compose.yml:2:14)
        "#]],
    );
    check(
        "services:\n  a: {build: ./a, image: x}\n  c: {build: ./a, image: x}\n  d: {image: x}\n",
        &expect![[r#""#]],
    );
}
