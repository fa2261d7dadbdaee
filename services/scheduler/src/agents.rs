//! What agents say, and what they are told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lab_bus::{Bus, CallError, Leadership, Message, PublishError};
use lab_kit::clock::steady as clock;
use lab_placement::Change;
use lab_placement::leader::{Push, Request};
use lab_placement::observe::{HeartbeatVerdict, ReportVerdict};
use lab_types::{
    CarriedSpec, Event, Fence, Generation, Heartbeat, NodeId, Report, RequestId, SpecDigest,
    TaskSpec, UserName,
};
use lab_wire::agent::{AssignPush, CommandReply, InventoryAsk, SyncReply, SyncRequest};
use lab_wire::subject::{self, CommandVerb, NodeVerb};
use serde::{Serialize, de::DeserializeOwned};

use crate::leading::Leading;

/// How long an agent may be unheard of before a question to it fails: the client library tries to
/// connect again at least every 4 s.
const ABSENCE_MAX: Duration = Duration::from_secs(5);
/// The pause between two tries.
const ABSENCE_PAUSE: Duration = Duration::from_millis(200);

impl Leading {
    /// Takes one message of an agent. NATS vouches for the node in the subject; one that speaks of
    /// another in its body is not believed.
    pub(crate) async fn on_agent(&mut self, message: Message, leadership: &Leadership) {
        let Ok((node, verb)) = subject::parse_node(&message.subject) else {
            tracing::debug!(subject = message.subject, "not a subject of an agent");
            return;
        };
        match verb {
            NodeVerb::Beat => {
                if let Some(beat) = self.read::<Heartbeat>(&node, &message, |beat| &beat.node) {
                    let verdict = self.core.on_heartbeat(&beat, clock::now());
                    match (verdict, message.reply) {
                        (HeartbeatVerdict::Unregistered, _) => self.ask_inventory(&node).await,
                        // What was heard after the lease's deadline may belong to another leader.
                        (HeartbeatVerdict::Heard { .. }, Some(reply)) if leadership.may_act() => {
                            say(&self.bus, reply, &self.core.beat_answer(&node)).await;
                        }
                        (HeartbeatVerdict::Heard { .. } | HeartbeatVerdict::StaleBoot, _) => {}
                    }
                }
            }
            NodeVerb::Report => {
                if let Some(report) = self.read::<Report>(&node, &message, |report| &report.node) {
                    let verdict = self.core.on_report(&report, clock::now());
                    match self.core.lab().registration(&report) {
                        Some(change) => self.register(&report, change),
                        None if verdict == ReportVerdict::Unregistered => {
                            self.ask_inventory(&node).await;
                        }
                        None => {}
                    }
                }
            }
            NodeVerb::Sync => self.on_sync(&node, message).await,
            NodeVerb::Image => self.on_image(node, &message).await,
            NodeVerb::Event => self.on_event(&node, message).await,
        }
    }

