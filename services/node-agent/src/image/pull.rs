//! Pulls an image from its registry.

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt as _;
use tokio::sync::mpsc;

use super::output::Lines;
use crate::engine::Engine;
use crate::engine::error::{Error, Kind};

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
    let docker = engine.changing(std::time::Duration::ZERO);
    let mut messages = std::pin::pin!(docker.create_image(Some(options), None, None));
    let mut lines = Lines::default();
    while let Some(message) = messages.next().await {
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
    use super::with_tag;

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
