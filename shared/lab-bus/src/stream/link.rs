//! The task that owns one end of a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use lab_wire::stream::{Frame, WINDOW_FRAMES};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::window::{Arrival, ReceiveWindow, SendWindow};
use super::{StreamError, StreamItem};
use crate::bus::{Bus, Message, Subscription};

/// How often an end looks at its windows, and tells what it has not told.
const TICK: Duration = Duration::from_millis(500);
/// How often it says that it is there when it has nothing to tell.
const KEEP_ALIVE: Duration = Duration::from_secs(3);
/// How long the other end may be silent: ten signs of life, and a restart of nats-server.
pub(super) const SILENT_MAX: Duration = Duration::from_secs(30);
/// The same between two agents, where another source is at hand and nothing that has come is lost:
/// three signs of life.
pub(super) const SILENT_MAX_TRANSFER: Duration = Duration::from_secs(10);

/// For how long an end that was let go still answers, so that a lost last word is said again.
const LINGER: Duration = Duration::from_secs(5);

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// The end that was sent has arrived.
    Delivered,
    Cancelled,
    /// For so long.
    Silent(Duration),
    Closed,
}

impl State {
    pub(super) fn error(self) -> Option<StreamError> {
        match self {
            Self::Open | Self::Delivered => None,
            Self::Cancelled => Some(StreamError::Cancelled),
            Self::Silent(long) => Some(StreamError::Silent(long)),
            Self::Closed => Some(StreamError::Closed),
        }
    }
}

/// Which end it is. The stream as a whole is over when the *host's* end has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Host,
}

/// What the user of an end sends.
pub(super) enum Outgoing {
    Piece(Bytes),
    End(Box<StreamItem>),
}

/// What the task and its handle share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    /// How many items the user has taken.
    pub(super) consumed: Arc<AtomicU64>,
    pub(super) taken: Arc<Notify>,
    pub(super) dropped: CancellationToken,
}

/// One end of a stream.
pub(super) struct Link {
    bus: Bus,
    side: Side,
    subject: String,
    send: SendWindow,
    receive: ReceiveWindow,
    from_user: mpsc::Receiver<Outgoing>,
    /// `None` once the other end's end was delivered.
    to_user: Option<mpsc::Sender<StreamItem>>,
    shared: Shared,
    state: watch::Sender<State>,
    silent_max: Duration,
    started: Instant,
    heard: Instant,
    told: Instant,
    peer_ended: bool,
    /// Whether the other end was heard.
    is_met: bool,
}

/// The user's ends of a link's channels.
pub(super) struct Ends {
    pub(super) to_link: mpsc::Sender<Outgoing>,
    pub(super) from_link: mpsc::Receiver<StreamItem>,
    pub(super) state: watch::Receiver<State>,
    pub(super) shared: Shared,
}

