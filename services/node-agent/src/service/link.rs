//! The way to the bus and back; the agent works on while there is none.
//!
//! Whoever runs agents without this service's engine (the scale probe) joins the bus by this too.

use std::time::Duration;

use bytes::Bytes;
use lab_bus::{Bus, ConnectionStatus, Credentials, Message, Nats, Subscription};
use lab_types::{NodeId, Problem};
use lab_wire::{Encoding, header, subject};
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Commands that wait for the owner: more than one leader sends in a second.
const COMMANDS_MAX: usize = 64;
/// Messages that wait to be sent: a beat and a report for each of some minutes. They are dropped
/// when there is no connection, and a full report follows the next one.
const OUTGOING_MAX: usize = 256;
/// How long to wait before joining the bus is tried anew after it was refused.
const JOIN_AGAIN: Duration = Duration::from_secs(5);

/// What comes from the bus.
#[derive(Debug)]
pub enum FromBus {
    /// There is a connection (again).
    Connected,
    /// The control plane says something.
    Command(Message),
}

/// What goes to the bus.
#[derive(Debug)]
pub struct Outgoing {
    subject: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Outgoing {
    /// A message.
    pub fn new<T: Serialize>(subject: impl Into<String>, message: &T) -> Self {
        let content = Encoding::MessagePack.content_type().to_owned();
        Self {
            subject: subject.into(),
            headers: vec![(header::CONTENT_TYPE.to_owned(), content)],
            body: lab_wire::encode(message, Encoding::MessagePack).into(),
        }
    }

    /// The answer that a command cannot be obeyed.
    pub fn refusal(subject: impl Into<String>, problem: &Problem) -> Self {
        let mut message = Self::new(subject, problem);
        let sentence = problem.message.replace(['\r', '\n'], " ");
        message
            .headers
            .push((header::ERROR_CODE.to_owned(), problem.code.to_string()));
        message.headers.push((header::ERROR.to_owned(), sentence));
        message
    }
}

/// The owner's end.
#[derive(Debug)]
pub struct Linked {
    /// What comes in.
    pub incoming: mpsc::Receiver<FromBus>,
    /// What goes out.
    pub outgoing: mpsc::Sender<Outgoing>,
    /// The bus, while there is a connection.
    pub bus: watch::Receiver<Option<Bus>>,
}

/// The bus's end.
pub struct Link {
    incoming: mpsc::Sender<FromBus>,
    outgoing: mpsc::Receiver<Outgoing>,
    bus: watch::Sender<Option<Bus>>,
}

/// Both ends.
pub fn pair() -> (Link, Linked) {
    let (incoming, commands) = mpsc::channel(COMMANDS_MAX);
    let (messages, outgoing) = mpsc::channel(OUTGOING_MAX);
    let (bus, buses) = watch::channel(None);
    let link = Link {
        incoming,
        outgoing,
        bus,
    };
    let linked = Linked {
        incoming: commands,
        outgoing: messages,
        bus: buses,
    };
    (link, linked)
}

/// Reads the credentials once, so that a wrong path is told at the start and not in a loop.
///
/// # Errors
/// `AGT0054`.
pub fn check_credentials(nats: &Nats) -> Result<(), Problem> {
    match Credentials::read(&nats.credentials) {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::new(
            "AGT0054",
            format!("the agent's credentials cannot be used: {error}"),
        )
        .help("set `nats.credentials` to the `.creds` file that was made for this node")),
    }
}

impl Link {
    /// Joins the bus, and joins it again, until `stop`.
    pub async fn run(mut self, nats: Nats, node: NodeId, stop: CancellationToken) {
        // Cancel-safe: what is dropped is a connection.
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.join_forever(&nats, &node) => {}
        }
        if let Some(bus) = self.bus.send_replace(None) {
            // A last report may be under way; the process ends without waiting long for it.
            let _ = tokio::time::timeout(Duration::from_secs(1), bus.flush()).await;
        }
    }

    async fn join_forever(&mut self, nats: &Nats, node: &NodeId) {
        loop {
            match self.join(nats, node).await {
                Ok(()) => tracing::warn!("the bus has closed the connection, joining again"),
                Err(problem) => tracing::error!(error = %problem, "cannot join the bus, trying on"),
            }
            self.bus.send_replace(None);
            tokio::time::sleep(JOIN_AGAIN).await;
        }
    }

    /// Passes messages on until the connection is closed for good.
    async fn join(&mut self, nats: &Nats, node: &NodeId) -> Result<(), Problem> {
        let bus = nats.connect(&format!("tercio-node-agent@{node}")).await?;
        let mut status = bus.status();
        let commands = bus.subscribe(subject::commands_of(node)).await;
        let mut commands = commands.map_err(|error| {
            Problem::new(
                "AGT0055",
                format!("the agent cannot hear commands: {error}"),
            )
        })?;
        let now = *status.borrow_and_update();
        self.tell_status(&bus, now).await;
        self.pass_on(&bus, &mut commands, &mut status).await;
        Ok(())
    }

    async fn pass_on(
        &mut self,
        bus: &Bus,
        commands: &mut Subscription,
        status: &mut watch::Receiver<ConnectionStatus>,
    ) {
        loop {
            // Cancel-safe: every arm waits for a queue or a watch and holds nothing.
            tokio::select! {
                changed = status.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let now = *status.borrow_and_update();
                    self.tell_status(bus, now).await;
                }
                command = commands.next() => match command {
                    Some(command) => self.tell(FromBus::Command(command)).await,
                    None => return,
                },
                Some(message) = self.outgoing.recv() => self.send(bus, message).await,
            }
        }
    }

    async fn tell_status(&self, bus: &Bus, status: ConnectionStatus) {
        match status {
            ConnectionStatus::Connected { .. } => {
                tracing::info!("the bus is there");
                self.bus.send_replace(Some(bus.clone()));
                self.tell(FromBus::Connected).await;
            }
            ConnectionStatus::Disconnected => {
                if self.bus.send_replace(None).is_some() {
                    tracing::warn!("the bus is gone; what runs goes on running");
                }
            }
        }
    }

    async fn tell(&self, news: FromBus) {
        // The owner is gone only when the process ends.
        let _ = self.incoming.send(news).await;
    }

    async fn send(&self, bus: &Bus, message: Outgoing) {
        // What waits for a connection would be stale when it comes.
        if self.bus.borrow().is_none() {
            return;
        }
        let subject = message.subject.clone();
        let sent = bus
            .publish_bytes(message.subject, message.headers, message.body)
            .await;
        if let Err(error) = sent {
            tracing::warn!(subject, error = %error, "a message was not sent");
        }
    }
}
