//! Publishing what committed passes told, one pass after another.

use std::collections::VecDeque;
use std::time::Duration;

use lab_bus::EventLog;
use lab_placement::leader::Publish;
use lab_types::Pass;
use tokio::task::JoinSet;

/// The pause after a publication that was not acknowledged. The events are safe in the outbox.
const PAUSE: Duration = Duration::from_secs(1);

/// Publishes in the order of passes. What waits here also stands in the outbox of the state, so its
/// length is bounded by what the lab holds in memory anyway, and nothing is lost with it.
pub(crate) struct Publisher {
    log: EventLog,
    waiting: VecDeque<Publish>,
    /// One at most: a task, so that it goes on however busy the leader is.
    under_way: JoinSet<Pass>,
}

impl Publisher {
    pub(crate) fn new(log: EventLog) -> Self {
        Self {
            log,
            waiting: VecDeque::new(),
            under_way: JoinSet::new(),
        }
    }

    pub(crate) fn add(&mut self, publish: Publish) {
        self.waiting.push_back(publish);
    }

    /// The next pass whose events are all acknowledged; never, while there is none.
    ///
    /// # Cancel safety
    /// Safe: what is under way goes on at the next call.
    pub(crate) async fn next(&mut self) -> Pass {
        if self.under_way.is_empty() {
            match self.waiting.pop_front() {
                Some(publish) => {
                    self.under_way
                        .spawn(until_acknowledged(self.log.clone(), publish));
                }
                None => return std::future::pending().await,
            }
        }
        match self.under_way.join_next().await {
            Some(Ok(pass)) => pass,
            Some(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}

async fn until_acknowledged(log: EventLog, publish: Publish) -> Pass {
    // The ids of the events make a repetition harmless.
    while let Err(error) = log.publish_batch(&publish.events).await {
        tracing::warn!(pass = publish.pass.0, %error, "events wait in the outbox");
        tokio::time::sleep(PAUSE).await;
    }
    publish.pass
}
