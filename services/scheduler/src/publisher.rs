//! Publishing what committed passes told, one pass after another.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use lab_bus::EventLog;
use lab_placement::leader::Publish;
use lab_types::Pass;

/// The pause after a publication that was not acknowledged. The events are safe in the outbox.
const PAUSE: Duration = Duration::from_secs(1);

/// Publishes in the order of passes. What waits here also stands in the outbox of the state, so its
/// length is bounded by what the lab holds in memory anyway, and nothing is lost with it.
pub(crate) struct Publisher {
    log: EventLog,
    waiting: VecDeque<Publish>,
    under_way: Option<Pin<Box<dyn Future<Output = Pass> + Send>>>,
}

impl Publisher {
    pub(crate) fn new(log: EventLog) -> Self {
        Self {
            log,
            waiting: VecDeque::new(),
            under_way: None,
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
        let under_way = match &mut self.under_way {
            Some(under_way) => under_way,
            None => match self.waiting.pop_front() {
                Some(publish) => self
                    .under_way
                    .insert(Box::pin(until_acknowledged(self.log.clone(), publish))),
                None => return std::future::pending().await,
            },
        };
        let pass = under_way.await;
        self.under_way = None;
        pass
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
