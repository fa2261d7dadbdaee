//! Builds an image from a context that arrives as a stream.

use std::collections::HashMap;

use bollard::models::BuildInfo;
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use lab_wire::agent::BuildOptions;
use tokio::sync::mpsc;

use super::output::Lines;
use crate::engine::error::{Error, Kind};
use crate::engine::{BUILD_MAX, Engine};

/// Builds; the lines the engine prints go to `output` as they come. Returns the image's id.
///
/// `context` is a tar archive, plain or gzipped, in pieces. When nobody takes the output any more,
/// the build is given up: the engine ends it when the connection closes.
///
/// # Errors
/// [`Kind::BuildStep`] with the step that failed, or what else the engine said.
pub async fn build(
    engine: &Engine,
    options: &BuildOptions,
    context: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    output: &mpsc::Sender<Vec<String>>,
) -> Result<String, Error> {
    let doing = format!("build image {}", options.tag);
    let docker = engine.changing(BUILD_MAX);
    let body = bollard::body_try_stream(context);
    let mut messages = std::pin::pin!(docker.build_image(query(options), None, Some(body)));
    let mut progress = Progress::default();
    while let Some(message) = messages.next().await {
        let message =
            message.map_err(|error| progress.explain(&doing, engine.failed(&doing)(error)));
        match message {
            Ok(message) => {
                progress.take(message);
                send(output, progress.lines.take(), &doing).await?;
            }
            Err(error) => {
                send(output, progress.lines.finish(), &doing).await?;
                return Err(error);
            }
        }
    }
    send(output, progress.lines.finish(), &doing).await?;
    progress.image.ok_or_else(|| {
        Error::new(
            Kind::Other,
            format!("cannot {doing}: the engine named no image"),
        )
    })
}

async fn send(
    output: &mpsc::Sender<Vec<String>>,
    lines: Vec<String>,
    doing: &str,
) -> Result<(), Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let gone = |_| {
        Error::new(
            Kind::Other,
            format!("cannot {doing}: nobody listens any more"),
        )
    };
    output.send(lines).await.map_err(gone)
}

fn query(options: &BuildOptions) -> BuildImageOptions {
    let args: HashMap<_, _> = options.args.clone().into_iter().collect();
    let labels: HashMap<_, _> = options.labels.clone().into_iter().collect();
    let query = BuildImageOptionsBuilder::new()
        .dockerfile(&options.dockerfile)
        .t(&options.tag)
        .nocache(options.no_cache)
        .rm(true)
        .forcerm(true)
        .buildargs(&args)
        .labels(&labels);
    match options.pull {
        true => query.pull("true").build(),
        false => query.build(),
    }
}

#[derive(Default)]
struct Progress {
    lines: Lines,
    /// The last `Step 2/3 : RUN …`.
    step: Option<String>,
    image: Option<String>,
}

impl Progress {
    fn take(&mut self, message: BuildInfo) {
        if let Some(text) = &message.stream {
            if text.starts_with("Step ") {
                self.step = text.lines().next().map(|line| line.trim().to_owned());
            }
            self.lines.text(text);
        }
        if let Some(status) = &message.status {
            self.lines.status(message.id.as_deref(), status);
        }
        if let Some(id) = message.aux.and_then(|aux| aux.id) {
            self.image = Some(id);
        }
    }

    /// An error after a step began is that step's, unless it is about something outside the build.
    fn explain(&self, doing: &str, error: Error) -> Error {
        let Some(step) = &self.step else {
            return error;
        };
        if !matches!(error.kind, Kind::Other | Kind::BadSpec | Kind::NotFound) {
            return error;
        }
        let words = error.message.strip_prefix(&format!("cannot {doing}: "));
        let words = words.unwrap_or(&error.message);
        let message = format!("cannot {doing}, it failed at {step}: {words}");
        Error {
            source: error.source,
            ..Error::new(Kind::BuildStep, message)
        }
    }
}
