//! An agent with a real nats-server, and a leader that says what the test wants.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use lab_bus::{Bus, Message, Nats};
use lab_testkit::NatsServer;
use lab_types::{
    AssignedTask, Assignment, BeatAnswer, CarriedSpec, DurationMs, Epoch, Event, Fence, Generation,
    Heartbeat, Incarnation, Inventory, Problem, ProjectNetwork, Report, ReportBody, SpecDigest,
    TaskId, TaskSpec, TaskStatus,
};
use lab_wire::Role;
use lab_wire::agent::{AssignPush, CommandReply, InventoryAsk, SyncReply};
use lab_wire::image::{ImageAnswer, ImageStage, ImageStand};
use lab_wire::subject::{self, CommandVerb, NodeVerb};
use node_agent::{Config, EngineConfig};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::bed::{Bed, PATIENCE, socket};

/// The agent under test.
pub(crate) struct Agent {
    stop: CancellationToken,
    running: JoinHandle<Result<(), Problem>>,
}

impl Agent {
    pub(crate) fn start(world: &World) -> Self {
        Self::with(world.config())
    }

    pub(crate) fn with(config: Config) -> Self {
        let stop = CancellationToken::new();
        let running = tokio::spawn(node_agent::run(config, stop.clone()));
        Self { stop, running }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.running).await;
        ended.expect("the agent does not stop").unwrap().unwrap();
    }

    /// As a kill would: no step of an orderly end is taken.
    pub(crate) async fn kill(self) {
        self.running.abort();
        assert!(self.running.await.unwrap_err().is_cancelled());
    }

    pub(crate) async fn failed(self) -> Problem {
        let ended = tokio::time::timeout(PATIENCE, self.running).await;
        ended.expect("the agent does not end").unwrap().unwrap_err()
    }
}

/// What the leader has heard and will answer.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    pub(crate) inventory: Option<Arc<Inventory>>,
    pub(crate) statuses: BTreeMap<TaskId, TaskStatus>,
    pub(crate) reports: usize,
    pub(crate) beats: usize,
    /// What was said of images, last first.
    pub(crate) stages: Vec<ImageStage>,
    /// What the agent told it to keep.
    pub(crate) events: Vec<Event>,
    pub(crate) accepted: Fence,
    /// The last report's number.
    sequence: u64,
}

pub(crate) struct World {
    pub(crate) bed: Bed,
    pub(crate) nats: NatsServer,
    pub(crate) leader: Leader,
    pub(crate) assignment: Assignment,
    pub(crate) specs: BTreeMap<SpecDigest, TaskSpec>,
    directory: tempfile::TempDir,
}

/// What the leader answers to an agent that lacks an image.
pub(crate) type ImageSays = Arc<dyn Fn(ImageStand) -> ImageAnswer + Send + Sync>;

/// The leader's end of the bus.
pub(crate) struct Leader {
    pub(crate) bus: Bus,
    pub(crate) heard: watch::Receiver<Heard>,
    answer: watch::Sender<SyncReply>,
    images: watch::Sender<ImageSays>,
    /// For how long an answered sign of life lets exclusive tasks run; absent for no answer.
    lease: watch::Sender<Option<DurationMs>>,
    listening: JoinHandle<()>,
}

