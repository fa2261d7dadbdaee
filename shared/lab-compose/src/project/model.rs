//! A project → the model that the scheduler is asked to make true.

use std::collections::BTreeMap;

use lab_types::{
    BindOptions, DurationMs, Endpoint, HealthCheck, HealthTest, Mount, MountSource,
    NetworkAttachment, NetworkSpec, PortPublish, ProjectModel, RestartPolicy, ServiceModel,
    ServiceName, TaskSpec, VolumeFilling, VolumeOptions, VolumeSpec,
};

use super::{Network, Project, Restart, Service, ServiceMount, ServiceMountSource, Volume};

/// How long a container may take to stop: Compose's default of `stop_grace_period`.
const STOP_GRACE: DurationMs = DurationMs::from_secs(10);

impl Project {
    /// The model. `image_ids` gives the ids of images that are present, by reference; only those of
    /// built images are taken, so that a rebuilt image makes a new task.
    #[must_use]
    pub fn to_model(&self, image_ids: &BTreeMap<String, String>) -> ProjectModel {
        let service = |(name, service): (&ServiceName, &Service)| {
            let model = ServiceModel {
                task: self.task(name, service, image_ids),
                replicas: service.replicas.unwrap_or(1),
                depends_on: service.depends_on.clone(),
            };
            (name.clone(), model)
        };
        let network = |(key, network): (&lab_types::NetworkName, &Network)| {
            let spec = NetworkSpec {
                network: key.clone(),
                engine_name: network.engine_name.clone(),
                labels: network.labels.clone(),
                external: network.external,
            };
            (key.clone(), spec)
        };
        let volume = |(key, volume): (&lab_types::VolumeName, &Volume)| {
            let spec = VolumeSpec {
                volume: key.clone(),
                engine_name: volume.engine_name.clone(),
                labels: volume.labels.clone(),
                external: volume.external,
            };
            (key.clone(), spec)
        };
        ProjectModel {
            name: self.name.clone(),
            services: self.services.iter().map(service).collect(),
            networks: self.networks.iter().map(network).collect(),
            volumes: self.volumes.iter().map(volume).collect(),
            working_dir: self.working_dir.clone(),
            config_files: self.config_files.clone(),
        }
    }

    fn task(
        &self,
        name: &ServiceName,
        service: &Service,
        image_ids: &BTreeMap<String, String>,
    ) -> TaskSpec {
        let image = self.image_of(name, service);
        let built = service.build.as_ref();
        let image_id = built.and_then(|_| image_ids.get(&image).cloned());
        let set = |(key, value): (&String, &Option<String>)| Some((key.clone(), value.clone()?));
        let mut ports: Vec<PortPublish> = service.ports.iter().map(publish).collect();
        // Neither order means anything to the engine; sorted, a reordered file changes no task.
        ports.sort();
        let mut mounts: Vec<Mount> = service
            .mounts
            .iter()
            .filter_map(|mount| self.mount(mount))
            .collect();
        mounts.sort_by(|a, b| a.target.cmp(&b.target));
        let spec = TaskSpec {
            image,
            image_id,
            // Known to the lab alone; the planner adds it.
            platforms: Vec::new(),
            command: service.command.clone(),
            entrypoint: service.entrypoint.clone(),
            environment: service.environment.iter().filter_map(set).collect(),
            labels: service.labels.clone(),
            mounts,
            ports,
            networks: self.attachments(name, service),
            healthcheck: service.healthcheck.as_ref().map(health_check),
            restart: restart_policy(service.restart),
            stop_grace: service.stop_grace.unwrap_or(STOP_GRACE),
            reservation: service.reservation,
            exclusive: None,
            ..TaskSpec::default()
        };
        // What follows from the mounts is not said twice: a file that says it changes no task.
        let said = service.exclusive;
        TaskSpec {
            exclusive: said.filter(|said| *said != spec.is_exclusive()),
            ..spec
        }
    }

    fn mount(&self, mount: &ServiceMount) -> Option<Mount> {
        let source = match &mount.source {
            ServiceMountSource::Anonymous => MountSource::Anonymous {
                filling: VolumeFilling::default(),
                labels: BTreeMap::new(),
            },
            ServiceMountSource::Volume(key) => MountSource::Volume {
                volume: key.clone(),
                engine_name: self.volumes.get(key)?.engine_name.clone(),
                options: VolumeOptions::default(),
            },
            ServiceMountSource::Bind {
                path,
                create_host_path,
            } => MountSource::Bind {
                path: path.clone(),
                create_host_path: *create_host_path,
                options: BindOptions::default(),
            },
        };
        Some(Mount {
            source,
            target: mount.target.clone(),
            read_only: mount.read_only,
        })
    }

    /// Its networks by name; on each it answers to the service's name and its aliases.
    fn attachments(&self, name: &ServiceName, service: &Service) -> Vec<NetworkAttachment> {
        let attach = |(key, attachment): (&lab_types::NetworkName, &super::Attachment)| {
            let mut aliases = vec![name.to_string()];
            for alias in &attachment.aliases {
                if !aliases.contains(alias) {
                    aliases.push(alias.clone());
                }
            }
            Some(NetworkAttachment {
                network: key.clone(),
                engine_name: self.networks.get(key)?.engine_name.clone(),
                aliases,
                endpoint: Endpoint::default(),
            })
        };
        service.networks.iter().filter_map(attach).collect()
    }
}

fn publish(port: &super::Port) -> PortPublish {
    PortPublish {
        host_ip: port.host_ip.clone(),
        published: port.published.filter(|number| *number != 0),
        target: port.target,
        protocol: port.protocol,
    }
}

fn health_check(check: &super::HealthCheck) -> HealthCheck {
    let test = match check.test.as_slice() {
        _ if check.disabled => HealthTest::Disabled,
        [kind, line] if kind == "CMD-SHELL" => HealthTest::Shell { line: line.clone() },
        [kind, argv @ ..] if kind == "CMD" => HealthTest::Exec {
            argv: argv.to_vec(),
        },
        // `NONE`; the decoder lets nothing else through.
        _ => HealthTest::Disabled,
    };
    HealthCheck {
        test,
        interval: check.interval,
        timeout: check.timeout,
        retries: check.retries,
        start_period: check.start_period,
        start_interval: None,
    }
}

const fn restart_policy(restart: Option<Restart>) -> RestartPolicy {
    match restart {
        None | Some(Restart::OnFailure(None)) => RestartPolicy::OnFailure,
        Some(Restart::No) => RestartPolicy::Never,
        Some(Restart::Always | Restart::UnlessStopped) => RestartPolicy::Always,
        Some(Restart::OnFailure(Some(max_attempts))) => {
            RestartPolicy::OnFailureAtMost { max_attempts }
        }
    }
}
