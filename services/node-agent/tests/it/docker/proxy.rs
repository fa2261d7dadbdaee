//! A way to the engine that can be cut off.

use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::task::AbortOnDropHandle;

use super::bed::socket;

/// The engine's socket at another place, which can be cut off.
pub(crate) struct EngineProxy {
    connections: AbortOnDropHandle<()>,
}

impl EngineProxy {
    pub(crate) fn start(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let accept = async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                open.spawn(async move {
                    let mut engine = UnixStream::connect(socket()).await.unwrap();
                    // Whoever closes first ends it.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
                });
            }
        };
        let connections = AbortOnDropHandle::new(tokio::spawn(accept));
        Self { connections }
    }

    pub(crate) async fn cut(self, path: &Path) {
        std::fs::remove_file(path).unwrap();
        self.connections.abort();
        let _ = self.connections.await;
    }
}

/// The engine's socket at another place, where some containers cannot be inspected: as an engine
/// answers after a hard reset of its machine.
pub(crate) struct BrokenEngine {
    _connections: AbortOnDropHandle<()>,
}

/// What Docker Engine 20.10 says of a container whose layers are lost.
const LOST_LAYER: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\
     Content-Length: 58\r\nConnection: close\r\n\r\n\
     {\"message\":\"RWLayer of container x is unexpectedly nil\"}\n\n";

impl BrokenEngine {
    pub(crate) fn start(path: &Path, broken: Vec<String>) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let accept = async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                open.spawn(pass(client, broken.clone()));
            }
        };
        let _connections = AbortOnDropHandle::new(tokio::spawn(accept));
        Self { _connections }
    }
}

/// Passes one request on, with a word to close the connection after it, or answers it.
async fn pass(mut client: UnixStream, broken: Vec<String>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let (line, rest) = head.split_once("\r\n").unwrap();
    if broken
        .iter()
        .any(|id| line.contains(&format!("/containers/{id}/json")))
    {
        client.write_all(LOST_LAYER.as_bytes()).await.unwrap();
        return;
    }
    let mut engine = UnixStream::connect(socket()).await.unwrap();
    let head = format!("{line}\r\nConnection: close\r\n{rest}");
    engine.write_all(head.as_bytes()).await.unwrap();
    // Whoever closes first ends it.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
}
