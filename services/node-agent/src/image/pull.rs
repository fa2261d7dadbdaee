//! Pulls an image from its registry.

use std::time::Duration;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use super::output::Lines;
use crate::engine::Engine;
use crate::engine::error::{Error, Kind};

/// How long a pull may say nothing: the engine tells of each layer several times a second while bytes
/// come, and unpacking the largest layers from a slow disk takes less. It gives up by itself on a registry
/// that refuses, and never on one that has fallen silent.
const IDLE_MAX: Duration = Duration::from_secs(120);

/// What the engine adds to a name without tag and digest; without it the engine pulls every tag.
const TAG_DEFAULT: &str = "latest";

/// Pulls `reference`; what the engine says on the way goes to `output`, if somebody wants it.
/// Returns the image's id.
///
/// # Errors
/// [`Kind::ImageMissing`] when the registry has no such image, [`Kind::Registry`] when it cannot be
/// talked to, or what else the engine said.
pub async fn pull(
    engine: &Engine,
    reference: &str,
    output: Option<&mpsc::Sender<Vec<String>>>,
) -> Result<String, Error> {
    let doing = format!("pull image {reference}");
    let options = CreateImageOptionsBuilder::new()
        .from_image(&with_tag(reference))
        .build();
    let docker = engine.changing(Duration::ZERO);
    let mut messages = std::pin::pin!(docker.create_image(Some(options), None, None));
    let mut lines = Lines::default();
    while let Some(message) = next_within(&mut messages, IDLE_MAX, &doing).await? {
        let message = message.map_err(engine.failed(&doing))?;
        if let Some(status) = &message.status {
            lines.status(message.id.as_deref(), status);
        }
        let ready = lines.take();
        if let (Some(output), false) = (output, ready.is_empty()) {
            let gone = |_| {
                Error::new(
                    Kind::Other,
                    format!("cannot {doing}: nobody listens any more"),
                )
            };
            output.send(ready).await.map_err(gone)?;
        }
    }
    let found = engine.docker().inspect_image(reference).await;
    let id = found.map_err(engine.failed(&doing))?.id;
    id.ok_or_else(|| {
        Error::new(
            Kind::ImageMissing,
            format!("cannot {doing}: the engine has no such image"),
        )
    })
}

/// The engine's next message, unless it says nothing for that long.
async fn next_within<T>(
    messages: &mut (impl Stream<Item = T> + Unpin),
    idle_max: Duration,
    doing: &str,
) -> Result<Option<T>, Error> {
    let next = tokio::time::timeout(idle_max, messages.next()).await;
    next.map_err(|_| {
        let seconds = idle_max.as_secs();
        let words = format!("cannot {doing}: nothing has come from the registry for {seconds} s");
        Error::new(Kind::Registry, words)
    })
}

/// `redis` → `redis:latest`; a port of a registry is not a tag.
fn with_tag(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    match name.contains([':', '@']) {
        true => reference.to_owned(),
        false => format!("{reference}:{TAG_DEFAULT}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::{StreamExt as _, stream};

    use super::{IDLE_MAX, next_within, with_tag};
    use crate::engine::error::Kind;

    #[tokio::test(start_paused = true)]
    async fn a_pull_that_falls_silent_ends_and_one_that_is_slow_does_not() {
        let slow = stream::unfold(0, |said| async move {
            // Time is paused here, and this is what is tried.
            tokio::time::sleep(IDLE_MAX - Duration::from_secs(1)).await;
            (said < 3).then_some((said, said + 1))
        });
        let mut messages = Box::pin(slow.chain(stream::pending()));
        for said in 0..3 {
            let next = next_within(&mut messages, IDLE_MAX, "pull").await;
            assert_eq!(next.unwrap(), Some(said));
        }
        let began = tokio::time::Instant::now();
        let ended = next_within(&mut messages, IDLE_MAX, "pull image web:1").await;
        let ended = ended.unwrap_err();
        assert_eq!(ended.kind, Kind::Registry, "{ended}");
        assert_eq!(began.elapsed(), IDLE_MAX);
    }

    #[test]
    fn a_name_without_tag_means_latest_and_a_registrys_port_is_no_tag() {
        let shown = ["redis", "redis:7", "host:5000/redis", "a/b@sha256:00"].map(with_tag);
        let expected = [
            "redis:latest",
            "redis:7",
            "host:5000/redis:latest",
            "a/b@sha256:00",
        ];
        assert_eq!(shown, expected);
    }
}
