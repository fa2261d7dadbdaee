//! Leading: one task that owns the core, and does what the core says.
//!
//! ```text
//! hear something ─► tell the core ─► commit every pass it drafts ─► carry out the effects ─► listen
//! ```
//! No input has a path of its own: whatever was heard, the same four steps follow.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use lab_bus::{
    Bus, ConnectionStatus, EventLog, Incoming, Leadership, PassWrites, ServeError, ServiceInfo,
    ServiceServer, Sharing, StateStore, Subscription,
};
use lab_kit::clock::{BootInstant, steady as clock};
use lab_placement::PlacementRng;
use lab_placement::images::Board;
use lab_placement::leader::{Effects, LeaderCore, PassDraft, Refused, TakeOver};
use lab_types::{NodeId, Problem, UnixMillis};
use lab_wire::commit::{HeadEntry, Outcome, Verdict};
use lab_wire::request::{REQUESTS, ServedBy};
use lab_wire::subject;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::errand::{Back, Errands};
use crate::pace::Pace;
use crate::publisher::Publisher;
use crate::record;
use crate::refusal;
use crate::reply::Waiting;

/// What a leader holds besides its mind.
pub(crate) struct Seat {
    pub(crate) bus: Bus,
    pub(crate) store: StateStore,
    pub(crate) events: EventLog,
    pub(crate) head: HeadEntry,
    pub(crate) leadership: Leadership,
}

/// How leading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was asked to stop.
    Shutdown,
    /// Another leads, or may.
    Deposed,
}

/// How many messages of agents are taken at once before the core decides: so many reports share one
/// commit, and a request waits for no more than this.
const AGENT_BATCH: usize = 256;
/// How many requests are taken at once before the core decides, likewise.
const REQUEST_BATCH: usize = 64;
/// How many errands and publications that have come back, likewise: each may be a change for the core.
const BACK_BATCH: usize = 64;
/// How often the core looks at all nodes at least: a quarter of a heartbeat.
const TICK: Duration = Duration::from_millis(250);
/// The shortest sleep: while NATS is away some of the core's times stay due, and must not spin.
const SLEEP_MIN: Duration = Duration::from_millis(5);
/// The longest sleep: the core's own times are all shorter, this only guards against a clock that
/// was set back.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// From when on a leader that only wrote counts as deaf meanwhile: half a beat, so that what waits to be
/// read is never taken for silence.
const DEAF_MIN: Duration = Duration::from_millis(500);

/// A leader at work.
pub(crate) struct Leading {
    pub(crate) bus: Bus,
    pub(crate) core: LeaderCore,
    pub(crate) since: UnixMillis,
    /// Requests whose reply comes with the core's effects.
    pub(crate) waiting: Waiting,
    /// Nodes that cannot be told what they are to run, with why.
    pub(crate) untold: BTreeMap<NodeId, String>,
    /// What waits for agents.
    pub(crate) errands: Errands,
    /// Which node has which image, and who draws from whom.
    pub(crate) images: Board,
    store: StateStore,
    head: HeadEntry,
    rng: PlacementRng,
    publisher: Publisher,
    ticked_at: UnixMillis,
    pace: Pace,
}

/// Where messages come from.
struct Inputs {
    requests: mpsc::Receiver<Incoming>,
    agents: Subscription,
    connection: watch::Receiver<ConnectionStatus>,
}

/// Leads until asked to stop or deposed.
pub(crate) async fn lead(
    seat: Seat,
    start: TakeOver,
    shutdown: &CancellationToken,
) -> Result<Ended, ServeError> {
    let Seat {
        bus,
        store,
        events,
        head,
        mut leadership,
    } = seat;
    let agents = bus.subscribe(subject::NODES_ALL).await?;
    let served = REQUESTS
        .iter()
        .filter(|request| request.served_by == ServedBy::Scheduler);
    let info = ServiceInfo {
        name: "scheduler".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: "Desired state, placement, nodes.".to_owned(),
    };
    let endpoints = served.copied().collect();
    let (server, requests) =
        ServiceServer::start(&bus, info, endpoints, Sharing::LeaderOnly).await?;
    let mut inputs = Inputs {
        requests,
        agents,
        connection: bus.status(),
    };
    let mut leading = Leading {
        since: start.now,
        ticked_at: UnixMillis(0),
        pace: Pace::new(Instant::now()),
        core: LeaderCore::take_over(start),
        waiting: Waiting::default(),
        untold: BTreeMap::new(),
        errands: Errands::default(),
        images: Board::default(),
        publisher: Publisher::new(events),
        rng: PlacementRng::from_seed(rand::random()),
        bus,
        store,
        head,
    };
    let ended = leading.run(&mut inputs, &mut leadership, shutdown).await;
    match ended {
        Ended::Shutdown => server.stop().await,
        Ended::Deposed => server.abandon().await,
    }
    leading.core.on_deposed();
    leading.carry_out().await;
    if ended == Ended::Shutdown {
        leading.send_away().await;
        leadership.release().await;
    }
    Ok(ended)
}

