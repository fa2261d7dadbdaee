//! Attributes of a service, one after another.

use expect_test::expect;

use super::{check, check_service};

#[test]
fn images_are_texts() {
    check(
        "services:\n  w:\n    image: 5\n  v:\n    image: [a]\n",
        &expect![[r#"
            compose.yml:3:12 CMP0007 services.w.image must be a text, not a number
            compose.yml:5:12 CMP0007 services.v.image must be a text, not a list
        "#]],
    );
    check(
        "services:\n  w:\n    image:\n",
        &expect![[r#"
        compose.yml:3:5 CMP0007 services.w.image has no value
    "#]],
    );
    check(
        "services:\n  w:\n    image: 2020-01-01\n",
        &expect![[r#"
        compose.yml:3:12 CMP0038 services.w.image is a date, which YAML reads as a point in time
    "#]],
    );
}

#[test]
fn a_service_needs_an_image_or_a_build() {
    check(
        "services:\n  w:\n    command: x\n  v:\n    image: ''\n",
        &expect![[r#"
            compose.yml:2:3 CMP0021 services.w has neither `image` nor `build`
            compose.yml:4:3 CMP0021 services.v has neither `image` nor `build`
        "#]],
    );
    check(
        "services:\n  w:\n  v: a\n",
        &expect![[r#"
        compose.yml:2:3 CMP0007 services.w has no value
        compose.yml:3:6 CMP0007 services.v must be a mapping, not a text
    "#]],
    );
}

#[test]
fn what_tercio_alone_knows_of_a_service_is_read_or_refused_by_name_and_place() {
    check_service(
        "    x-tercio: {exclusive: maybe, exclusiv: true}\n",
        &expect![[r#"
            compose.yml:4:27 CMP0014 services.w.x-tercio.exclusive must be true or false, not "maybe"
            compose.yml:4:34 CMP0005 x-tercio has no attribute `exclusiv`
        "#]],
    );
    check_service(
        "    x-tercio: true\n",
        &expect![[r#"
        compose.yml:4:15 CMP0007 services.w.x-tercio must be a mapping, not a truth value
    "#]],
    );
    check_service(
        "    x-tercio:\n      exclusive: [true]\n",
        &expect![[r#"
            compose.yml:5:18 CMP0007 services.w.x-tercio.exclusive must be true or false, not a list
        "#]],
    );
    check_service(
        "    x-tercio:\n",
        &expect![[r#"
        compose.yml:4:5 CMP0007 services.w.x-tercio has no value
    "#]],
    );
    // Everybody else's keys hold anything.
    check_service("    x-mine: {exclusiv: 5}\n", &expect![[r#""#]]);
}

#[test]
fn builds_are_folders_on_this_machine() {
    check_service(
        "    build: https://example.com/x.git\n",
        &expect![[r#"
        compose.yml:4:12 CMP0006 Tercio does not support the build context `https://example.com/x.git` of services.w yet
    "#]],
    );
    check_service(
        "    build: [.]\n",
        &expect![[r#"
        compose.yml:4:12 CMP0007 services.w.build must be a text or a mapping, not a list
    "#]],
    );
    check_service(
        "    build:\n      context: 5\n      target: prod\n      dockerfil: D\n",
        &expect![[r#"
            compose.yml:5:16 CMP0007 services.w.build.context must be a text, not a number
            compose.yml:6:7 CMP0006 Tercio does not support services.w.build.target yet
            compose.yml:7:7 CMP0005 a build has no attribute `dockerfil`
        "#]],
    );
    check_service(
        "    build:\n      args: 5\n",
        &expect![[r#"
        compose.yml:5:13 CMP0007 services.w.build.args must be a mapping or a list of KEY=VALUE, not a number
    "#]],
    );
}

#[test]
fn commands_are_words() {
    check_service(
        "    command: \"echo 'a\"\n",
        &expect![[r#"
        compose.yml:4:14 CMP0019 the command line in services.w.command has a quote that is not closed
    "#]],
    );
    check_service(
        "    entrypoint: [a, 5]\n",
        &expect![[r#"
        compose.yml:4:21 CMP0007 services.w.entrypoint[1] must be a text, not a number
    "#]],
    );
    check_service(
        "    command: {a: b}\n",
        &expect![[r#"
        compose.yml:4:14 CMP0007 services.w.command must be a text or a list of texts, not a mapping
    "#]],
    );
    check_service(
        "    command: true\n",
        &expect![[r#"
        compose.yml:4:14 CMP0007 services.w.command must be a text or a list of texts, not a truth value
    "#]],
    );
}

#[test]
fn environments_are_pairs() {
    check_service(
        "    environment: A=1\n",
        &expect![[r#"
        compose.yml:4:18 CMP0007 services.w.environment must be a mapping or a list of KEY=VALUE, not a text
    "#]],
    );
    check_service(
        "    environment: [=x, 5, {A: 1}]\n",
        &expect![[r#"
        compose.yml:4:19 CMP0018 services.w.environment[0] has no key before the `=`
        compose.yml:4:23 CMP0018 services.w.environment[1] must be KEY=VALUE, not a number
        compose.yml:4:26 CMP0018 services.w.environment[2] must be KEY=VALUE, not a mapping
    "#]],
    );
    check_service(
        "    environment:\n      A: [1]\n      B: 2020-01-01\n      1: x\n",
        &expect![[r#"
            compose.yml:5:10 CMP0007 services.w.environment.A must be a single value, not a list
            compose.yml:6:10 CMP0038 services.w.environment.B is a date, which YAML reads as a point in time
            compose.yml:7:7 CMP0003 the key is a number, not a text
        "#]],
    );
    check_service(
        "    labels: true\n",
        &expect![[r#"
        compose.yml:4:13 CMP0007 services.w.labels must be a mapping or a list of KEY=VALUE, not a truth value
    "#]],
    );
}

#[test]
fn environment_files_exist_and_can_be_read() {
    check_service(
        "    env_file: none.env\n",
        &expect![[r#"
        compose.yml:4:15 CMP0028 the environment file none.env of services.w does not exist
    "#]],
    );
    check_service(
        "    env_file: [{path: x.env, required: false, format: raw}, {required: true}]\n",
        &expect![[r#"
            compose.yml:4:61 CMP0035 services.w.env_file[1] lacks `path`
        "#]],
    );
    check_service(
        "    env_file: 5\n",
        &expect![[r#"
        compose.yml:4:15 CMP0007 services.w.env_file must be a text or a list, not a number
    "#]],
    );
}

#[test]
fn ports_are_numbers_in_range() {
    check_service(
        "    ports: 80\n",
        &expect![[r#"
        compose.yml:4:12 CMP0007 services.w.ports must be a list, not a number
    "#]],
    );
    check_service(
        "    ports: [http, \"70000:80\", 0, 80.5, \"8000-8010:80\", \"80/sctp\", \"80/x\"]\n",
        &expect![[r#"
            compose.yml:4:13 CMP0011 the port "http" in services.w.ports[0] cannot be read: ports are numbers from 1 to 65535
            compose.yml:4:19 CMP0011 the port "70000:80" in services.w.ports[1] cannot be read: ports are numbers from 1 to 65535
            compose.yml:4:31 CMP0011 the port "0" in services.w.ports[2] cannot be read: ports are numbers from 1 to 65535
            compose.yml:4:34 CMP0007 services.w.ports[3] must be a text or a mapping, not a number with a fraction
            compose.yml:4:40 CMP0006 Tercio does not support a range of host ports in services.w.ports[4] yet
            compose.yml:4:56 CMP0006 Tercio does not support the protocol sctp of services.w.ports[5] yet
            compose.yml:4:67 CMP0011 the port "80/x" in services.w.ports[6] cannot be read: the protocol must be tcp or udp
        "#]],
    );
    check_service(
        "    ports:\n      - target: 70000\n      - published: 80\n      - target: 80\n        published: x\n        host_ip: here\n        mode: host\n        name: web\n        protocl: tcp\n",
        &expect![[r#"
            compose.yml:5:17 CMP0011 the target of services.w.ports[0] must be from 1 to 65535, not 70000
            compose.yml:6:9 CMP0035 services.w.ports[1] lacks `target`
            compose.yml:8:20 CMP0011 the host port of services.w.ports[2] must be from 0 to 65535, not "x"
            compose.yml:9:18 CMP0011 the host_ip of services.w.ports[2] is not an IP address: "here"
            compose.yml:10:15 CMP0006 Tercio does not support the mode host of services.w.ports[2] yet
            compose.yml:11:9 CMP0006 Tercio does not support services.w.ports[2].name yet
            compose.yml:12:9 CMP0005 a port has no attribute `protocl`
        "#]],
    );
    check_service(
        "    ports:\n      - target: 80\n        published: 8000-8001\n        mode: x\n",
        &expect![[r#"
            compose.yml:6:20 CMP0006 Tercio does not support a range of host ports in services.w.ports[0] yet
            compose.yml:7:15 CMP0017 the mode of services.w.ports[0] must be ingress or host, not "x"
        "#]],
    );
}

#[test]
fn mounts_have_a_source_and_an_absolute_target() {
    check_service(
        "    volumes: [data, \"x:y\", \"a:/a\", \"/a:/b:z\", \"/a:/b:q\", 5]\n",
        &expect![[r#"
            compose.yml:4:15 CMP0016 the target of services.w.volumes[0] must be an absolute path, not "data"
            compose.yml:4:21 CMP0016 in "x:y" in services.w.volumes[1] the single letter reads as a Windows drive
            compose.yml:4:28 CMP0016 in "a:/a" in services.w.volumes[2] the single letter reads as a Windows drive
            compose.yml:4:47 CMP0016 the mount "/a:/b:q" in services.w.volumes[4]: `q` is not an option of mounts
            compose.yml:4:47 CMP0027 two entries of services.w.volumes have the target /b (see compose.yml:4:36)
            compose.yml:4:58 CMP0007 services.w.volumes[5] must be a text or a mapping, not a number
        "#]],
    );
    check_service(
        "    volumes: [\"site:/srv\", \"conf/x:/etc/x\"]\nvolumes:\n  sites:\n",
        &expect![[r#"
            compose.yml:4:15 CMP0023 services.w.volumes[0] mounts the volume `site`, which is not defined
            compose.yml:4:28 CMP0023 services.w.volumes[1] mounts the volume `conf/x`, which is not defined
        "#]],
    );
    check_service(
        "    volumes:\n      - {type: bind, target: /a}\n      - {type: tmpfs, target: /t}\n      - {type: disk, target: /t2}\n      - {target: /c}\n      - {type: volume, target: d}\n      - {type: volume, target: /e, bind: {}}\n      - {type: bind, source: ., target: /f, bind: {propagation: shared}}\n",
        &expect![[r#"
            compose.yml:5:16 CMP0035 services.w.volumes[0] is a bind mount and lacks `source`
            compose.yml:7:16 CMP0017 services.w.volumes[2].type must be one of bind, volume, tmpfs, cluster, npipe, image, not "disk"
            compose.yml:8:9 CMP0035 services.w.volumes[3] lacks `type`
            compose.yml:9:32 CMP0016 the target of services.w.volumes[4] must be an absolute path, not "d"
            compose.yml:10:36 CMP0035 services.w.volumes[5] is a volume and has options under `bind`
        "#]],
    );
}

#[test]
fn a_target_is_mounted_once() {
    check_service(
        "    volumes: [\"./a:/x\", \"./b:/x/\"]\n",
        &expect![[r#"
            compose.yml:4:25 CMP0027 two entries of services.w.volumes have the target /x (see compose.yml:4:15)
        "#]],
    );
}

#[test]
fn networks_are_defined() {
    check_service(
        "    networks: [front, default, 5]\n",
        &expect![[r#"
        compose.yml:4:32 CMP0007 services.w.networks[2] must be a text, not a number
    "#]],
    );
    check_service(
        "    networks: [frnt]\nnetworks:\n  front:\n",
        &expect![[r#"
            compose.yml:4:16 CMP0022 services.w joins the network `frnt`, which is not defined
        "#]],
    );
    check_service(
        "    networks: {front: {aliases: x, ipv4_address: 1.2.3.4}}\nnetworks: {front: }\n",
        &expect![[r#"
            compose.yml:4:33 CMP0007 services.w.networks.front.aliases must be a list of texts, not a text
            compose.yml:4:36 CMP0006 Tercio does not support services.w.networks.front.ipv4_address yet
        "#]],
    );
}

#[test]
fn dependencies_are_services_with_known_conditions() {
    check_service(
        "    depends_on: [wb]\n  web:\n    image: a\n",
        &expect![[r#"
            compose.yml:4:18 CMP0024 services.w depends on the service `wb`, which is not defined
        "#]],
    );
    check_service(
        "    depends_on: {x: {condition: service_up}, y: {required: false}}\n  x: {image: a}\n",
        &expect![[r#"
            compose.yml:4:33 CMP0017 services.w.depends_on.x.condition must be one of service_started, service_healthy, service_completed_successfully, not "service_up"
            compose.yml:4:49 CMP0035 services.w.depends_on.y lacks `condition`
        "#]],
    );
    check_service(
        "    depends_on: {none: {condition: service_started, required: false}}\n",
        &expect![[""]],
    );
    check_service(
        "    depends_on: {x: {condition: service_started, restart: true}}\n  x: {image: a}\n",
        &expect![[r#"
            compose.yml:4:50 CMP0006 Tercio does not support services.w.depends_on.x.restart yet
        "#]],
    );
}

#[test]
fn health_checks_can_be_run() {
    check_service(
        "    healthcheck: {interval: 5s}\n",
        &expect![[r#"
        compose.yml:4:18 CMP0006 Tercio does not support services.w.healthcheck without a `test` yet
    "#]],
    );
    check_service(
        "    healthcheck: {test: [curl, x]}\n",
        &expect![[r#"
        compose.yml:4:25 CMP0020 the test of services.w.healthcheck cannot be read: a list must begin with CMD, CMD-SHELL or NONE
    "#]],
    );
    check_service(
        "    healthcheck: {test: [CMD]}\n",
        &expect![[r#"
        compose.yml:4:25 CMP0020 the test of services.w.healthcheck cannot be read: it names nothing to run
    "#]],
    );
    check_service(
        "    healthcheck: {test: [NONE, x]}\n",
        &expect![[r#"
        compose.yml:4:25 CMP0020 the test of services.w.healthcheck cannot be read: its first word takes fewer words after it
    "#]],
    );
    check_service(
        "    healthcheck: {test: x, interval: 30, timeout: 5, retries: -1, start_period: 1x}\n",
        &expect![[r#"
            compose.yml:4:38 CMP0012 services.w.healthcheck.interval is a number without a unit
            compose.yml:4:51 CMP0012 services.w.healthcheck.timeout is a number without a unit
            compose.yml:4:63 CMP0013 services.w.healthcheck.retries must be 0 or more, not -1
            compose.yml:4:81 CMP0012 services.w.healthcheck.start_period is not a duration: "1x"
        "#]],
    );
    check_service(
        "    healthcheck: {test: x, retries: many, interval: 1us, start_interval: 5s, disable: maybe}\n",
        &expect![[r#"
            compose.yml:4:37 CMP0013 services.w.healthcheck.retries must be a whole number, not "many"
            compose.yml:4:53 CMP0012 services.w.healthcheck.interval is finer than a millisecond: "1µs"
            compose.yml:4:87 CMP0014 services.w.healthcheck.disable must be true or false, not "maybe"
        "#]],
    );
    check_service(
        "    healthcheck: {disable: yes}\n",
        &expect![[r#"
        compose.yml:4:28 CMP0037 "yes" in services.w.healthcheck.disable is an older word for true
    "#]],
    );
}

#[test]
fn restart_policies_are_the_four_known_ones() {
    check_service(
        "    restart: sometimes\n",
        &expect![[r#"
        compose.yml:4:14 CMP0017 services.w.restart must be no, always, unless-stopped, on-failure or on-failure:N, not "sometimes"
    "#]],
    );
    check_service(
        "    restart: on-failure:x\n",
        &expect![[r#"
        compose.yml:4:14 CMP0017 services.w.restart must be no, always, unless-stopped, on-failure or on-failure:N, not "on-failure:x"
    "#]],
    );
    check_service(
        "    restart: always:3\n",
        &expect![[r#"
        compose.yml:4:14 CMP0017 services.w.restart must be no, always, unless-stopped, on-failure or on-failure:N, not "always:3"
    "#]],
    );
    check_service(
        "    restart: false\n",
        &expect![[r#"
        compose.yml:4:14 CMP0007 services.w.restart must be a text, not a truth value
    "#]],
    );
}

#[test]
fn replicas_are_counts() {
    check_service(
        "    deploy: {replicas: -1, mode: global}\n",
        &expect![[r#"
            compose.yml:4:24 CMP0013 services.w.deploy.replicas must be from 0 to 1000000, not -1
            compose.yml:4:34 CMP0006 Tercio does not support services.w.deploy.mode `global` yet
        "#]],
    );
    check_service(
        "    deploy: {replicas: 1.5}\n",
        &expect![[r#"
        compose.yml:4:24 CMP0007 services.w.deploy.replicas must be a whole number, not a number with a fraction
    "#]],
    );
    check_service(
        "    deploy: {replicas: three}\n",
        &expect![[r#"
        compose.yml:4:24 CMP0013 services.w.deploy.replicas must be a whole number, not "three"
    "#]],
    );
    check_service(
        "    deploy: {replicas: 9999999}\n",
        &expect![[r#"
        compose.yml:4:24 CMP0013 services.w.deploy.replicas must be from 0 to 1000000, not 9999999
    "#]],
    );
}

#[test]
fn every_attribute_of_compose_that_is_not_supported_is_refused_by_name() {
    check_service(
        "    privileged: true\n    container_name: xy\n    tty: yes\n    cap_add: [A]\n",
        &expect![[r#"
            compose.yml:5:5 CMP0006 Tercio does not support services.w.container_name yet
            compose.yml:6:10 CMP0037 "yes" in services.w.tty is an older word for true
        "#]],
    );
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    check_service(
        "    imgae: b\n    prots: []\n    frobnicate: 1\n    x-ok: 1\n",
        &expect![[r#"
            compose.yml:4:5 CMP0005 a service has no attribute `imgae`
            compose.yml:5:5 CMP0005 a service has no attribute `prots`
            compose.yml:6:5 CMP0005 a service has no attribute `frobnicate`
        "#]],
    );
}
