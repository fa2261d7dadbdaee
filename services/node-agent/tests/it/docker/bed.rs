//! A lab of its own on the machine's engine, removed at the end, also after a failed test.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptions,
};
use futures::StreamExt as _;
use lab_converge::{
    Action, ActionKind, Cause, CreateContainer, Observed, ObservedContainer, labels,
};
use lab_types::{
    AssignedTask, EngineName, Gate, LabId, NodeId, ProjectName, ServiceName, TaskId, TaskSpec,
    TaskTarget,
};
use node_agent::engine::{self, Engine, Site};

/// A small image made from this machine's static busybox.
pub(crate) const IMAGE: &str = "tercio-test/busybox:latest";

/// What marks the objects that a test makes to stand for somebody else's.
pub(crate) const FOREIGN: &str = "tercio-test.foreign";

/// How long something that must happen may take on a busy 2-core machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Bed {
    pub(crate) engine: Engine,
    pub(crate) docker: Docker,
    pub(crate) site: Site,
    pub(crate) project: ProjectName,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tt{}x{number}", std::process::id());
        let engine = Engine::connect(&socket()).await.unwrap();
        let docker = connect();
        let bed = Self {
            engine,
            site: Site {
                lab: LabId::new(name.clone()).unwrap(),
                node: NodeId::new("n1").unwrap(),
            },
            project: ProjectName::new(name).unwrap(),
            docker,
        };
        make_image(&bed.docker).await;
        bed
    }

    /// A name that no other test uses.
    pub(crate) fn name(&self, what: &str) -> EngineName {
        EngineName::new(format!("{}_{what}", self.project)).unwrap()
    }

    pub(crate) fn task(&self, service: &str, slot: u32, spec: &TaskSpec) -> AssignedTask {
        AssignedTask {
            id: TaskId::new(format!("{}-{service}-{slot}", self.project)).unwrap(),
            project: self.project.clone(),
            service: ServiceName::new(service).unwrap(),
            slot,
            spec: spec.digest(),
            target: TaskTarget::Run,
            gate: Gate::Open,
            guard: lab_types::Guard::Free,
        }
    }

    pub(crate) fn create(&self, service: &str, spec: &TaskSpec) -> CreateContainer {
        let task = self.task(service, 1, spec);
        CreateContainer {
            name: labels::container_name(&task).unwrap(),
            image: spec.image.clone(),
            digest: spec.digest(),
            labels: labels::container(&self.site.lab, &self.site.node, &task, spec),
            task: task.id,
            spec: spec.clone(),
        }
    }

    pub(crate) async fn execute(
        &self,
        kind: ActionKind,
    ) -> Result<Option<ObservedContainer>, engine::Error> {
        let action = Action {
            kind,
            cause: Cause::Missing,
        };
        engine::execute(&self.engine, &self.site, &action.kind).await
    }

    pub(crate) async fn create_and_start(
        &self,
        service: &str,
        spec: &TaskSpec,
    ) -> ObservedContainer {
        let create = self.create(service, spec);
        let made = self
            .execute(ActionKind::CreateContainer(Box::new(create)))
            .await
            .unwrap()
            .unwrap();
        self.execute(start_of(&made)).await.unwrap().unwrap()
    }

    pub(crate) async fn network(&self, name: &EngineName) {
        let labels = self.project_labels();
        let name = name.clone();
        self.execute(ActionKind::CreateNetwork { name, labels })
            .await
            .unwrap();
    }

    pub(crate) fn project_labels(&self) -> BTreeMap<String, String> {
        let pairs = [
            (labels::LAB, self.site.lab.to_string()),
            (labels::PROJECT, self.project.to_string()),
        ];
        pairs.map(|(key, value)| (key.to_owned(), value)).into()
    }

    pub(crate) async fn observe(&self) -> Observed {
        engine::observe(&self.engine, &self.site, &[IMAGE.to_owned()].into()).await
    }

    pub(crate) async fn inspect(&self, name: &str) -> bollard::models::ContainerInspectResponse {
        self.docker
            .inspect_container(name, None::<InspectContainerOptions>)
            .await
            .unwrap()
    }

    /// Makes a container that is nobody's business, and runs it.
    pub(crate) async fn foreign_container(
        &self,
        name: &str,
        change: impl FnOnce(&mut bollard::models::ContainerCreateBody),
    ) -> String {
        let mut body = bollard::models::ContainerCreateBody {
            image: Some(IMAGE.to_owned()),
            cmd: Some(["sleep", "600"].map(str::to_owned).to_vec()),
            labels: Some(self.foreign_labels()),
            ..Default::default()
        };
        change(&mut body);
        let options = bollard::query_parameters::CreateContainerOptionsBuilder::new()
            .name(name)
            .build();
        let id = self
            .docker
            .create_container(Some(options), body)
            .await
            .unwrap()
            .id;
        let none = None::<bollard::query_parameters::StartContainerOptions>;
        self.docker.start_container(&id, none).await.unwrap();
        id
    }

    /// Runs a program in a container to its end; returns what it wrote, without the last line's end.
    pub(crate) async fn exec(&self, container: &str, argv: &[&str]) -> String {
        let options = bollard::models::ExecConfig {
            cmd: Some(argv.iter().map(|word| (*word).to_owned()).collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let exec = self.docker.create_exec(container, options).await.unwrap();
        let started = self.docker.start_exec(&exec.id, None).await.unwrap();
        let mut written = Vec::new();
        if let bollard::exec::StartExecResults::Attached { mut output, .. } = started {
            while let Some(part) = output.next().await {
                written.extend_from_slice(&part.unwrap().into_bytes());
            }
        }
        String::from_utf8(written).unwrap().trim_end().to_owned()
    }

    /// What a line of shell says in a running container.
    pub(crate) async fn says(&self, container: &ObservedContainer, line: &str) -> String {
        self.exec(&container.id.0, &["sh", "-c", line]).await
    }

    pub(crate) fn foreign_labels(&self) -> HashMap<String, String> {
        HashMap::from([(FOREIGN.to_owned(), self.site.lab.to_string())])
    }
}

pub(crate) fn start_of(made: &ObservedContainer) -> ActionKind {
    ActionKind::StartContainer {
        container: made.id.clone(),
        name: made.name.clone(),
        task: made.identity.task.clone(),
        attempt: 1,
    }
}

pub(crate) fn stop_of(made: &ObservedContainer) -> ActionKind {
    ActionKind::StopContainer {
        container: made.id.clone(),
        name: made.name.clone(),
        task: made.identity.task.clone(),
        grace: made.identity.stop_grace,
    }
}

pub(crate) fn remove_of(made: &ObservedContainer) -> ActionKind {
    ActionKind::RemoveContainer {
        container: made.id.clone(),
        name: made.name.clone(),
        task: made.identity.task.clone(),
    }
}

/// A spec that runs a line of shell.
pub(crate) fn shell(line: &str) -> TaskSpec {
    TaskSpec {
        image: IMAGE.to_owned(),
        command: Some(["sh", "-c", line].map(str::to_owned).to_vec()),
        stop_grace: lab_types::DurationMs(1000),
        ..TaskSpec::default()
    }
}

/// Asks until it holds.
pub(crate) async fn wait_for<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        // The pause between two looks at an engine that cannot wake us; nothing depends on its length.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn socket() -> PathBuf {
    engine::socket(None, std::env::var("DOCKER_HOST").ok().as_deref()).unwrap()
}

