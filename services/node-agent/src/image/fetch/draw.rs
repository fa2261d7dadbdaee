//! Draws an image's archive from whom the leader names, from where it stands, until all is there.

use std::time::Duration;

use bytes::Bytes;
use lab_bus::{StreamClient, StreamItem};
use lab_converge::ActionError;
use lab_converge::fence::may_ask;
use lab_types::{Fence, NodeId, NodeName, StreamId};
use lab_wire::image::{ImageAnswer, ImageHead, ImageStage};
use lab_wire::{Encoding, encode};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::pulse::Answered;
use super::{Drawn, Fetcher, no_room};
use crate::image::spool::Spool;

/// How long it goes on while no leader answers.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long it waits for its turn: a lab of 1,000 nodes is through within some ten rounds. Then it is
/// decided anew whether the image is wanted at all; what has come is kept.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// The transfer under way.
struct Under {
    client: StreamClient,
    source: NodeId,
    name: NodeName,
    /// How large the whole is, about; absent before the source has said it.
    about: Option<u64>,
}

/// Draws until the archive is complete.
pub(super) async fn draw(
    fetcher: &Fetcher,
    spool: Spool,
    mut answers: mpsc::Receiver<Answered>,
    stage: &watch::Sender<ImageStage>,
    tell: &mut (impl FnMut(String) + Send),
) -> Result<Drawn, ActionError> {
    let mut drawing = Drawing {
        fetcher,
        spool,
        stage,
        highest: fetcher.accepted,
        came: 0,
        heard: Instant::now(),
        why_not: "the scheduler's leader does not answer who has it".to_owned(),
        told: String::new(),
    };
    let mut under: Option<Under> = None;
    let mut idle_since = Instant::now();
    loop {
        let Some(transfer) = &mut under else {
            // Cancel-safe: a queue keeps its items.
            let until = (idle_since + WAIT_MAX).min(drawing.heard + SILENCE_MAX);
            let answered = tokio::time::timeout_at(until, answers.recv()).await;
            let Ok(Some(answered)) = answered else {
                return Err(drawing.give_up());
            };
            under = drawing.hear(answered).await?;
            drawing.tell(under.as_ref(), tell);
            continue;
        };
        // Cancel-safe: both keep what was not taken.
        let item = tokio::select! {
            Some(answered) = answers.recv() => {
                if let Some(other) = drawing.hear(answered).await? {
                    under = Some(other);
                }
                continue;
            }
            item = transfer.client.recv() => item,
        };
        match item {
            Ok(Some(StreamItem::Data(piece))) => drawing.take(transfer, piece).await?,
            Ok(Some(StreamItem::End { problem: None, .. })) if transfer.about.is_some() => {
                let flushed = drawing.spool.flush().await;
                flushed.map_err(|error| no_room(fetcher, &error))?;
                return Ok(Drawn {
                    source: transfer.name.clone(),
                    spool: drawing.spool,
                    came: drawing.came,
                });
            }
            Ok(Some(StreamItem::End { problem, .. })) => {
                let why = problem.map_or("it sent nothing".to_owned(), |problem| problem.message);
                drawing.broke(transfer, &why);
                under = None;
            }
            Ok(None) => {
                drawing.broke(transfer, "it sent nothing");
                under = None;
            }
            Err(error) => {
                drawing.broke(transfer, &error.to_string());
                under = None;
            }
        }
        if under.is_none() {
            idle_since = Instant::now();
            drawing.heard = idle_since;
        }
        drawing.tell(under.as_ref(), tell);
    }
}

/// What stays the same from transfer to transfer.
struct Drawing<'a> {
    fetcher: &'a Fetcher,
    spool: Spool,
    stage: &'a watch::Sender<ImageStage>,
    /// The latest leader that was heard.
    highest: Fence,
    came: u64,
    /// When a leader last answered.
    heard: Instant,
    /// Why there is no transfer.
    why_not: String,
    told: String,
}