impl Leader {
    async fn start(nats: &NatsServer, bed: &Bed) -> Self {
        let bus = nats.connect_as(&Role::Scheduler).await;
        let nothing = SyncReply {
            assignment: None,
            specs: BTreeMap::new(),
        };
        let (answer, answers) = watch::channel(nothing);
        let says: ImageSays = Arc::new(|_| ImageAnswer::Nobody);
        let (images, says) = watch::channel(says);
        let (lease, leases) = watch::channel(None);
        let (tell, heard) = watch::channel(Heard::default());
        let mut messages = bus.subscribe(subject::NODES_ALL).await.unwrap();
        bus.flush().await.unwrap();
        let (node, speaker) = (bed.site.node.clone(), bus.clone());
        let listening = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                let (from, verb) = subject::parse_node(&message.subject).unwrap();
                assert_eq!(from, node);
                match verb {
                    NodeVerb::Beat => {
                        let lease = *leases.borrow();
                        on_beat(&speaker, &tell, lease, message).await;
                    }
                    NodeVerb::Report => {
                        let report: Report = lab_wire::decode(&message.payload).unwrap();
                        tell.send_modify(|heard| hear(heard, report));
                    }
                    NodeVerb::Image => {
                        let stand: ImageStand = lab_wire::decode(&message.payload).unwrap();
                        tell.send_modify(|heard| heard.stages.insert(0, stand.stage.clone()));
                        let says = says.borrow().clone();
                        let answer = says(stand);
                        let reply = message.reply.unwrap();
                        speaker.publish(reply, &answer).await.unwrap();
                    }
                    NodeVerb::Event => {
                        let event: Event = lab_wire::decode(&message.payload).unwrap();
                        tell.send_modify(|heard| heard.events.push(event));
                        let reply = message.reply.unwrap();
                        speaker.publish(reply, &CommandReply::Done).await.unwrap();
                    }
                    NodeVerb::Sync => {
                        let reply = answers.borrow().clone();
                        speaker
                            .publish(message.reply.unwrap(), &reply)
                            .await
                            .unwrap();
                    }
                }
            }
        });
        Self {
            bus,
            heard,
            answer,
            images,
            lease,
            listening,
        }
    }

    /// Answers signs of life from now on, or does not.
    pub(crate) fn answer_beats(&self, lease: Option<DurationMs>) {
        self.lease.send_replace(lease);
    }
}

async fn on_beat(
    speaker: &Bus,
    tell: &watch::Sender<Heard>,
    lease: Option<DurationMs>,
    message: Message,
) {
    let beat: Heartbeat = lab_wire::decode(&message.payload).unwrap();
    tell.send_modify(|heard| {
        heard.beats += 1;
        heard.accepted = beat.accepted;
    });
    if let (Some(reply), Some(lease)) = (message.reply, lease) {
        let answer = BeatAnswer {
            leader: beat.accepted,
            assigned: beat.accepted,
            lease,
        };
        speaker.publish(reply, &answer).await.unwrap();
    }
    // A report was lost, as when both ends lose the bus: ask for all.
    if beat.sequence != tell.borrow().sequence {
        let fence = beat.accepted;
        let ask = subject::command(&beat.node, CommandVerb::Inventory);
        speaker.publish(ask, &InventoryAsk { fence }).await.unwrap();
    }
}

