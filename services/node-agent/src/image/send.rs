//! Sends an image to another node: the engine's archive of it, as it is packed.
//!
//! Nothing is kept on disk here. Where the target has a part already, the archive is packed from the
//! start again and that part is left out, if it is the same: the engine packs an image the same way
//! each time, and where another engine packed the part, its digest tells.

use std::collections::BTreeMap;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use data_encoding::HEXLOWER;
use futures::{Stream, StreamExt as _};
use lab_bus::{StreamError, StreamHost, StreamItem};
use lab_types::Problem;
use lab_wire::image::{ImageHave, ImageHead};
use lab_wire::stream::CHUNK_BYTES_MAX;
use lab_wire::{Encoding, encode};
use sha2::{Digest as _, Sha256};

use crate::engine::{BUILD_MAX, Engine, Error};

/// How a stream ends: with results by name, or with why it ended early.
pub type Summary = Result<BTreeMap<String, String>, Problem>;

/// How many bytes an image takes on this engine, which is about how large its archive is.
///
/// # Errors
/// [`Kind::ImageMissing`](crate::engine::Kind::ImageMissing) when it is not there, or what else the engine said.
pub async fn size(engine: &Engine, id: &str) -> Result<u64, Error> {
    let found = engine.docker().inspect_image(id).await;
    let found = found.map_err(engine.failed(&format!("look for image {id}")))?;
    Ok(u64::try_from(found.size.unwrap_or_default()).unwrap_or_default())
}

/// Sends the image of this id, from where the target wants it.
///
/// # Errors
/// [`StreamError`] when the target is gone; what the engine said is the summary.
pub async fn send(
    engine: &Engine,
    id: &str,
    host: &mut StreamHost,
) -> Result<Summary, StreamError> {
    let have = match host.recv().await? {
        Some(StreamItem::Data(bytes)) => lab_wire::decode::<ImageHave>(&bytes).ok(),
        Some(StreamItem::End { .. }) | None => None,
    };
    let Some(have) = have else {
        let message = "the other node does not say what it has of the image";
        return Ok(Err(
            Problem::new("AGT0043", message).help("run the same version on all nodes")
        ));
    };
    match from_there(engine, id, &have, host).await {
        Ok(sent) => Ok(Ok(BTreeMap::from([("bytes".to_owned(), sent.to_string())]))),
        Err(Failed::Stream(error)) => Err(error),
        Err(Failed::Engine(error)) => Ok(Err(Problem::from(&error))),
    }
}

enum Failed {
    Stream(StreamError),
    Engine(Error),
}

impl From<StreamError> for Failed {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

async fn from_there(
    engine: &Engine,
    id: &str,
    have: &ImageHave,
    host: &mut StreamHost,
) -> Result<u64, Failed> {
    let about_bytes = size(engine, id).await?;
    let mut archive = Archive::open(engine, id);
    let mut from = have.bytes;
    if !archive.skip(have, host).await? {
        archive = Archive::open(engine, id);
        from = 0;
    }
    let head = ImageHead { from, about_bytes };
    host.send(encode(&head, Encoding::MessagePack)).await?;
    let mut sent = 0;
    while let Some(piece) = archive.next(CHUNK_BYTES_MAX, host).await? {
        sent += piece.len() as u64;
        host.send(piece).await?;
    }
    Ok(sent)
}

/// The engine's archive of an image, in pieces of any size.
struct Archive {
    stream: Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>,
    rest: BytesMut,
    ended: bool,
}

impl Archive {
    fn open(engine: &Engine, id: &str) -> Self {
        // The engine says nothing before it has packed all layers.
        let docker = engine.changing(BUILD_MAX);
        let (engine, doing) = (engine.clone(), format!("pack image {id}"));
        let stream = docker
            .export_image(id)
            .map(move |piece| piece.map_err(engine.failed(&doing)));
        Self {
            stream: Box::pin(stream),
            rest: BytesMut::new(),
            ended: false,
        }
    }

    /// The next bytes, `max` of them unless the archive ends; `None` after the end. A target that goes
    /// away ends the wait.
    async fn next(&mut self, max: usize, host: &StreamHost) -> Result<Option<Bytes>, Failed> {
        while self.rest.len() < max && !self.ended {
            // Cancel-safe: a piece that was not taken stays in the stream.
            let piece = tokio::select! {
                () = host.cancelled() => return Err(StreamError::Cancelled.into()),
                piece = self.stream.next() => piece,
            };
            match piece {
                Some(piece) => self.rest.extend_from_slice(&piece?),
                None => self.ended = true,
            }
        }
        let length = self.rest.len().min(max);
        Ok((length > 0).then(|| self.rest.split_to(length).freeze()))
    }

    /// Leaves out what the target has; false when the archive begins otherwise.
    async fn skip(&mut self, have: &ImageHave, host: &StreamHost) -> Result<bool, Failed> {
        let mut hash = Sha256::new();
        let mut left = have.bytes;
        while left > 0 {
            let max = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(CHUNK_BYTES_MAX);
            let Some(piece) = self.next(max, host).await? else {
                return Ok(false);
            };
            hash.update(&piece);
            left -= piece.len() as u64;
        }
        Ok(have.bytes == 0 || HEXLOWER.encode(&hash.finalize()) == have.sha256)
    }
}
