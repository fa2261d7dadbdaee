//! A TCP proxy that breaks connections as told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

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
    /// that connection is out of step, so go on with
    /// [`Proxy::break_connections`].
    LoseReplies,
    /// The same with what the client says.
    LoseRequests,
    /// It keeps back what the client says, and passes it on when the flow changes: messages are late.
    HoldRequests,
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
    /// How often all connections were broken.
    breaks: watch::Sender<u64>,
    /// How many replies pass before [`Flow::LoseReplies`] loses the others.
    spared: Arc<AtomicU32>,
    passed: Arc<AtomicUsize>,
    acceptor: JoinHandle<()>,
}

impl Proxy {
    /// Starts one in front of a port of the loopback.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start(target: u16) -> Self {
        Self::counting(target, "").await
    }

    /// The same; it counts the pieces with this text that the client says and that are passed on.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn counting(target: u16, text: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("invariant: the loopback has a free port");
        let address = listener.local_addr();
        let port = address
            .expect("invariant: a listener has an address")
            .port();
        let flow = watch::Sender::new(Flow::Pass);
        let breaks = watch::Sender::new(0);
        let spared = Arc::new(AtomicU32::new(0));
        let passed = Arc::new(AtomicUsize::new(0));
        let told = Told {
            spared: Arc::clone(&spared),
            counted: (text, Arc::clone(&passed)),
            flow: flow.subscribe(),
            breaks: breaks.subscribe(),
        };
        Self {
            port,
            flow,
            breaks,
            spared,
            passed,
            acceptor: tokio::spawn(accept(listener, target, told)),
        }
    }

    /// `nats://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// How many pieces with the counted text it has passed on.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    /// Changes what it does from now on.
    pub fn set(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }

    /// Loses what the server says after so many more pieces of it: one is the answer to the request
    /// that is sent next.
    pub fn lose_replies_after(&self, pieces: u32) {
        self.spared.store(pieces, Ordering::SeqCst);
        self.set(Flow::LoseReplies);
    }

    /// Breaks all connections and passes on what comes by new ones.
    pub fn break_connections(&self) {
        self.breaks.send_modify(|breaks| *breaks += 1);
        self.set(Flow::Pass);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Flow::Cut);
        self.acceptor.abort();
    }
}

/// What a connection is told.
#[derive(Clone)]
struct Told {
    spared: Arc<AtomicU32>,
    counted: (&'static str, Arc<AtomicUsize>),
    flow: watch::Receiver<Flow>,
    breaks: watch::Receiver<u64>,
}

impl Told {
    /// Waits until the connection is to end.
    async fn over(&mut self) {
        self.breaks.mark_unchanged();
        tokio::select! {
            _ = self.breaks.changed() => {}
            _ = self.flow.wait_for(|flow| *flow == Flow::Cut) => {}
        }
    }
}

async fn accept(listener: TcpListener, target: u16, told: Told) {
    while let Ok((client, _)) = listener.accept().await {
        if *told.flow.borrow() == Flow::Cut {
            continue;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else {
            continue;
        };
        tokio::spawn(connection(client, server, told.clone()));
    }
}

async fn connection(client: TcpStream, server: TcpStream, mut told: Told) {
    // Small messages must not wait for each other, or the proxy slows what it should not.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let said = told.clone();
    tokio::select! {
        biased;
        () = told.over() => {}
        () = copy(from_client, to_server, said.clone(), Way::Requests) => {}
        () = copy(from_server, to_client, said, Way::Replies) => {}
    }
}

/// Which way bytes go.
#[derive(Clone, Copy)]
enum Way {
    Requests,
    Replies,
}

impl Way {
    fn is_held(self, flow: Flow) -> bool {
        matches!((self, flow), (Self::Requests, Flow::HoldRequests))
    }

    fn is_lost(self, flow: Flow) -> bool {
        matches!(
            (self, flow),
            (Self::Requests, Flow::LoseRequests) | (Self::Replies, Flow::LoseReplies)
        )
    }
}

/// Passes bytes on until an end closes, as the flow allows.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, told: Told, way: Way) {
    let Told {
        spared,
        counted: (text, passed),
        mut flow,
        ..
    } = told;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let bytes = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => buffer.get(..count).unwrap_or_default(),
        };
        if flow.wait_for(|flow| !way.is_held(*flow)).await.is_err() {
            return;
        }
        let spare = |left: u32| left.checked_sub(1);
        let lost = way.is_lost(*flow.borrow())
            && spared
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, spare)
                .is_err();
        if lost {
            continue;
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
        let is_counted = matches!(way, Way::Requests) && !text.is_empty();
        if is_counted && String::from_utf8_lossy(bytes).contains(text) {
            passed.fetch_add(1, Ordering::SeqCst);
        }
    }
}