fn hear(heard: &mut Heard, report: Report) {
    heard.reports += 1;
    heard.sequence = report.sequence;
    match report.body {
        ReportBody::Full { inventory } => {
            heard.statuses.clone_from(&inventory.tasks);
            heard.inventory = Some(Arc::from(inventory));
        }
        ReportBody::Delta {
            changed, forgotten, ..
        } => {
            for task in forgotten {
                heard.statuses.remove(&task);
            }
            for status in changed {
                heard.statuses.insert(status.task.clone(), status);
            }
        }
        ReportBody::Unknown => panic!("a report of an unknown kind"),
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let bed = Bed::new().await;
        let nats = NatsServer::start().await;
        let credentials = nats.credentials(&Role::Node(bed.site.node.clone()));
        let directory = tempfile::tempdir().unwrap();
        credentials
            .write(&directory.path().join("node.creds"))
            .unwrap();
        let leader = Leader::start(&nats, &bed).await;
        let mut assignment = Assignment::empty(bed.site.node.clone());
        assignment.fence = Fence {
            incarnation: Incarnation(1),
            epoch: Epoch(1),
            generation: Generation(0),
        };
        Self {
            bed,
            nats,
            leader,
            assignment,
            specs: BTreeMap::new(),
            directory,
        }
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            lab: Some(self.bed.site.lab.clone()),
            node: Some(self.bed.site.node.clone()),
            role: lab_types::NodeRole::Worker,
            state_dir: Some(self.directory.path().join("state")),
            engine: EngineConfig {
                socket: Some(socket()),
            },
            nats: Nats {
                urls: vec![self.nats.url()],
                credentials: self.directory.path().join("node.creds"),
            },
            log: lab_kit::telemetry::Config::default(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Adds a task to the next assignment.
    pub(crate) fn add(&mut self, service: &str, spec: TaskSpec) -> AssignedTask {
        let task = self.bed.task(service, 1, &spec);
        self.specs.insert(spec.digest(), spec);
        self.assignment.tasks.insert(task.id.clone(), task.clone());
        task
    }

    /// Adds a network to the next assignment.
    pub(crate) fn add_network(&mut self, network: &str) -> lab_types::NetworkAttachment {
        let (key, engine_name) = (
            lab_types::NetworkName::new(network).unwrap(),
            self.bed.name(network),
        );
        let spec = lab_types::NetworkSpec {
            network: key.clone(),
            engine_name: engine_name.clone(),
            labels: BTreeMap::new(),
            external: false,
        };
        let project = self.bed.project.clone();
        self.assignment
            .networks
            .insert(engine_name.clone(), ProjectNetwork { project, spec });
        lab_types::NetworkAttachment {
            network: key,
            engine_name,
            aliases: vec![network.to_owned()],
            endpoint: lab_types::Endpoint::default(),
        }
    }

    /// Makes the assignment the next generation, for whoever asks.
    pub(crate) fn commit(&mut self) {
        self.assignment.fence.generation = self.assignment.fence.generation.next();
        self.leader.answer.send_replace(SyncReply {
            assignment: Some(self.assignment.clone()),
            specs: self.carried(),
        });
    }

    fn carried(&self) -> BTreeMap<SpecDigest, CarriedSpec> {
        let specs = self.specs.iter();
        specs
            .map(|(digest, spec)| (digest.clone(), spec.clone().into()))
            .collect()
    }

    /// Commits, and pushes it.
    pub(crate) async fn push(&mut self) -> CommandReply {
        self.commit();
        self.push_as(self.assignment.clone()).await
    }

    pub(crate) async fn push_as(&self, assignment: Assignment) -> CommandReply {
        let push = AssignPush {
            assignment,
            specs: self.carried(),
        };
        self.command(CommandVerb::Assign, &push).await.unwrap()
    }

    pub(crate) async fn command<T: serde::Serialize + Sync, R: serde::de::DeserializeOwned>(
        &self,
        verb: CommandVerb,
        message: &T,
    ) -> Result<R, lab_bus::CallError> {
        let subject = subject::command(&self.bed.site.node, verb);
        self.leader
            .bus
            .request_message(subject, message, PATIENCE)
            .await
    }

    /// What the leader answers from now on to an agent that lacks an image.
    pub(crate) fn say_of_images(
        &self,
        says: impl Fn(ImageStand) -> ImageAnswer + Send + Sync + 'static,
    ) {
        self.leader.images.send_replace(Arc::new(says));
    }

    /// Waits until what the leader has heard satisfies `holds`.
    pub(crate) async fn heard<T>(&self, what: &str, holds: impl Fn(&Heard) -> Option<T>) -> T {
        let mut heard = self.leader.heard.clone();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let found = holds(&heard.borrow_and_update());
                if let Some(found) = found {
                    return found;
                }
                heard.changed().await.unwrap();
            }
        });
        let found = found.await;
        found.unwrap_or_else(|_| {
            panic!(
                "waited in vain until {what}; heard: {:#?}",
                heard.borrow().statuses
            )
        })
    }

    /// Waits until a task is as `holds` wants.
    pub(crate) async fn status(
        &self,
        task: &TaskId,
        what: &str,
        holds: impl Fn(&TaskStatus) -> bool,
    ) -> TaskStatus {
        let of_task = |heard: &Heard| {
            heard
                .statuses
                .get(task)
                .filter(|status| holds(status))
                .cloned()
        };
        self.heard(what, of_task).await
    }
}