    /// Something that the agent saw happen: it goes into the outbox of the next pass.
    async fn on_event(&mut self, node: &NodeId, message: Message) {
        let event: Event = match lab_wire::decode(&message.payload) {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(node_id = %node, %error, "an agent's event cannot be read");
                return;
            }
        };
        let answer = match self.core.on_agent_event(node, event) {
            Ok(()) => CommandReply::Done,
            Err(problem) => CommandReply::Refused {
                problem: Box::new(problem),
            },
        };
        if let Some(reply) = message.reply {
            say(&self.bus, reply, &answer).await;
        }
    }

    fn read<T: serde::de::DeserializeOwned>(
        &self,
        node: &NodeId,
        message: &Message,
        speaker: impl Fn(&T) -> &NodeId,
    ) -> Option<T> {
        match lab_wire::decode::<T>(&message.payload) {
            Ok(body) if speaker(&body) == node => Some(body),
            Ok(_) => {
                tracing::warn!(node_id = %node, "an agent speaks for another node: ignored");
                None
            }
            Err(error) => {
                tracing::warn!(node_id = %node, %error, "an agent's message cannot be read");
                None
            }
        }
    }

    /// A node has told all about itself, and the lab does not know it so: its credentials prove that it
    /// belongs to the lab.
    fn register(&mut self, report: &Report, change: Change) {
        let (node, boot, sequence) = (&report.node, report.boot.0, report.sequence);
        let id = RequestId::new(format!("register-{node}-{boot}-{sequence}"))
            .expect("invariant: a node id and numbers make a request id");
        self.core.on_request(Request {
            id,
            user: UserName::new("scheduler").expect("invariant: letters only"),
            change,
        });
    }

    async fn on_sync(&mut self, node: &NodeId, message: Message) {
        let Some(reply) = message.reply else { return };
        let request: SyncRequest = match lab_wire::decode(&message.payload) {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!(node_id = %node, %error, "an agent's sync cannot be read");
                return;
            }
        };
        let mut answer = SyncReply {
            assignment: None,
            specs: BTreeMap::new(),
        };
        let mut is_current = false;
        if let Some(Push { assignment, specs }) = self.core.sync(node) {
            is_current = assignment.fence == request.accepted;
            answer.assignment = Some(assignment);
            answer.specs = carried(specs);
        }
        // Whoever has the assignment knows what he lacks.
        if is_current || !request.lacking.is_empty() {
            answer.specs = carried(self.core.specs_for(request.lacking));
        }
        let mut sent = self.bus.publish(reply.clone(), &answer).await;
        while matches!(sent, Err(PublishError::Unsendable { .. })) && answer.specs.len() > 1 {
            // It asks again for the rest.
            let half = answer.specs.len() / 2;
            answer.specs = answer.specs.into_iter().take(half).collect();
            sent = self.bus.publish(reply.clone(), &answer).await;
        }
        self.told(node, sent);
    }

    /// Sends an assignment to its node. A lost one shows in the heartbeat, and is sent again.
    pub(crate) async fn push(&mut self, push: Push) {
        let node = push.assignment.node.clone();
        let subject = subject::command(&node, CommandVerb::Assign);
        let mut body = AssignPush {
            assignment: push.assignment,
            specs: carried(push.specs),
        };
        let mut sent = self.bus.publish(subject.clone(), &body).await;
        if matches!(sent, Err(PublishError::Unsendable { .. })) && !body.specs.is_empty() {
            // The agent asks for those that it lacks.
            body.specs.clear();
            sent = self.bus.publish(subject.clone(), &body).await;
        }
        self.told(&node, sent);
    }

    /// Keeps for people what a node cannot be told at all: nothing that is sent again gets smaller.
    fn told(&mut self, node: &NodeId, sent: Result<(), PublishError>) {
        match sent {
            Ok(()) => {
                self.untold.remove(node);
            }
            Err(PublishError::Unsendable { reason, .. }) => {
                if self.untold.insert(node.clone(), reason.clone()).is_none() {
                    tracing::error!(node_id = %node, reason, "a node cannot be told what to run");
                }
            }
            Err(error) => tracing::debug!(node_id = %node, %error, "an assignment was not sent"),
        }
    }

    /// Asks an agent for everything it knows.
    pub(crate) async fn ask_inventory(&self, node: &NodeId) {
        let subject = subject::command(node, CommandVerb::Inventory);
        say(
            &self.bus,
            subject,
            &InventoryAsk {
                fence: self.fence(),
            },
        )
        .await;
    }

    /// This leader's fence, for commands that concern no particular generation.
    pub(crate) fn fence(&self) -> Fence {
        let leader = self.core.leader();
        Fence {
            incarnation: leader.incarnation,
            epoch: leader.epoch,
            generation: Generation(0),
        }
    }
}

fn carried(specs: BTreeMap<SpecDigest, TaskSpec>) -> BTreeMap<SpecDigest, CarriedSpec> {
    let specs = specs.into_iter();
    specs.map(|(digest, spec)| (digest, spec.into())).collect()
}

/// Asks one agent; `timeout` is for all of it. An agent that nobody hears is waited for a moment: after
/// a restart of nats-server the parts come back one after another.
pub(crate) async fn ask<T: Serialize + Sync, R: DeserializeOwned>(
    bus: &Bus,
    (node, verb): (&NodeId, CommandVerb),
    body: &T,
    timeout: Duration,
) -> Result<R, CallError> {
    let started = Instant::now();
    let absence_max = ABSENCE_MAX.min(timeout);
    loop {
        let left = timeout.saturating_sub(started.elapsed());
        let reply = bus
            .request_message(subject::command(node, verb), body, left)
            .await;
        match reply {
            Err(CallError::NoResponders { .. })
                if started.elapsed() + ABSENCE_PAUSE < absence_max =>
            {
                tokio::time::sleep(ABSENCE_PAUSE).await;
            }
            reply => return reply,
        }
    }
}

pub(crate) async fn say<T: Serialize + Sync>(
    bus: &Bus,
    subject: impl Into<String> + Send,
    body: &T,
) {
    let subject = subject.into();
    if let Err(error) = bus.publish(subject.clone(), body).await {
        tracing::debug!(subject, %error, "a message was not sent");
    }
}
