//! A TCP proxy that breaks connections as told.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the proxy does with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It passes them on.
    Pass,
    /// It reads what the server says and throws it away: acknowledgements are lost. What follows on
    /// that connection is out of step, so go on to [`Flow::Cut`] before [`Flow::Pass`].
    LoseReplies,
    /// The same with what the client says.
    LoseRequests,
    /// It closes all connections and takes no new ones.
    Cut,
}

/// Bytes read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// A proxy in front of one server.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    flow: watch::Sender<Flow>,
    acceptor: JoinHandle<()>,
}

impl Proxy {
    /// Starts one in front of a port of the loopback.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("invariant: the loopback has a free port");
        let address = listener.local_addr();
        let port = address.expect("invariant: a listener has an address").port();
        let (flow, seen) = watch::channel(Flow::Pass);
        let acceptor = tokio::spawn(accept(listener, target, seen));
        Self {
            port,
            flow,
            acceptor,
        }
    }

    /// `nats://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Changes what it does from now on.
    pub fn set(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Flow::Cut);
        self.acceptor.abort();
    }
}

async fn accept(listener: TcpListener, target: u16, flow: watch::Receiver<Flow>) {
    while let Ok((client, _)) = listener.accept().await {
        if *flow.borrow() == Flow::Cut {
            continue;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else {
            continue;
        };
        // Small messages must not wait for each other, or the proxy slows what it should not.
        let _ = client.set_nodelay(true);
        let _ = server.set_nodelay(true);
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let lost = Flow::LoseRequests;
        tokio::spawn(copy(from_client, to_server, flow.clone(), lost));
        let lost = Flow::LoseReplies;
        tokio::spawn(copy(from_server, to_client, flow.clone(), lost));
    }
}

/// Passes bytes on until an end closes or the flow is cut; drops them while the flow is `lost`.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut flow: watch::Receiver<Flow>,
    lost: Flow,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut cut = flow.clone();
    loop {
        let read = tokio::select! {
            biased;
            _ = cut.wait_for(|flow| *flow == Flow::Cut) => return,
            // Cancel-safe: nothing is read when the cut comes first.
            read = from.read(&mut buffer) => read,
        };
        let bytes = match read {
            Ok(0) | Err(_) => return,
            Ok(count) => buffer.get(..count).unwrap_or_default(),
        };
        if *flow.borrow_and_update() != lost && to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
