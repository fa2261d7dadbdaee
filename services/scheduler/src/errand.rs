//! Work that waits for agents: tasks beside the leader, each of which comes back once.
//!
//! An errand is shorter than one attempt of whoever waits for it (5 s by default), or whoever repeats
//! his request while it is under way is joined to it: nothing is asked of the agents twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use lab_bus::{Bus, Incoming};
use lab_placement::images::Looked;
use lab_placement::leader::Request as CoreRequest;
use lab_types::{ForeignPort, NodeId, NodeName, Problem, ProjectName, RequestId, UserName};
use lab_wire::agent::{CheckAsk, CheckReply};
use lab_wire::request::StreamsOpened;
use lab_wire::subject::CommandVerb;
use tokio::task::{JoinError, JoinSet};

use crate::agents;
use crate::codes;
use crate::images::Found;
use crate::transfers::NotSent;

/// Errands under way at once: beyond it the leader says that it is busy, rather than pile them up.
const ERRANDS_MAX: usize = 256;
/// How many nodes one errand asks side by side, as with inventories.
const LOOKS_MAX: usize = 64;
/// Changes that wait for a look at the ports of all nodes; more of them go by what the nodes said last.
const PORTS_WAITING_MAX: usize = 256;
/// How long the streams of a build or pull are remembered for the repetition of its request: twice as
/// long as a caller repeats it.
const OPENED_KEPT: Duration = Duration::from_secs(60);
/// How many are remembered; some hundred bytes each.
const OPENED_MAX: usize = 1024;

/// What an errand comes back with.
pub(crate) enum Back {
    /// Its request is answered.
    Answered,
    /// What the nodes have of the images that somebody asked for.
    Facts(FactsAsk, Result<Found, Problem>),
    /// What the nodes say of their ports.
    Ports(Vec<(NodeId, Vec<ForeignPort>)>),
    /// The streams of a build or pull.
    Opened(OpenKey, Result<StreamsOpened, Problem>),
    /// All nodes were asked for an image.
    Looked(Looked),
    /// A source did not join a transfer.
    NotSent(NotSent),
}

/// What is looked for on the nodes: the same for everybody who asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FactsAsk {
    pub(crate) project: ProjectName,
    /// By name.
    pub(crate) images: Vec<String>,
    /// Which image the project runs, by name with its id.
    pub(crate) runs: BTreeMap<String, String>,
}

/// Who asked for a build or pull, with the request's id.
pub(crate) type OpenKey = (UserName, RequestId);

/// Streams of a build or pull.
enum Open {
    /// Being opened; these wait for them.
    UnderWay(Vec<Incoming>),
    /// Opened then.
    Done(Instant, StreamsOpened),
}

/// What to do about a request for streams.
pub(crate) enum Repeated {
    /// Open them: it is new.
    No(Incoming),
    /// Its answer comes with the first one's.
    Joined,
    /// Answer so.
    Answered(Incoming, StreamsOpened),
}

/// All errands under way, and who waits for which.
#[derive(Default)]
pub(crate) struct Errands {
    tasks: JoinSet<Back>,
    facts: BTreeMap<FactsAsk, Vec<Incoming>>,
    opened: BTreeMap<OpenKey, Open>,
    ports: PortLook,
}

/// Changes that wait for a look at the ports. One look is under way at a time: who comes meanwhile waits
/// for the next, which is for all of them.
#[derive(Default)]
struct PortLook {
    is_under_way: bool,
    now: Vec<CoreRequest>,
    next: Vec<CoreRequest>,
}

impl Errands {
    /// Whether there are so many that no other is begun.
    pub(crate) fn are_too_many(&self) -> bool {
        self.tasks.len() >= ERRANDS_MAX
    }

    /// Begins one.
    pub(crate) fn push(&mut self, errand: impl Future<Output = Back> + Send + 'static) {
        self.tasks.spawn(errand);
    }

    /// The next one that comes back; never, while none is under way.
    ///
    /// # Cancel safety
    /// Safe: what has come back waits to be taken.
    pub(crate) async fn next(&mut self) -> Back {
        match self.tasks.join_next().await {
            Some(back) => finished(back),
            None => std::future::pending().await,
        }
    }

    /// Everybody whose errand will not come back any more. Who waits for a log asks again by himself.
    pub(crate) fn rest(&mut self) -> Vec<Incoming> {
        let opened = std::mem::take(&mut self.opened).into_values();
        let opened = opened.filter_map(|open| match open {
            Open::UnderWay(waiting) => Some(waiting),
            Open::Done(..) => None,
        });
        let facts = std::mem::take(&mut self.facts).into_values();
        opened.chain(facts).flatten().collect()
    }

    /// Whether a look is to begin: nobody has asked for the same meanwhile.
    pub(crate) fn ask_facts(&mut self, ask: &FactsAsk, incoming: Incoming) -> bool {
        if let Some(waiting) = self.facts.get_mut(ask) {
            waiting.push(incoming);
            return false;
        }
        self.facts.insert(ask.clone(), vec![incoming]);
        true
    }

