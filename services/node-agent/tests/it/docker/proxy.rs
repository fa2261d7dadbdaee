//! A way to the engine that can be cut off.

use std::path::Path;

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
