//! Tells the leader once a second how this node stands to an image, and brings its answers.

use std::convert::Infallible;
use std::time::Duration;

use lab_wire::image::{ImageAnswer, ImageStage, ImageStand};
use lab_wire::subject::{self, NodeVerb};
use tokio::sync::{mpsc, watch};

use super::Fetcher;

/// How often. The leader counts a transfer of which it hears nothing for 8 s as over.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// How long the leader may take: it answers from memory, or has a source join the transfer first,
/// which may take 5 s.
const ANSWER_MAX: Duration = Duration::from_secs(7);

/// The leader's answer, if it gave one, to what it was told.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) to: ImageStage,
    pub(super) answer: Option<ImageAnswer>,
}

/// The pulse, to be run beside what follows `stages`, and its answers.
pub(super) fn pulse<'a>(
    fetcher: &'a Fetcher,
    image: &'a str,
    mut stages: watch::Receiver<ImageStage>,
) -> (
    impl Future<Output = Infallible> + 'a,
    mpsc::Receiver<Answered>,
) {
    let (answers, answered) = mpsc::channel(1);
    let pulse = async move {
        loop {
            let stage = stages.borrow_and_update().clone();
            let answer = say(fetcher, image, stage.clone()).await;
            let again = match &answer {
                Some(ImageAnswer::Wait { again_ms, .. }) => Duration::from_millis(*again_ms),
                Some(_) | None => SAY_EVERY,
            };
            // Nobody listens while the image is loaded; the leader is told all the same.
            let _ = answers.try_send(Answered { to: stage, answer });
            tokio::select! {
                () = tokio::time::sleep(again.min(SAY_EVERY)) => {}
                Ok(()) = stages.changed() => {}
            }
        }
    };
    (pulse, answered)
}

/// Says it once.
pub(super) async fn say(fetcher: &Fetcher, image: &str, stage: ImageStage) -> Option<ImageAnswer> {
    let bus = fetcher.bus.borrow().clone()?;
    let stand = ImageStand {
        image_id: image.to_owned(),
        stage,
    };
    let subject = subject::node(&fetcher.node, NodeVerb::Image);
    match bus.request_message(subject, &stand, ANSWER_MAX).await {
        Ok(answer) => Some(answer),
        Err(error) => {
            tracing::debug!(%error, "the leader says nothing about an image");
            None
        }
    }
}