    /// Who waits for this.
    pub(crate) fn facts_asked(&mut self, ask: &FactsAsk) -> Vec<Incoming> {
        self.facts.remove(ask).unwrap_or_default()
    }

    /// Whether a look at the ports is to begin. A change that waits for one already needs no other, and
    /// one too many comes back at once.
    pub(crate) fn ask_ports(&mut self, request: CoreRequest) -> Result<bool, Box<CoreRequest>> {
        let PortLook {
            is_under_way,
            now,
            next,
        } = &mut self.ports;
        let same = |other: &CoreRequest| other.id == request.id && other.user == request.user;
        if now.iter().chain(next.iter()).any(same) {
            return Ok(false);
        }
        if next.len() >= PORTS_WAITING_MAX {
            return Err(Box::new(request));
        }
        next.push(request);
        Ok(!*is_under_way)
    }

    /// A look at the ports begins: it is for all who wait.
    pub(crate) fn begin_ports(&mut self) {
        self.ports.now = std::mem::take(&mut self.ports.next);
        self.ports.is_under_way = true;
    }

    /// Whose look has ended, and whether others wait for another one.
    pub(crate) fn end_ports(&mut self) -> (Vec<CoreRequest>, bool) {
        self.ports.is_under_way = false;
        let ended = std::mem::take(&mut self.ports.now);
        (ended, !self.ports.next.is_empty())
    }

    /// Whether the streams of this request are there already, or being opened.
    pub(crate) fn ask_open(&mut self, key: &OpenKey, incoming: Incoming) -> Repeated {
        match self.opened.get_mut(key) {
            Some(Open::UnderWay(waiting)) => {
                waiting.push(incoming);
                Repeated::Joined
            }
            Some(Open::Done(_, streams)) => {
                let streams = streams.clone();
                Repeated::Answered(incoming, streams)
            }
            None => Repeated::No(incoming),
        }
    }

    /// The streams of this request are being opened.
    pub(crate) fn begin_open(&mut self, key: OpenKey, incoming: Incoming) {
        self.opened.insert(key, Open::UnderWay(vec![incoming]));
    }

    /// Who waits for these streams. They are remembered; what failed is tried anew.
    pub(crate) fn end_open(
        &mut self,
        key: OpenKey,
        streams: Option<&StreamsOpened>,
    ) -> Vec<Incoming> {
        let waiting = match self.opened.remove(&key) {
            Some(Open::UnderWay(waiting)) => waiting,
            Some(Open::Done(..)) | None => Vec::new(),
        };
        if let Some(streams) = streams {
            self.forget_old();
            self.opened
                .insert(key, Open::Done(Instant::now(), streams.clone()));
        }
        waiting
    }

    fn forget_old(&mut self) {
        self.opened.retain(|_, open| match open {
            Open::UnderWay(_) => true,
            Open::Done(at, _) => at.elapsed() < OPENED_KEPT,
        });
        let done = self.opened.iter().filter_map(|(key, open)| match open {
            Open::UnderWay(_) => None,
            Open::Done(at, _) => Some((*at, key.clone())),
        });
        let oldest = done.min();
        if let (Some((_, key)), true) = (oldest, self.opened.len() >= OPENED_MAX) {
            self.opened.remove(&key);
        }
    }
}

fn finished(back: Result<Back, JoinError>) -> Back {
    match back {
        Ok(back) => back,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Back::Answered,
        },
    }
}

/// How long the nodes are waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// While none has answered.
    pub(crate) first: Duration,
    /// Counted from the start as well: when the others are left out.
    pub(crate) others: Duration,
}

/// What each node says, as far as it says something in time. A node that is not in the answer, or is
/// there with a problem, has said nothing.
pub(crate) async fn look(
    bus: &Bus,
    nodes: Vec<(NodeId, NodeName)>,
    ask: &CheckAsk,
    patience: Patience,
) -> Vec<(NodeId, Result<CheckReply, Problem>)> {
    let started = tokio::time::Instant::now();
    let mut looks = stream::iter(nodes)
        .map(|(node, name)| async move {
            let reply = check(bus, (&node, &name), ask, patience.first).await;
            (node, reply)
        })
        .buffer_unordered(LOOKS_MAX);
    let mut told: Vec<(NodeId, Result<CheckReply, Problem>)> = Vec::new();
    loop {
        let until = match told.iter().any(|(_, reply)| reply.is_ok()) {
            true => patience.others,
            false => patience.first,
        };
        match tokio::time::timeout_at(started + until, looks.next()).await {
            Ok(Some(one)) => told.push(one),
            Ok(None) | Err(_) => return told,
        }
    }
}

async fn check(
    bus: &Bus,
    (node, name): (&NodeId, &NodeName),
    ask: &CheckAsk,
    timeout: Duration,
) -> Result<CheckReply, Problem> {
    agents::ask(bus, (node, CommandVerb::Check), ask, timeout)
        .await
        .map_err(|error| {
            let message = format!("node {name} did not say what it has: {error}");
            Problem::new(codes::NO_NODE, message)
                .help("`tercio node inspect` shows how the node is")
        })
}
