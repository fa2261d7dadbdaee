//! From a project to the model that the scheduler is asked to make true.

use std::collections::BTreeMap;

use expect_test::expect_file;
use lab_types::{
    HealthTest, MountSource, PortPublish, ProjectModel, RestartPolicy, ServiceModel, ServiceName,
};

use crate::support::Files;

fn model(content: &str) -> ProjectModel {
    Files::one(content).project().to_model(&BTreeMap::new())
}

#[track_caller]
fn service(content: &str) -> ServiceModel {
    model(content).services[&ServiceName::new("w").expect("a name")].clone()
}

fn with(lines: &str) -> ServiceModel {
    service(&format!("services:\n  w:\n    image: a\n{lines}"))
}

#[test]
fn the_classic_example_becomes_two_services_on_one_network() {
    let model = model(include_str!(
        "../../testdata/config/classic-code/compose.yml"
    ));
    let text = format!("{}\n", serde_json::to_string_pretty(&model).unwrap());
    expect_file!["../../testdata/model/classic-code.json"].assert_eq(&text);
}

#[test]
fn a_built_image_is_named_after_the_service_and_known_by_its_id() {
    let project = Files::one(
        "services:\n  w: {build: .}\n  n: {build: ./n, image: me/n:1}\n  r: {image: redis}\n",
    )
    .project();
    let ids = [
        ("demo-w", "sha256:1"),
        ("me/n:1", "sha256:2"),
        ("redis", "sha256:3"),
    ];
    let ids = ids
        .map(|(image, id)| (image.to_owned(), id.to_owned()))
        .into();
    let model = project.to_model(&ids);
    let images: Vec<_> = model
        .services
        .values()
        .map(|service| {
            (
                service.task.image.as_str(),
                service.task.image_id.as_deref(),
            )
        })
        .collect();
    let expected = [
        ("me/n:1", Some("sha256:2")),
        ("redis", None),
        ("demo-w", Some("sha256:1")),
    ];
    assert_eq!(images, expected);
    let builds: Vec<_> = project
        .builds()
        .into_iter()
        .map(|(image, build)| {
            assert_eq!(build.options.tag, image);
            (build.context, build.options.dockerfile, image)
        })
        .collect();
    let expected = [("/srv/demo", "demo-w"), ("/srv/demo/n", "me/n:1")].map(|(context, image)| {
        (
            context.to_owned(),
            "Dockerfile".to_owned(),
            image.to_owned(),
        )
    });
    assert_eq!(builds, expected);
}

