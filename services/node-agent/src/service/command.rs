//! What the control plane asks for, and the answers.

use std::collections::BTreeMap;
use std::time::Duration;

use lab_bus::Message;
use lab_converge::Heard;
use lab_converge::fence::{Verdict, may_ask};
use lab_kit::clock;
use lab_types::{Fence, Problem};
use lab_wire::agent::{AssignPush, CheckAsk, CheckReply, CommandReply, InventoryAsk, StreamOpen};
use lab_wire::subject::CommandVerb;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::link::Outgoing;
use super::owner::{HELPERS_MAX, Owner};
use super::{offer, stream, work};
use crate::engine::Site;
use crate::engine::observe::found_image;
use crate::engine::watch::Connection;
use crate::logs::follow::Sources;

/// How long a check may take: no leader waits longer, and it takes one of the helpers' places.
const CHECK_MAX: Duration = Duration::from_secs(10);

/// Where one command's answer goes, if its sender waits for one.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    to: Option<String>,
    by: mpsc::Sender<Outgoing>,
}

impl Answer {
    fn send<T: serde::Serialize>(&self, message: &T) {
        if let Some(to) = &self.to {
            offer(&self.by, Outgoing::new(to.clone(), message), "answer");
        }
    }

    /// Done, or why not.
    pub(super) fn plain(&self, result: Result<(), Problem>) {
        self.send(&match result {
            Ok(()) => CommandReply::Done,
            Err(problem) => CommandReply::Refused {
                problem: Box::new(problem),
            },
        });
    }

    fn refuse(&self, problem: &Problem) {
        if let Some(to) = &self.to {
            offer(&self.by, Outgoing::refusal(to.clone(), problem), "refusal");
        }
    }
}

/// Obeys one command; what takes time goes on beside the owner.
pub(super) fn obey(owner: &mut Owner, message: Message) {
    let answer = Answer {
        to: message.reply.clone(),
        by: owner.link.outgoing.clone(),
    };
    match CommandVerb::parse(&message.subject) {
        Some(CommandVerb::Assign) => match read::<AssignPush>(&message) {
            Ok(push) => answer.plain(assign(owner, push)),
            Err(problem) => answer.plain(Err(problem)),
        },
        Some(CommandVerb::Inventory) => match read::<InventoryAsk>(&message) {
            Ok(ask) if owner.core.on_inventory_ask(ask.fence) => answer.plain(Ok(())),
            Ok(ask) => answer.plain(Err(deposed(owner, ask.fence))),
            Err(problem) => answer.plain(Err(problem)),
        },
        Some(CommandVerb::Check) => {
            match read::<CheckAsk>(&message).and_then(|ask| may(owner, ask.fence).map(|()| ask)) {
                Ok(_) if owner.helpers.len() >= HELPERS_MAX => answer.refuse(&busy(owner)),
                Ok(ask) => {
                    let (connection, site) = (owner.engine.borrow().clone(), owner.site.clone());
                    owner.helpers.spawn(check(connection, site, ask, answer));
                }
                Err(problem) => answer.refuse(&problem),
            }
        }
        Some(CommandVerb::Open) => match read::<StreamOpen>(&message) {
            Ok(open) => start_stream(owner, open, answer),
            Err(problem) => answer.plain(Err(problem)),
        },
        None => answer.refuse(&Problem::new(
            "AGT0043",
            format!("{} is not a command this agent knows", message.subject),
        )),
    }
}

fn read<T: DeserializeOwned>(message: &Message) -> Result<T, Problem> {
    lab_wire::decode(&message.payload).map_err(|error| {
        let problem = Problem::new(
            "AGT0043",
            format!("a command on {} cannot be read: {error}", message.subject),
        )
        .help("the control plane and the agent may be of versions too far apart");
        tracing::warn!(error = %problem, "a command is refused");
        problem
    })
}

fn assign(owner: &mut Owner, push: AssignPush) -> Result<(), Problem> {
    let fence = push.assignment.fence;
    let heard = owner
        .core
        .on_push(push.assignment, push.specs, clock::now());
    tell(&heard);
    owner.beat_for_lease();
    match heard.verdict {
        Verdict::Accept | Verdict::Same => Ok(()),
        Verdict::Refuse { .. } => Err(deposed(owner, fence)),
    }
}

/// Logs what was wrong with an assignment.
pub(super) fn tell(heard: &Heard) {
    for problem in &heard.problems {
        tracing::warn!(error = %problem, "an assignment came in");
    }
}

fn may(owner: &Owner, asker: Fence) -> Result<(), Problem> {
    match may_ask(owner.core.heartbeat().accepted, asker) {
        true => Ok(()),
        false => Err(deposed(owner, asker)),
    }
}

fn deposed(owner: &Owner, asker: Fence) -> Problem {
    let accepted = owner.core.heartbeat().accepted;
    Problem::new(
        "AGT0040",
        format!(
            "node {} obeys {accepted} and refuses {asker}",
            owner.site.node
        ),
    )
    .help("a later leader has taken over; ask it")
}

/// Looks, for as long as the leader waits at most.
async fn check(connection: Connection, site: Site, ask: CheckAsk, answer: Answer) {
    let late = answer.clone();
    let looked = tokio::time::timeout(CHECK_MAX, look(connection, site, ask, answer)).await;
    if looked.is_err() {
        let message = format!(
            "the Docker engine did not say within {} s what it has",
            CHECK_MAX.as_secs()
        );
        late.refuse(&Problem::new("AGT0045", message).help("it is busy: try again in a moment"));
    }
}

async fn look(connection: Connection, site: Site, ask: CheckAsk, answer: Answer) {
    let engine = match connection {
        Connection::Up(engine) => engine,
        Connection::Down(problem) => return answer.refuse(&problem),
    };
    let mut images = BTreeMap::new();
    let (mut tagged_at, mut platforms) = (BTreeMap::new(), BTreeMap::new());
    for image in ask.images {
        match found_image(&engine, &image).await {
            Ok(Some(found)) => {
                tagged_at.extend(found.tagged_at.map(|at| (image.clone(), at)));
                platforms.extend(found.platform.map(|platform| (image.clone(), platform)));
                images.insert(image, found.id);
            }
            Ok(None) => {}
            Err(error) => return answer.refuse(&Problem::from(&error)),
        }
    }
    match work::foreign_ports(&engine, &site).await {
        Ok(foreign_ports) => answer.send(&CheckReply {
            images,
            tagged_at,
            platforms,
            foreign_ports,
        }),
        Err(error) => answer.refuse(&Problem::from(&error)),
    }
}

fn busy(owner: &Owner) -> Problem {
    let message = format!(
        "{HELPERS_MAX} streams and checks are under way on node {} already",
        owner.site.node
    );
    Problem::new("AGT0042", message).help("close a stream, or try again in a moment")
}

fn start_stream(owner: &mut Owner, open: StreamOpen, answer: Answer) {
    if let Err(problem) = may(owner, open.fence) {
        return answer.plain(Err(problem));
    }
    let Some(bus) = owner.link.bus.borrow().clone() else {
        return answer.plain(Err(Problem::new("AGT0044", "the agent has lost the bus")));
    };
    if owner.helpers.len() >= HELPERS_MAX {
        return answer.plain(Err(busy(owner)));
    }
    let sources = Sources {
        engine: owner.engine.clone(),
        tasks: owner.statuses.subscribe(),
        readers: owner.readers.clone(),
    };
    let node = owner.site.node.clone();
    owner
        .helpers
        .spawn(stream::serve(bus, node, sources, open, answer));
}