impl Leading {
    async fn run(
        &mut self,
        inputs: &mut Inputs,
        leadership: &mut Leadership,
        shutdown: &CancellationToken,
    ) -> Ended {
        loop {
            self.tick();
            let began = BootInstant::now();
            if let Some(ended) = self.settle(leadership, shutdown).await {
                return ended;
            }
            if began.elapsed() >= DEAF_MIN {
                self.core.on_deaf(clock::now());
            }
            if let Some(ended) = self.listen(inputs, leadership, shutdown).await {
                return ended;
            }
        }
    }

    /// Waits until there is something to do, then takes a bounded part of whatever has come from each
    /// side: however much one of them says, it keeps none of the others waiting for longer than a turn.
    async fn listen(
        &mut self,
        inputs: &mut Inputs,
        leadership: &Leadership,
        shutdown: &CancellationToken,
    ) -> Option<Ended> {
        let sleep = self.until_due();
        // Every arm is cancel-safe: what is not taken stays in its queue, and time is read anew.
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Some(Ended::Shutdown),
            // Its keeper has said why.
            _ = leadership.lost() => return Some(Ended::Deposed),
            changed = inputs.connection.changed() => {
                let status = *inputs.connection.borrow_and_update();
                if changed.is_err() || !self.on_connection(status).await {
                    return Some(Ended::Deposed);
                }
            }
            message = inputs.agents.next() => match message {
                Some(message) => self.on_agent(message, leadership).await,
                None => return Some(Ended::Deposed),
            },
            request = inputs.requests.recv() => match request {
                Some(request) => self.on_request(request).await,
                None => return Some(Ended::Deposed),
            },
            pass = self.publisher.next() => self.core.on_published(pass, clock::now()),
            back = self.errands.next() => self.on_back(back).await,
            () = tokio::time::sleep(sleep) => {}
        }
        self.take_in(inputs, leadership).await;
        None
    }

    /// Takes what is there, up to a limit of each kind.
    async fn take_in(&mut self, inputs: &mut Inputs, leadership: &Leadership) {
        for _ in 0..AGENT_BATCH {
            let Some(Some(message)) = at_once(inputs.agents.next()) else {
                break;
            };
            self.on_agent(message, leadership).await;
        }
        for _ in 0..REQUEST_BATCH {
            let Ok(request) = inputs.requests.try_recv() else {
                break;
            };
            self.on_request(request).await;
        }
        for _ in 0..BACK_BATCH {
            let Some(pass) = at_once(self.publisher.next()) else {
                break;
            };
            self.core.on_published(pass, clock::now());
        }
        for _ in 0..BACK_BATCH {
            let Some(back) = at_once(self.errands.next()) else {
                break;
            };
            self.on_back(back).await;
        }
    }

    /// Commits everything that is due and does what follows.
    async fn settle(
        &mut self,
        leadership: &mut Leadership,
        shutdown: &CancellationToken,
    ) -> Option<Ended> {
        self.carry_out().await;
        while let Some(draft) = self.draft() {
            let committed = tokio::select! {
                biased;
                // Not cancel-safe, and need not be: whoever stops here leads no more, and the next
                // leader finds out whether the pass happened.
                _ = leadership.lost() => return Some(Ended::Deposed),
                committed = self.commit(&draft) => committed,
                () = shutdown.cancelled() => return Some(Ended::Shutdown),
            };
            if !committed {
                return Some(Ended::Deposed);
            }
            self.carry_out().await;
        }
        None
    }

    /// The next pass, unless all it would be about can wait for more of its kind.
    fn draft(&mut self) -> Option<PassDraft> {
        let (began, now) = (Instant::now(), clock::now());
        let decides = self.core.is_settled() && self.core.has_work(now);
        if decides && !self.core.has_requests() && !self.pace.left(began).is_zero() {
            return None;
        }
        let draft = self.core.draft_pass(now, &mut self.rng);
        if decides {
            let took = began.elapsed();
            self.pace.decided(took, Instant::now());
            let records = draft.as_ref().map_or(0, |draft| draft.puts.len());
            tracing::debug!(elapsed_us = took.as_micros(), records, "decided");
        }
        draft
    }

    /// Whether this scheduler still leads after the pass.
    async fn commit(&mut self, draft: &PassDraft) -> bool {
        let writes = PassWrites {
            puts: draft
                .puts
                .iter()
                .map(|(key, value)| (key.to_string(), record::encode(draft.head, value)))
                .collect(),
            removes: draft.removes.iter().map(ToString::to_string).collect(),
        };
        match self.store.commit(&self.head, &writes).await {
            Ok(Outcome::Committed(head)) => {
                self.head = head;
                self.core.on_committed(draft.pass, clock::now());
                return true;
            }
            Ok(Outcome::Deposed { found }) => {
                tracing::warn!(
                    epoch = found.head.epoch.0,
                    "another scheduler has taken over"
                );
            }
            Ok(Outcome::Replaced { .. }) => {
                tracing::error!("the state was replaced under the leader: it is loaded anew");
            }
            Ok(Outcome::Refused { code, text }) => {
                return self.read_only(refusal::by_the_store(code, &text)).await;
            }
            Ok(Outcome::Miscounted { .. }) => {
                tracing::error!("a pass was acknowledged in part: the state is loaded anew");
            }
            Err(error) => return self.read_only(refusal::unsendable(&error)).await,
        }
        false
    }

    /// Nothing of a pass was stored: the lab is read anew, and nothing is written for a while.
    async fn read_only(&mut self, problem: Problem) -> bool {
        tracing::error!(error = %problem, "a pass was refused: nothing of it was stored");
        match refusal::reload(&self.store, &self.head).await {
            Ok((records, unread)) => {
                self.core.on_refused(Refused {
                    problem,
                    head: self.head.head.tag(),
                    records,
                    unread,
                    now: clock::now(),
                });
                true
            }
            Err(reason) => {
                tracing::error!(reason, "the state cannot be read anew");
                false
            }
        }
    }

    /// Does what the core wants done outside.
    pub(crate) async fn carry_out(&mut self) {
        loop {
            let effects = self.core.take_effects();
            if effects.is_empty() {
                return;
            }
            let Effects {
                pushes,
                replies,
                publish,
                asks,
            } = effects;
            for push in pushes {
                self.push(push).await;
            }
            for reply in replies {
                self.waiting.answer(reply, &self.core).await;
            }
            for publish in publish {
                self.publisher.add(publish);
            }
            for node in asks {
                self.ask_inventory(&node).await;
            }
        }
    }

    /// Whether this scheduler may go on. A server that was away may have come back with other data:
    /// the head's nonce tells.
    async fn on_connection(&mut self, status: ConnectionStatus) -> bool {
        match status {
            ConnectionStatus::Disconnected => self.core.on_disconnected(),
            ConnectionStatus::Connected { .. } => {
                self.core.on_connected(clock::now());
                match self.store.check(&self.head).await {
                    Ok(Verdict::Unchanged) => {}
                    Ok(verdict) => {
                        tracing::warn!(?verdict, "the state has moved on without this leader");
                        return false;
                    }
                    // The next commit finds out.
                    Err(error) => tracing::debug!(%error, "the head could not be read"),
                }
            }
        }
        true
    }

    /// Whoever still waits for an answer asks the next leader.
    async fn send_away(&mut self) {
        let waiting = self.waiting.rest().into_iter();
        for incoming in waiting.chain(self.errands.rest()) {
            incoming.try_again("the scheduler stops").await;
        }
    }

    /// Lets the core look at all nodes, but not after each single message.
    fn tick(&mut self) {
        let now = clock::now();
        let due = self.core.wake_at().is_some_and(|at| at <= now);
        if due || now < self.ticked_at || now.since(self.ticked_at).as_std() >= TICK {
            self.ticked_at = now;
            self.core.tick(now);
        }
    }

    async fn on_back(&mut self, back: Back) {
        match back {
            Back::Answered => {}
            Back::Facts(ask, found) => self.on_facts(&ask, found).await,
            Back::Ports(nodes) => self.on_ports(nodes),
            Back::Opened(key, opened) => self.on_opened(key, opened).await,
            Back::Looked(looked) => self.images.on_looked(looked, clock::now()),
            Back::NotSent(not) => {
                self.images
                    .on_refused(&not.image, &not.target, &not.stream, not.lacks);
            }
        }
    }

    /// Which pass was committed last.
    pub(crate) fn head_tag(&self) -> lab_types::WriteTag {
        self.head.head.tag()
    }

    fn until_due(&self) -> Duration {
        let due = self
            .core
            .wake_at()
            .map(|at| at.since(clock::now()).as_std());
        let due = due.map_or(SLEEP_MAX, |due| due.clamp(SLEEP_MIN, SLEEP_MAX));
        if self.core.has_work(clock::now()) {
            due.min(self.pace.left(Instant::now()).max(SLEEP_MIN))
        } else {
            due
        }
    }
}

/// What the future yields without waiting. Tokio would let a task that takes much have nothing any more
/// until it yields: here that is the next wait, after each kind has had its turn.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::task::unconstrained(future).now_or_never()
}
