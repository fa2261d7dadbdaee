//! Loads an image from an archive on disk.

use std::path::Path;

use bollard::query_parameters::ImportImageOptionsBuilder;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::io::AsyncReadExt as _;

use crate::engine::observe::image_id;
use crate::engine::{BUILD_MAX, Engine, Error, Kind};

/// How much is read at a time: the engine takes it in pieces of its own.
const READ_BYTES: usize = 128 * 1024;

/// Loads the archive and sees that the engine then has the image of this id.
///
/// # Errors
/// [`Kind::BadSpec`] when the archive holds another image or none, or what the engine said.
pub async fn load(engine: &Engine, archive: &Path, id: &str) -> Result<(), Error> {
    let doing = format!("load image {id}");
    let unreadable = |error: std::io::Error| {
        let shown = archive.display();
        Error::new(Kind::Other, format!("cannot {doing} from {shown}: {error}"))
    };
    let file = tokio::fs::File::open(archive).await.map_err(unreadable)?;
    let options = ImportImageOptionsBuilder::new().quiet(true).build();
    let body = bollard::body_try_stream(pieces(file));
    let docker = engine.changing(BUILD_MAX);
    let mut messages = std::pin::pin!(docker.import_image(options, body, None));
    while let Some(message) = messages.next().await {
        message.map_err(engine.failed(&doing))?;
    }
    match image_id(engine, id).await? {
        Some(found) if found == id => Ok(()),
        Some(_) | None => Err(Error::new(
            Kind::BadSpec,
            format!(
                "cannot {doing}: the engine took the archive and has no image of this id afterwards; \
                 engines with different image stores (`docker info` shows it) name images differently"
            ),
        )),
    }
}

fn pieces(file: tokio::fs::File) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    futures::stream::try_unfold(file, |mut file| async move {
        let mut buffer = vec![0; READ_BYTES];
        let read = file.read(&mut buffer).await?;
        buffer.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(buffer), file)))
    })
}