#[test]
fn build_arguments_without_a_value_come_from_the_environment_or_are_left_out() {
    let project =
        Files::one("services: {w: {build: {context: /c, args: [S, NONE, X=1]}}}").project();
    let build = project.builds().into_values().next().unwrap();
    let expected = [("S", "sv"), ("X", "1")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(build.options.args, expected.into());
}

#[test]
fn an_image_is_built_with_the_labels_and_the_care_that_the_file_asks_for() {
    let project = Files::one(
        "services: {w: {build: {context: /c, labels: [a=1, b], no_cache: true, pull: 'yes'}}}",
    )
    .project();
    let options = project.builds().into_values().next().unwrap().options;
    let labels = [("a", "1"), ("b", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(options.labels, labels.into());
    assert!(options.no_cache && options.pull);
}

#[test]
fn a_container_has_the_time_to_stop_that_the_file_gives_it() {
    assert_eq!(with("").task.stop_grace.0, 10_000);
    let given = with("    stop_grace_period: 1m30s\n");
    assert_eq!(given.task.stop_grace.0, 90_000);
}

#[test]
fn what_is_reserved_is_asked_of_the_node() {
    let reserved = |lines: &str| {
        let lines = format!("    deploy: {{resources: {{reservations: {{{lines}}}}}}}\n");
        let reservation = with(&lines).task.reservation;
        (reservation.nano_cpus, reservation.memory_bytes)
    };
    assert_eq!(reserved(""), (0, 0));
    assert_eq!(
        reserved("cpus: 1.5, memory: 64m"),
        (1_500_000_000, 64 << 20)
    );
    assert_eq!(reserved("cpus: '0.1'"), (100_000_000, 0));
}

#[test]
fn scale_and_replicas_say_how_many_containers_there_are() {
    assert_eq!(with("    scale: 3\n").replicas, 3);
    assert_eq!(with("    deploy: {replicas: 2}\n").replicas, 2);
    assert_eq!(
        with("    scale: 2\n    deploy: {replicas: 2}\n").replicas,
        2
    );
    assert_eq!(with("").replicas, 1);
}

#[test]
fn policies_that_ask_for_what_is_done_anyway_change_nothing() {
    let lines =
        "    pull_policy: if_not_present\n    deploy: {mode: replicated}\n    expose: [80]\n";
    assert_eq!(with(lines).task.digest(), with("").task.digest());
}

#[test]
fn labels_come_from_files_and_from_the_service_over_them() {
    let project =
        Files::one("services: {w: {image: a, label_file: [a.labels, b.labels], labels: {C: own}}}")
            .beside("a.labels", "A=1\nB=1\nC=1\n")
            .beside("b.labels", "B=2$A\n")
            .project();
    let labels = project.to_model(&BTreeMap::new()).services;
    let labels = labels.into_values().next().unwrap().task.labels;
    let expected = [("A", "1"), ("B", "21"), ("C", "own")];
    assert_eq!(
        labels,
        expected
            .map(|(key, value)| (key.into(), value.into()))
            .into()
    );
}

#[test]
fn restart_policies_map_to_what_the_agent_does() {
    let cases = [
        ("", RestartPolicy::OnFailure),
        ("    restart: 'no'\n", RestartPolicy::Never),
        ("    restart: no\n", RestartPolicy::Never),
        ("    restart: always\n", RestartPolicy::Always),
        ("    restart: unless-stopped\n", RestartPolicy::Always),
        ("    restart: on-failure\n", RestartPolicy::OnFailure),
        (
            "    restart: on-failure:3\n",
            RestartPolicy::OnFailureAtMost { max_attempts: 3 },
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(with(lines).task.restart, expected, "{lines:?}");
    }
}

#[test]
fn health_tests_become_lines_programs_or_nothing() {
    let test = |lines: &str| with(lines).task.healthcheck.unwrap().test;
    let exec = |argv: &[&str]| HealthTest::Exec {
        argv: argv.iter().map(ToString::to_string).collect(),
    };
    let shell = |line: &str| HealthTest::Shell {
        line: line.to_owned(),
    };
    assert_eq!(test("    healthcheck: {test: a b}\n"), shell("a b"));
    assert_eq!(
        test("    healthcheck: {test: [CMD-SHELL, a b]}\n"),
        shell("a b")
    );
    assert_eq!(
        test("    healthcheck: {test: [CMD, a, b]}\n"),
        exec(&["a", "b"])
    );
    assert_eq!(
        test("    healthcheck: {test: [NONE]}\n"),
        HealthTest::Disabled
    );
    assert_eq!(
        test("    healthcheck: {disable: true}\n"),
        HealthTest::Disabled
    );
    assert_eq!(
        test("    healthcheck: {disable: true, test: x}\n"),
        HealthTest::Disabled
    );
    assert_eq!(with("").task.healthcheck, None);
}

#[test]
fn the_order_of_ports_and_mounts_changes_nothing() {
    let one = with("    ports: [\"80:1\", \"90:2\"]\n    volumes: [/b, \"./x:/a\"]\n");
    let other = with("    ports: [\"90:2\", \"80:1\"]\n    volumes: [\"./x:/a\", /b]\n");
    assert_eq!(one.task.digest(), other.task.digest());
}

#[test]
fn a_published_port_of_zero_is_any_free_one() {
    let ports = with("    ports: [\"0:80\", 81]\n").task.ports;
    let published: Vec<_> = ports
        .iter()
        .map(|port: &PortPublish| port.published)
        .collect();
    assert_eq!(published, [None, None]);
}

#[test]
fn binds_are_absolute_and_say_whether_a_missing_folder_is_made() {
    let mounts = with("    volumes: [\".:/a\", {type: bind, source: ../x, target: /b}]\n")
        .task
        .mounts;
    let sources: Vec<_> = mounts.into_iter().map(|mount| mount.source).collect();
    let bind = |path: &str, create_host_path| MountSource::Bind {
        path: path.to_owned(),
        create_host_path,
        options: lab_types::BindOptions::default(),
    };
    assert_eq!(sources, [bind("/srv/demo", true), bind("/srv/x", false)]);
}

#[test]
fn services_answer_to_their_name_and_aliases_on_each_network() {
    let task = service(
        "services: {w: {image: a, networks: {x: {aliases: [w, other]}, y: }}}\nnetworks: {x: , y: {external: true, name: out}}\n",
    )
    .task;
    let joined: Vec<_> = task
        .networks
        .iter()
        .map(|joined| (joined.engine_name.as_str(), joined.aliases.join(" ")))
        .collect();
    assert_eq!(
        joined,
        [("demo_x", "w other".to_owned()), ("out", "w".to_owned())]
    );
}

#[test]
fn unset_variables_stay_unset_in_the_container() {
    let environment = with("    environment: {A: , S: , E: , X: ''}\n")
        .task
        .environment;
    let expected = [("E", ""), ("S", "sv"), ("X", "")];
    assert_eq!(
        environment,
        expected
            .map(|(key, value)| (key.into(), value.into()))
            .into()
    );
}

#[test]
fn resources_that_nothing_uses_are_left_out() {
    let model = model(
        "services: {w: {image: a, networks: [n], volumes: [vv:/v]}}\nnetworks: {n: , m: }\nvolumes: {vv: , uu: }\n",
    );
    let networks: Vec<_> = model.networks.keys().map(ToString::to_string).collect();
    let volumes: Vec<_> = model.volumes.keys().map(ToString::to_string).collect();
    assert_eq!(
        (networks, volumes),
        (vec!["n".to_owned()], vec!["vv".to_owned()])
    );
}

#[test]
fn the_labs_own_file_and_the_examples_are_accepted() {
    let own = Files::one(include_str!("../../../../docker-compose.yml"));
    assert!(own.project().services.len() >= 5);
    let example = include_str!("../../../../ops/examples/composetest/docker-compose.yml");
    let with_code = include_str!("../../../../ops/examples/composetest/docker-compose.dev.yml");
    for file in [example, with_code] {
        let names: Vec<_> = Files::one(file).project().services.into_keys().collect();
        assert_eq!(
            names.iter().map(ServiceName::as_str).collect::<Vec<_>>(),
            ["redis", "web"]
        );
    }
}

#[test]
fn a_service_is_exclusive_when_it_says_so_or_writes_to_a_named_volume() {
    let exclusive = |lines: &str| {
        let text = format!("services:\n  w:\n    image: a\n{lines}volumes: {{vol: }}\n");
        service(&text).task.is_exclusive()
    };
    assert!(!exclusive(""));
    assert!(exclusive("    volumes: ['vol:/d']\n"));
    assert!(!exclusive("    volumes: ['vol:/d:ro']\n"));
    assert!(!exclusive("    volumes: ['/etc:/d', '/anonymous']\n"));
    assert!(exclusive("    x-tercio: {exclusive: true}\n"));
    assert!(!exclusive(
        "    x-tercio: {exclusive: false}\n    volumes: ['vol:/d']\n"
    ));
}

#[test]
fn saying_what_follows_from_the_mounts_anyway_changes_no_task() {
    let volume = "    volumes: ['vol:/d']\nvolumes: {vol: }\n";
    let said = with(&format!("    x-tercio: {{exclusive: true}}\n{volume}"));
    assert_eq!(said.task.digest(), with(volume).task.digest());
    let other = with(&format!("    x-tercio: {{exclusive: false}}\n{volume}"));
    assert_ne!(other.task.digest(), said.task.digest());
}

#[test]
fn config_shows_what_a_service_says_to_tercio() {
    let text = "services:\n  w:\n    image: a\n    x-tercio: {exclusive: \"true\"}\n";
    let project = Files::one(text).project();
    let config = Files::one(text).config();
    let yaml = config.to_yaml();
    assert!(
        yaml.contains("    x-tercio:\n      exclusive: true\n"),
        "{yaml}"
    );
    let json = config.to_json();
    assert!(json.contains("\"x-tercio\""), "{json}");
    let again = Files::one(&yaml).project();
    assert_eq!(
        again.to_model(&BTreeMap::new()).services,
        project.to_model(&BTreeMap::new()).services
    );
}
