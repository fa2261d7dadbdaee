//! Memory, processor time and messages of the parts.

use std::time::Duration;

use rustix::process::Pid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Memory in its working set now.
    pub rss_bytes: u64,
    /// The most it ever had.
    pub peak_bytes: u64,
    /// Processor time, its own and the kernel's for it.
    pub cpu: Duration,
}

/// Clock ticks in a second, in `/proc/<pid>/stat`: 100 on every Linux that Rust runs on.
const TICKS: u32 = 100;

/// Reads what a process has used; zeros for one that is gone.
#[must_use]
pub fn usage(pid: Pid) -> Usage {
    let proc = format!("/proc/{}", pid.as_raw_nonzero());
    let read = |file: &str| std::fs::read_to_string(format!("{proc}/{file}")).unwrap_or_default();
    let status = read("status");
    let kilobytes = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
            * 1024
    };
    let stat = read("stat");
    // Counted from behind the name, which may hold spaces.
    let fields: Vec<&str> = stat
        .rsplit_once(") ")
        .map(|(_, rest)| rest.split(' ').collect())
        .unwrap_or_default();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u32>().ok());
    let ticks = ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0);
    Usage {
        rss_bytes: kilobytes("VmRSS:"),
        peak_bytes: kilobytes("VmHWM:"),
        cpu: Duration::from_secs(1) * ticks / TICKS,
    }
}

/// What nats-server has passed on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Messages it took in.
    pub in_messages: u64,
    /// Messages it gave out.
    pub out_messages: u64,
    /// Bytes it took in.
    pub in_bytes: u64,
    /// Bytes it gave out.
    pub out_bytes: u64,
    /// Connections now.
    pub connections: u64,
    /// Clients it dropped because they read too slowly.
    pub slow_consumers: u64,
}

impl Traffic {
    /// What came on top of `before`.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            in_messages: self.in_messages.saturating_sub(before.in_messages),
            out_messages: self.out_messages.saturating_sub(before.out_messages),
            in_bytes: self.in_bytes.saturating_sub(before.in_bytes),
            out_bytes: self.out_bytes.saturating_sub(before.out_bytes),
            ..self
        }
    }
}

/// Asks nats-server's monitor.
///
/// # Errors
/// Why it does not answer.
pub async fn traffic(port: u16) -> std::io::Result<Traffic> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    stream
        .write_all(b"GET /varz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let read: serde_json::Value = serde_json::from_str(body)?;
    let number = |name: &str| read[name].as_u64().unwrap_or(0);
    Ok(Traffic {
        in_messages: number("in_msgs"),
        out_messages: number("out_msgs"),
        in_bytes: number("in_bytes"),
        out_bytes: number("out_bytes"),
        connections: number("connections"),
        slow_consumers: number("slow_consumers"),
    })
}