impl Drawing<'_> {
    /// Does as the leader says: gives the transfer to go over to, if it names one.
    async fn hear(&mut self, answered: Answered) -> Result<Option<Under>, ActionError> {
        if answered.answer.is_some() {
            self.heard = Instant::now();
        }
        // An answer to what is no longer so.
        if *self.stage.borrow() != answered.to {
            return Ok(None);
        }
        match answered.answer {
            Some(ImageAnswer::Draw {
                fence,
                source,
                source_name,
                stream,
            }) if may_ask(self.highest, fence) => {
                self.highest = self.highest.max(fence);
                Ok(self.begin(source, source_name, stream).await)
            }
            Some(ImageAnswer::Wait { words, .. }) => {
                self.why_not = words;
                Ok(None)
            }
            Some(ImageAnswer::Nobody) => Err(ActionError {
                retryable: false,
                message: "no node of the lab has it any longer; build it again, for example with \
                          `tercio up --build`"
                    .to_owned(),
            }),
            Some(ImageAnswer::Draw { .. } | ImageAnswer::GoOn | ImageAnswer::Unknown) | None => {
                Ok(None)
            }
        }
    }

    /// Joins a transfer and says what is there already.
    async fn begin(&mut self, source: NodeId, name: NodeName, stream: StreamId) -> Option<Under> {
        let bus = self.fetcher.bus.borrow().clone()?;
        let joined = StreamClient::open_transfer(&bus, &source, &self.fetcher.node, &stream).await;
        let have = encode(&self.spool.have(), Encoding::MessagePack);
        let joined = match joined {
            Ok(mut client) => client.send(have).await.map(|()| client),
            Err(error) => Err(error),
        };
        match joined {
            Ok(client) => {
                let source_id = source.clone();
                self.stage
                    .send_replace(ImageStage::Draws { source, stream });
                Some(Under {
                    client,
                    source: source_id,
                    name,
                    about: None,
                })
            }
            Err(error) => {
                self.why_not = error.to_string();
                self.stage.send_replace(ImageStage::Broke { source });
                None
            }
        }
    }

    async fn take(&mut self, under: &mut Under, piece: Bytes) -> Result<(), ActionError> {
        let kept = match under.about {
            Some(_) => {
                self.came += piece.len() as u64;
                self.spool.append(&piece).await
            }
            None => {
                let head = lab_wire::decode::<ImageHead>(&piece).map_err(|error| ActionError {
                    retryable: true,
                    message: format!(
                        "node {} sends what cannot be read: {error}; run the same version on all nodes",
                        under.name
                    ),
                })?;
                under.about = Some(head.about_bytes);
                match head.from == self.spool.bytes() {
                    true => Ok(()),
                    false => self.spool.restart().await,
                }
            }
        };
        kept.map_err(|error| no_room(self.fetcher, &error))
    }

    fn broke(&mut self, under: &Under, why: &str) {
        tracing::warn!(source = %under.name, why, "the transfer of an image broke off");
        self.why_not = format!("the transfer from node {} broke off: {why}", under.name);
        let source = under.source.clone();
        self.stage.send_replace(ImageStage::Broke { source });
    }

    /// Tells how it stands when that is news; in steps of ten, so that a report costs little.
    fn tell(&mut self, under: Option<&Under>, tell: &mut impl FnMut(String)) {
        let words = match under {
            None => self.why_not.clone(),
            Some(Under {
                about: None, name, ..
            }) => format!("node {name} packs it"),
            Some(Under {
                about: Some(about),
                name,
                ..
            }) => {
                let percent = self.spool.bytes().saturating_mul(100) / (*about).max(1);
                let percent = percent.min(99) / 10 * 10;
                format!("{percent} % from node {name}")
            }
        };
        if words != self.told {
            self.told.clone_from(&words);
            tell(words);
        }
    }

    fn give_up(self) -> ActionError {
        ActionError {
            retryable: true,
            message: self.why_not,
        }
    }
}