impl Link {
    /// Starts the task: it hears `frames`, sends to `subject`, and bears silence for `silent_max`.
    pub(super) fn start(
        bus: &Bus,
        (side, silent_max): (Side, Duration),
        frames: Subscription,
        subject: String,
    ) -> Ends {
        // The window holds what is under way; the channel need not.
        let (to_link, from_user) = mpsc::channel(1);
        let capacity = usize::try_from(WINDOW_FRAMES).unwrap_or(usize::MAX);
        let (to_user, from_link) = mpsc::channel(capacity);
        let (tell, state) = watch::channel(State::Open);
        let shared = Shared {
            consumed: Arc::default(),
            taken: Arc::default(),
            dropped: CancellationToken::new(),
        };
        let now = Instant::now();
        let link = Self {
            bus: bus.clone(),
            side,
            subject,
            send: SendWindow::default(),
            receive: ReceiveWindow::default(),
            from_user,
            to_user: Some(to_user),
            shared: shared.clone(),
            state: tell,
            silent_max,
            started: now,
            heard: now,
            told: now,
            peer_ended: false,
            is_met: false,
        };
        lab_kit::task::detached("stream", link.run(frames));
        Ends {
            to_link,
            from_link,
            state,
            shared,
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    async fn run(mut self, mut frames: Subscription) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shared = self.shared.clone();
        self.tell().await;
        while *self.state.borrow() == State::Open {
            tokio::select! {
                biased;
                () = shared.dropped.cancelled() => return self.leave(frames).await,
                // Cancel-safe, all of them: nothing is taken unless the branch is.
                frame = frames.next() => match frame {
                    Some(frame) => self.hear(&frame).await,
                    None => self.close(State::Closed),
                },
                () = shared.taken.notified() => self.grant().await,
                Some(outgoing) = self.from_user.recv(), if self.send.has_room() => {
                    self.put(outgoing);
                    self.send_due().await;
                }
                _ = tick.tick() => self.tick().await,
            }
        }
    }

    fn close(&mut self, state: State) {
        self.state.send_replace(state);
    }

    /// The user has let go: the other end should stop, unless the stream is over anyway.
    async fn leave(&mut self, mut frames: Subscription) {
        self.part().await;
        // What was said last must be on its way when the process ends.
        let _ = self.bus.flush().await;
        self.close(State::Closed);
        // The other end may not have heard it: it may not even have been listening yet.
        let deadline = Instant::now() + LINGER;
        while let Ok(Some(_)) = tokio::time::timeout_at(deadline, frames.next()).await {
            self.part().await;
        }
    }

    /// Says for the last time how it stands.
    async fn part(&mut self) {
        let over = match self.side {
            Side::Client => self.peer_ended,
            Side::Host => self.send.is_done(),
        };
        if over {
            self.tell().await;
        } else {
            self.publish(&Frame::Cancel).await;
        }
    }

    fn put(&mut self, outgoing: Outgoing) {
        self.send.put(|sequence| match outgoing {
            Outgoing::Piece(bytes) => Frame::Data {
                sequence,
                bytes: bytes.into(),
            },
            Outgoing::End(end) => match *end {
                StreamItem::End { problem, summary } => Frame::End {
                    sequence,
                    problem,
                    summary,
                },
                StreamItem::Data(bytes) => Frame::Data {
                    sequence,
                    bytes: bytes.into(),
                },
            },
        });
    }

    async fn hear(&mut self, message: &Message) {
        let frame = match lab_wire::decode::<Frame>(&message.payload) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::debug!(subject = message.subject, %error, "a frame cannot be read");
                return;
            }
        };
        self.heard = Instant::now();
        if !std::mem::replace(&mut self.is_met, true) {
            // What was granted before the other end listened is lost: grant it again, now that it does.
            self.tell().await;
        }
        match frame {
            Frame::Credit { received, granted } => {
                self.send.on_credit(received, granted, self.now());
                // The client's end is only the end of what goes up: the answer is still to come.
                if self.side == Side::Host && self.send.is_done() {
                    self.close(State::Delivered);
                }
                self.send_due().await;
            }
            Frame::Cancel => self.close(State::Cancelled),
            Frame::Data { sequence, bytes } => {
                self.receive(sequence, StreamItem::Data(bytes.into())).await;
            }
            Frame::End {
                sequence,
                problem,
                summary,
            } => {
                let end = StreamItem::End { problem, summary };
                self.receive(sequence, end).await;
            }
            Frame::Unknown => {}
        }
    }

    async fn receive(&mut self, sequence: u64, item: StreamItem) {
        if self.receive.on_frame(sequence) == Arrival::OutOfOrder {
            return self.tell().await;
        }
        let is_end = matches!(item, StreamItem::End { .. });
        if let Some(to_user) = &self.to_user {
            // There is room: no more was granted than the channel holds. A user that has let go of
            // its end is noticed by the token.
            let _ = to_user.try_send(item);
        }
        if is_end {
            self.peer_ended = true;
            self.to_user = None;
            self.tell().await;
        }
    }

    async fn grant(&mut self) {
        let consumed = self.shared.consumed.load(Ordering::Acquire);
        self.receive.on_consumed(consumed);
        if self.receive.is_credit_due() {
            self.tell().await;
        }
    }

    async fn tick(&mut self) {
        if self.heard.elapsed() > self.silent_max {
            return self.close(State::Silent(self.silent_max));
        }
        self.send.on_tick(self.now());
        self.send_due().await;
        if self.receive.has_news() || self.told.elapsed() > KEEP_ALIVE {
            self.tell().await;
        }
    }

    async fn tell(&mut self) {
        self.told = Instant::now();
        let credit = self.receive.credit();
        self.publish(&credit).await;
    }

    async fn send_due(&mut self) {
        for frame in self.send.take_due(self.now()) {
            self.publish(&frame).await;
        }
    }

    /// Sends a frame. Without a connection it is dropped and sent again later: the client library
    /// would keep them all and send them in one burst.
    async fn publish(&self, frame: &Frame) {
        if self.bus.is_connected()
            && let Err(error) = self.bus.publish(self.subject.clone(), frame).await
        {
            tracing::debug!(%error, "a frame was not sent");
        }
    }
}
