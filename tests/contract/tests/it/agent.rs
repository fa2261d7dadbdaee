//! An agent without an engine: it registers, beats, and answers commands as a test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lab_bus::{Bus, Message};
use lab_testkit::{NatsServer, node_id};
use lab_types::{
    AgentBoot, EngineFacts, Fence, Heartbeat, Inventory, NodeFacts, NodeId, Report, ReportBody,
};
use lab_wire::agent::{AssignPush, CheckReply, CommandReply};
use lab_wire::subject::{self, CommandVerb, NodeVerb};
use lab_wire::{Encoding, Role};
use serde::Serialize;
use tokio::task::AbortHandle;

/// As a real agent.
const BEAT: Duration = Duration::from_secs(1);

/// What it answers to a command besides assignments.
pub(crate) type Behave = Box<dyn Fn(CommandVerb, &Message) -> Option<Vec<u8>> + Send + Sync>;

/// A running one; it ends with this.
pub(crate) struct BareAgent {
    pub(crate) node: NodeId,
    pub(crate) bus: Bus,
    silent: Arc<AtomicBool>,
    checks: Arc<AtomicU64>,
    opens: Arc<AtomicU64>,
    task: AbortHandle,
}

impl Drop for BareAgent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl BareAgent {
    pub(crate) async fn start(server: &NatsServer, node: &str, behave: Behave) -> Self {
        let node = node_id(node);
        let bus = server.connect_as(&Role::Node(node.clone())).await;
        let mut commands = bus.subscribe(subject::commands_of(&node)).await.unwrap();
        let silent = Arc::new(AtomicBool::new(false));
        let [checks, opens] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
        let mut life = Life {
            bus: bus.clone(),
            node: node.clone(),
            accepted: Fence::default(),
            sequence: 0,
        };
        let quiet = Arc::clone(&silent);
        let counts = (Arc::clone(&checks), Arc::clone(&opens));
        let task = tokio::spawn(async move {
            let mut beat = tokio::time::interval(BEAT);
            life.report().await;
            loop {
                tokio::select! {
                    _ = beat.tick() => if !quiet.load(Ordering::SeqCst) {
                        life.beat().await;
                    },
                    Some(message) = commands.next() => {
                        let verb = CommandVerb::parse(&message.subject).unwrap();
                        match verb {
                            CommandVerb::Assign => {
                                let push: AssignPush = lab_wire::decode(&message.payload).unwrap();
                                life.accepted = push.assignment.fence;
                                continue;
                            }
                            CommandVerb::Inventory => {
                                life.report().await;
                                continue;
                            }
                            CommandVerb::Check => counts.0.fetch_add(1, Ordering::SeqCst),
                            CommandVerb::Open => counts.1.fetch_add(1, Ordering::SeqCst),
                        };
                        let reply = message.reply.clone();
                        if let (Some(reply), Some(body)) = (reply, behave(verb, &message)) {
                            life.bus.publish_bytes(reply, Vec::new(), body.into()).await.unwrap();
                        }
                    }
                }
            }
        });
        Self {
            node,
            bus,
            silent,
            checks,
            opens,
            task: task.abort_handle(),
        }
    }

    /// It gives no sign of life any more, or does again.
    pub(crate) fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// How often it was asked what is there.
    pub(crate) fn checks(&self) -> u64 {
        self.checks.load(Ordering::SeqCst)
    }

    /// How many streams it was asked to open.
    pub(crate) fn opens(&self) -> u64 {
        self.opens.load(Ordering::SeqCst)
    }
}

struct Life {
    bus: Bus,
    node: NodeId,
    accepted: Fence,
    sequence: u64,
}

impl Life {
    async fn beat(&self) {
        let beat = Heartbeat {
            node: self.node.clone(),
            boot: AgentBoot(1),
            sequence: self.sequence,
            accepted: self.accepted,
        };
        let subject = subject::node(&self.node, NodeVerb::Beat);
        self.bus.publish(subject, &beat).await.unwrap();
    }

    async fn report(&mut self) {
        self.sequence += 1;
        let inventory = Inventory {
            hostname: format!("host-{}", self.node),
            facts: NodeFacts {
                engine: Some(EngineFacts::default()),
                ..NodeFacts::default()
            },
            ..Inventory::default()
        };
        let report = Report {
            node: self.node.clone(),
            boot: AgentBoot(1),
            sequence: self.sequence,
            accepted: self.accepted,
            body: ReportBody::Full {
                inventory: Box::new(inventory),
            },
        };
        let subject = subject::node(&self.node, NodeVerb::Report);
        self.bus.publish(subject, &report).await.unwrap();
    }
}

pub(crate) fn body<T: Serialize>(reply: &T) -> Vec<u8> {
    lab_wire::encode(reply, Encoding::MessagePack)
}

/// It has these images, opens every stream, and says so at once.
pub(crate) fn willing(images: &'static [(&'static str, &'static str)]) -> Behave {
    Box::new(move |verb, _| {
        let images = images
            .iter()
            .map(|(name, id)| ((*name).to_owned(), (*id).to_owned()));
        Some(match verb {
            CommandVerb::Check => body(&CheckReply {
                platforms: std::collections::BTreeMap::new(),
                images: images.collect(),
                tagged_at: Default::default(),
                foreign_ports: Vec::new(),
            }),
            _ => body(&CommandReply::Done),
        })
    })
}

/// It beats, and answers nothing.
pub(crate) fn mute() -> Behave {
    Box::new(|_, _| None)
}
