//! Projects as users write them.

use std::collections::BTreeMap;

use lab_types::{
    Condition, Dependency, DurationMs, EngineName, HealthCheck, HealthTest, Mount, MountSource,
    NetworkAttachment, NetworkName, NetworkSpec, PortProtocol, PortPublish, ProjectModel,
    ProjectName, Resources, RestartPolicy, ServiceModel, ServiceName, TaskSpec, VolumeName,
    VolumeOptions, VolumeSpec,
};

use crate::rng::SimRng;

/// A project of one to four services.
pub(super) fn project(name: &ProjectName, rng: &mut SimRng) -> ProjectModel {
    let mut services = BTreeMap::new();
    let has_db = rng.chance(600);
    if has_db {
        services.insert(service("db"), db(name, rng));
    }
    if rng.chance(800) {
        services.insert(service("web"), web(name, has_db, rng));
    }
    if rng.chance(500) {
        services.insert(service("worker"), worker(name, rng));
    }
    if rng.chance(500) {
        services.insert(service("solo"), solo(name, rng));
    }
    if rng.chance(300) || services.is_empty() {
        services.insert(service("job"), job(name, rng));
    }
    let (network, volume) = (network_spec(name), volume_spec(name));
    ProjectModel {
        name: name.clone(),
        services,
        networks: [(network.network.clone(), network)].into(),
        volumes: [(volume.volume.clone(), volume)].into(),
        working_dir: format!("/home/user/{name}"),
        config_files: vec![format!("/home/user/{name}/compose.yaml")],
    }
}

/// A service that is made by itself.
pub(super) fn extra(project: &ProjectName, rng: &mut SimRng) -> (ServiceName, Box<TaskSpec>) {
    let name = service(&format!("extra{}", rng.between(0, 3)));
    let model = worker(project, rng);
    (name, Box::new(model.task))
}

fn service(name: &str) -> ServiceName {
    ServiceName::new(name).expect("invariant: letters and numbers")
}

fn engine_name(project: &ProjectName, key: &str) -> EngineName {
    EngineName::new(format!("{project}_{key}")).expect("invariant: letters, numbers and _")
}

fn network_spec(project: &ProjectName) -> NetworkSpec {
    NetworkSpec {
        network: NetworkName::new("default").expect("invariant: letters"),
        engine_name: engine_name(project, "default"),
        labels: BTreeMap::new(),
        external: false,
    }
}

fn volume_spec(project: &ProjectName) -> VolumeSpec {
    VolumeSpec {
        volume: VolumeName::new("data").expect("invariant: letters"),
        engine_name: engine_name(project, "data"),
        labels: BTreeMap::new(),
        external: false,
    }
}

/// A spec in the project's network, of one of a few versions: another version replaces the tasks.
fn base(project: &ProjectName, image: &str, rng: &mut SimRng) -> TaskSpec {
    let network = network_spec(project);
    TaskSpec {
        image: image.into(),
        environment: [("VERSION".to_owned(), rng.between(0, 3).to_string())].into(),
        networks: vec![NetworkAttachment {
            network: network.network,
            engine_name: network.engine_name,
            aliases: vec![image.to_owned()],
            endpoint: lab_types::Endpoint::default(),
        }],
        stop_grace: DurationMs(rng.between(100, 2_000)),
        reservation: Resources {
            nano_cpus: rng.between(1, 6) * 100_000_000,
            memory_bytes: 64 << 20,
        },
        ..TaskSpec::default()
    }
}

fn check() -> HealthCheck {
    HealthCheck {
        test: HealthTest::Shell {
            line: "true".into(),
        },
        interval: None,
        timeout: None,
        retries: None,
        start_period: None,
        start_interval: None,
    }
}

fn db(project: &ProjectName, rng: &mut SimRng) -> ServiceModel {
    let volume = volume_spec(project);
    let source = MountSource::Volume {
        volume: volume.volume,
        engine_name: volume.engine_name,
        options: VolumeOptions::default(),
    };
    let task = TaskSpec {
        mounts: vec![Mount {
            source,
            target: "/data".into(),
            read_only: false,
        }],
        healthcheck: Some(check()),
        restart: RestartPolicy::OnFailure,
        ..base(project, "db", rng)
    };
    ServiceModel {
        task,
        replicas: 1,
        depends_on: BTreeMap::new(),
    }
}

fn web(project: &ProjectName, has_db: bool, rng: &mut SimRng) -> ServiceModel {
    let number: u16 = project
        .as_str()
        .trim_start_matches('p')
        .parse()
        .unwrap_or(0);
    let port = rng.chance(400).then_some(PortPublish {
        host_ip: None,
        published: Some(8_000 + number),
        target: 80,
        protocol: PortProtocol::Tcp,
    });
    let condition = if rng.chance(700) {
        Condition::ServiceHealthy
    } else {
        Condition::ServiceStarted
    };
    let depends_on = has_db && rng.chance(700);
    let dependency = Dependency {
        condition,
        required: true,
    };
    let replicas = if port.is_some() {
        1
    } else {
        u32::try_from(rng.between(1, 4)).unwrap_or(1)
    };
    let task = TaskSpec {
        ports: port.into_iter().collect(),
        healthcheck: rng.chance(300).then(check),
        restart: RestartPolicy::Always,
        ..base(project, "web", rng)
    };
    let depends_on = depends_on.then(|| (service("db"), dependency));
    ServiceModel {
        task,
        replicas,
        depends_on: depends_on.into_iter().collect(),
    }
}

fn worker(project: &ProjectName, rng: &mut SimRng) -> ServiceModel {
    let restart = rng.pick(&[
        RestartPolicy::Always,
        RestartPolicy::OnFailure,
        RestartPolicy::OnFailureAtMost { max_attempts: 3 },
    ]);
    let task = TaskSpec {
        restart,
        ..base(project, "worker", rng)
    };
    let replicas = u32::try_from(rng.between(1, 5)).unwrap_or(1);
    ServiceModel {
        task,
        replicas,
        depends_on: BTreeMap::new(),
    }
}

/// What must not run twice, and has nothing that ties it to a node.
fn solo(project: &ProjectName, rng: &mut SimRng) -> ServiceModel {
    let restart = rng.pick(&[RestartPolicy::Always, RestartPolicy::Never]);
    let task = TaskSpec {
        restart,
        exclusive: Some(true),
        ..base(project, "web", rng)
    };
    let replicas = u32::try_from(rng.between(1, 3)).unwrap_or(1);
    ServiceModel {
        task,
        replicas,
        depends_on: BTreeMap::new(),
    }
}

fn job(project: &ProjectName, rng: &mut SimRng) -> ServiceModel {
    let task = TaskSpec {
        restart: RestartPolicy::Never,
        ..base(project, "job", rng)
    };
    ServiceModel {
        task,
        replicas: 1,
        depends_on: BTreeMap::new(),
    }
}