fn connect() -> Docker {
    let path = socket();
    let version = bollard::ClientVersion {
        major_version: 1,
        minor_version: 41,
    };
    Docker::connect_with_unix(path.to_str().unwrap(), 60, &version).unwrap()
}

async fn make_image(docker: &Docker) {
    if docker.inspect_image(IMAGE).await.is_ok() {
        return;
    }
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo("tercio-test/busybox")
        .tag("latest");
    let body = bollard::body_full(root_of_busybox().into());
    let mut messages = docker.create_image(Some(options.build()), Some(body), None);
    while let Some(message) = messages.next().await {
        message.unwrap();
    }
}

/// A root file system: `/bin/busybox`, its commands as links, and `/tmp`.
pub(crate) fn root_of_busybox() -> Vec<u8> {
    let list = std::process::Command::new("busybox").arg("--list").output();
    let list = list.expect("these tests need the package busybox-static");
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_path_with_name("/usr/bin/busybox", "bin/busybox")
        .or_else(|_| tar.append_path_with_name("/bin/busybox", "bin/busybox"))
        .unwrap();
    for command in String::from_utf8(list.stdout)
        .unwrap()
        .lines()
        .filter(|name| *name != "busybox")
    {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        tar.append_link(&mut header, format!("bin/{command}"), "busybox")
            .unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_mode(0o1777);
    tar.append_data(&mut header, "tmp", std::io::empty())
        .unwrap();
    tar.into_inner().unwrap()
}

impl Drop for Bed {
    fn drop(&mut self) {
        let lab = self.site.lab.to_string();
        // A runtime of its own: the test's may be the one that panics.
        let cleaned = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(remove_all(&connect(), &lab));
        });
        let ended = cleaned.join();
        assert!(
            ended.is_ok() || std::thread::panicking(),
            "the test's objects were not removed"
        );
    }
}

async fn remove_all(docker: &Docker, lab: &str) {
    // Containers first, whosesoever: they hold networks and volumes.
    let labels = [format!("{}={lab}", labels::LAB), format!("{FOREIGN}={lab}")];
    let labels = labels
        .each_ref()
        .map(|label| HashMap::from([("label", vec![label.as_str()])]));
    for filters in &labels {
        let containers = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(filters)
            .build();
        for container in docker.list_containers(Some(containers)).await.unwrap() {
            let force = RemoveContainerOptionsBuilder::new()
                .force(true)
                .v(true)
                .build();
            docker
                .remove_container(&container.id.unwrap(), Some(force))
                .await
                .unwrap();
        }
    }
    for filters in &labels {
        let networks = ListNetworksOptionsBuilder::new().filters(filters).build();
        for network in docker.list_networks(Some(networks)).await.unwrap() {
            docker.remove_network(&network.id.unwrap()).await.unwrap();
        }
        let volumes = ListVolumesOptionsBuilder::new().filters(filters).build();
        let volumes = docker.list_volumes(Some(volumes)).await.unwrap().volumes;
        for volume in volumes.into_iter().flatten() {
            docker
                .remove_volume(&volume.name, Some(RemoveVolumeOptions { force: false }))
                .await
                .unwrap();
        }
    }
}
