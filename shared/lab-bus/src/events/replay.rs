//! Reading events back, with the permissions of any user: pages from the leader, and what is heard
//! meanwhile as the wake-up to ask for the next.

use std::collections::VecDeque;
use std::time::Duration;

use lab_types::{Event, Problem, ProjectName, ServiceName, UnixMillis, UserName};
use lab_wire::request::{EventList, EventsListed, NumberedEvent};
use lab_wire::subject::EVENTS_ALL;

use crate::bus::{Bus, Subscription};
use crate::call::{CallError, CallOptions};

/// How long a replay may be without an answer before it fails, unless it follows; a server restarts
/// in a second, and a leader is replaced in a few.
const STUCK_MAX: Duration = Duration::from_secs(15);
/// How long a page may take: the leader asks the stream once, and a lost answer is asked for again.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a follower gathers after the first event that it hears: a burst is one page, and what is
/// heard is stored by then.
const GATHER: Duration = Duration::from_millis(20);
/// How often a follower asks without having heard anything: what is heard may be lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// From where to replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Everything that is kept.
    All,
    /// This sequence and what follows.
    Sequence(u64),
    /// What was stored at this time or later, by the server's clock.
    Time(UnixMillis),
    /// Only what comes.
    Now,
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only of this project.
    pub project: Option<ProjectName>,
    /// Only of services of this name.
    pub service: Option<ServiceName>,
}

impl EventFilter {
    /// Whether an event is one of these.
    #[must_use]
    pub fn accepts(&self, event: &Event) -> bool {
        let scope = &event.scope;
        (self.project.is_none() || self.project == scope.project)
            && (self.service.is_none() || self.service == scope.service)
    }
}

/// What to replay.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// From where.
    pub since: Since,
    /// Whether to go on with what comes, or to end with what is there.
    pub follow: bool,
    /// Which.
    pub filter: EventFilter,
}

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The stream cannot be read.
    #[error("the event stream cannot be read: {0}")]
    Stream(String),
    /// The leader does not answer, or refuses.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ReplayError {
    /// The same for a person, with a code and what to do next.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Call(error) => error.problem(),
            Self::Stream(_) => Problem::new("BUS0023", self.to_string())
                .help("check that nats-server runs with JetStream and its disk is not full"),
        }
    }
}

/// A replay under way.
#[derive(Debug)]
pub struct Replay {
    bus: Bus,
    user: UserName,
    options: ReplayOptions,
    /// What is asked for next.
    ask: EventList,
    /// What has come and was not taken yet.
    page: VecDeque<NumberedEvent>,
    /// Whether there is more to ask for.
    more: bool,
    /// What happens now, when it follows.
    live: Option<Subscription>,
}

impl Replay {
    /// Starts one, with the permissions of any user. One that follows misses nothing that happens
    /// after this has returned.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub async fn start(bus: &Bus, options: ReplayOptions) -> Result<Self, ReplayError> {
        let user = UserName::new(bus.identity_name());
        let user = user.map_err(|error| ReplayError::Stream(error.to_string()))?;
        let live = match options.follow {
            true => Some(bus.subscribe(EVENTS_ALL).await),
            false => None,
        };
        let live = live.transpose();
        let ask = EventList {
            after: match options.since {
                Since::Sequence(first) => Some(first.saturating_sub(1)),
                Since::All | Since::Time(_) | Since::Now => None,
            },
            since: match options.since {
                Since::Time(at) => Some(at),
                Since::All | Since::Sequence(_) | Since::Now => None,
            },
            service: options.filter.service.clone(),
            limit: (options.since == Since::Now).then_some(0),
        };
        let mut replay = Self {
            bus: bus.clone(),
            user,
            options,
            ask,
            page: VecDeque::new(),
            more: true,
            live: live.map_err(|error| ReplayError::Stream(error.to_string()))?,
        };
        let first = replay.ask().await?;
        replay.take(first);
        Ok(replay)
    }

    /// The next event with its sequence; `None` at the end of a replay that does not follow.
    ///
    /// # Errors
    /// [`ReplayError`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn next(&mut self) -> Result<Option<(u64, Event)>, ReplayError> {
        loop {
            if let Some(NumberedEvent { sequence, event }) = self.page.pop_front() {
                return Ok(Some((sequence, event)));
            }
            if !self.more {
                let Some(live) = &mut self.live else {
                    return Ok(None);
                };
                heard(live).await;
                self.more = true;
            }
            match self.ask().await {
                Ok(page) => self.take(page),
                Err(error) if self.options.follow && error.is_transient() => {
                    tracing::debug!(%error, "no page of events, asking again");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A page, asked for again and again while nobody answers.
    async fn ask(&self) -> Result<EventsListed, CallError> {
        let options = CallOptions {
            timeout: STUCK_MAX,
            attempt: PAGE_TIMEOUT,
            request_id: None,
        };
        let project = self.options.filter.project.as_ref();
        self.bus.call(&self.user, project, &self.ask, options).await
    }

    fn take(&mut self, page: EventsListed) {
        self.ask.after = Some(page.next);
        self.ask.limit = None;
        self.more = page.more;
        self.page.extend(page.events);
    }
}

/// Waits until something happens, or may have.
async fn heard(live: &mut Subscription) {
    if let Ok(Some(_)) = tokio::time::timeout(LOOK_EVERY, live.next()).await {
        let gathered = tokio::time::Instant::now() + GATHER;
        while let Ok(Some(_)) = tokio::time::timeout_at(gathered, live.next()).await {}
    }
}
