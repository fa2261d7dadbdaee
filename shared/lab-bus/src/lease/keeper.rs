//! Holding a lease: one task renews it, answers the followers' probes and gives it back.

use std::time::Duration;

use lab_kit::clock::BootInstant;
use lab_wire::Encoding;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::machine::{Answer, Held, Loss, Next};
use super::{Key, LeaseRecord};
use crate::bus::{Headers, Message, Subscription};

/// The longest sleep between looks at the boot clock: timers stand still while the machine sleeps.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How a lease stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Held { deadline: BootInstant },
    Lost(Loss),
}

/// A held lease. It is renewed in the background, and given back when this is dropped.
#[derive(Debug)]
pub struct Leadership {
    nonce: String,
    standing: watch::Receiver<Standing>,
    task: JoinHandle<()>,
    release: DropGuard,
}

impl Leadership {
    pub(super) fn start(
        key: Key,
        record: LeaseRecord,
        probes: Subscription,
        revision: u64,
        sent: BootInstant,
    ) -> Self {
        let nonce = record.nonce.clone();
        let held = Held::new(key.ttl, nonce.clone(), revision, sent);
        let (tell, standing) = watch::channel(Standing::Held {
            deadline: held.deadline(),
        });
        let release = CancellationToken::new();
        let keeper = Keeper {
            key,
            record,
            held,
            tell,
            release: release.clone(),
        };
        Self {
            nonce,
            standing,
            task: lab_kit::task::detached("lease", keeper.keep(probes)),
            release: release.drop_guard(),
        }
    }

    /// What this holding is called.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Until when its holder may act, as of now; renewals move it. `None` when it is lost.
    #[must_use]
    pub fn deadline(&self) -> Option<BootInstant> {
        match *self.standing.borrow() {
            Standing::Held { deadline } => Some(deadline),
            Standing::Lost(_) => None,
        }
    }

    /// Whether its holder may act now. Ask before each step that others see.
    #[must_use]
    pub fn may_act(&self) -> bool {
        let deadline = self.deadline();
        deadline.is_some_and(|deadline| BootInstant::now() < deadline)
    }

    /// Waits until it is lost: taken by another, or not renewed in time.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn lost(&self) -> Loss {
        let mut standing = self.standing.clone();
        loop {
            let deadline = match *standing.borrow_and_update() {
                Standing::Held { deadline } => deadline,
                Standing::Lost(loss) => return loss,
            };
            let left = deadline.since(BootInstant::now());
            if left.is_zero() {
                return Loss::Expired;
            }
            tokio::select! {
                // An error means that the keeper is gone: nobody renews, and the deadline comes.
                _ = standing.changed() => {}
                () = tokio::time::sleep(left.min(LOOK_EVERY)) => {}
            }
        }
    }

    /// Gives it back, so that the next leader need not wait.
    pub async fn release(self) {
        drop(self.release);
        // The task ends after one write; an error means that it panicked, which was logged.
        let _ = self.task.await;
    }
}

struct Keeper {
    key: Key,
    record: LeaseRecord,
    held: Held,
    tell: watch::Sender<Standing>,
    release: CancellationToken,
}

impl Keeper {
    async fn keep(mut self, mut probes: Subscription) {
        match self.renew(&mut probes).await {
            Some(loss) => self.stop(loss),
            None => self.give_back().await,
        }
        // From here on NATS answers for the absent leader.
        probes.end().await;
        let left = async { while probes.next().await.is_some() {} };
        // A server that does not answer is not asked by anybody else either.
        let _ = tokio::time::timeout(LOOK_EVERY, left).await;
    }

    /// Renews it until it is lost (and says why) or is to be given back.
    async fn renew(&mut self, probes: &mut Subscription) -> Option<Loss> {
        loop {
            match self.held.next(BootInstant::now()) {
                Next::Stop(loss) => return Some(loss),
                Next::Wait(until) => {
                    let wait = until.since(BootInstant::now()).min(LOOK_EVERY);
                    tokio::select! {
                        biased;
                        () = self.release.cancelled() => return None,
                        // Cancel-safe, both.
                        Some(probe) = probes.next() => self.answer(probe).await,
                        () = tokio::time::sleep(wait) => {}
                    }
                }
                Next::Renew { expected } => {
                    let answer = match self.key.write(&self.record, expected).await {
                        Ok(revision) => Answer::Renewed { revision },
                        Err(error) => {
                            tracing::warn!(%error, "the lease was not renewed");
                            Answer::Unsettled
                        }
                    };
                    if let Some(loss) = self.held.on(answer) {
                        return Some(loss);
                    }
                }
                Next::Read => {
                    if let Some(loss) = self.read().await {
                        return Some(loss);
                    }
                }
            }
            self.tell.send_replace(Standing::Held {
                deadline: self.held.deadline(),
            });
        }
    }

    async fn read(&mut self) -> Option<Loss> {
        let read = tokio::time::timeout(self.held.patience(), self.key.read()).await;
        let answer = match read {
            Ok(Ok(found)) => Answer::Found(found),
            Ok(Err(_)) | Err(_) => {
                tokio::time::sleep(LOOK_EVERY).await;
                Answer::Unread
            }
        };
        self.held.on(answer)
    }

    fn stop(&self, loss: Loss) {
        tracing::warn!(?loss, "the lease is lost");
        self.tell.send_replace(Standing::Lost(loss));
    }

    async fn give_back(&self) {
        self.tell.send_replace(Standing::Lost(Loss::Released));
        match self.key.release(self.held.revision()).await {
            Ok(_) => tracing::info!("the lease was given back"),
            Err(error) => tracing::debug!(%error, "the lease could not be given back"),
        }
    }

    async fn answer(&self, probe: Message) {
        let Some(reply) = probe.reply else { return };
        let body = lab_wire::encode(&self.record, Encoding::MessagePack).into();
        // A lost answer counts as no answer in time, and the next probe is half a second away.
        let _ = self
            .key
            .bus
            .publish_bytes(reply, Headers::new(), body)
            .await;
    }
}
