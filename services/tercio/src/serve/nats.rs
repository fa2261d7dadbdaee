//! nats-server as a supervised child: started again when it ends.

use std::time::Duration;

use lab_bus::{LabIdentity, ServerBinary, ServerProcess, ServerSettings, StartError};
use lab_kit::retry::Backoff;
use lab_kit::telemetry::chain;
use lab_types::Problem;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Waits between two starts: the first at once enough that clients hardly notice, the longest short
/// enough that a disk that has room again is noticed soon.
const BACKOFF: Backoff = Backoff::of_millis(100, 5000);
/// A server that has run this long was well; the next end is a new misfortune.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// Why nats-server does not run.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub Box<Problem>);

/// A server to be kept running.
#[derive(Debug)]
pub struct Supervised {
    /// The program.
    pub binary: ServerBinary,
    /// The lab's keys.
    pub identity: LabIdentity,
    /// How it is set up.
    pub settings: ServerSettings,
    /// Told the process id whenever one takes connections.
    pub pid: watch::Sender<Option<u32>>,
}

impl Supervised {
    /// Starts the server for the first time.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(&self) -> Result<ServerProcess, StartError> {
        let server =
            ServerProcess::start(&self.binary, &self.identity, self.settings.clone()).await?;
        let pid = u32::try_from(server.pid().as_raw_pid()).ok();
        self.pid.send_replace(pid);
        tracing::info!(url = server.url(), pid, "nats-server takes connections");
        Ok(server)
    }

    /// Keeps `server` running until `shutdown`; starts it again, on the same port, when it ends.
    pub async fn keep(self, mut server: ServerProcess, shutdown: CancellationToken) {
        let mut failures = 0;
        loop {
            let started = tokio::time::Instant::now();
            // Cancel-safe: waiting for the end can be given up at any point.
            let why = tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    server.stop().await;
                    return;
                }
                why = server.ended() => why,
            };
            self.pid.send_replace(None);
            tracing::warn!(error = why, "nats-server ended, starting it again");
            if started.elapsed() > WELL_AFTER {
                failures = 0;
            }
            server = match self.restart(&mut failures, &shutdown).await {
                Some(server) => server,
                None => return,
            };
        }
    }

    async fn restart(
        &self,
        failures: &mut u32,
        shutdown: &CancellationToken,
    ) -> Option<ServerProcess> {
        loop {
            *failures += 1;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                () = tokio::time::sleep(BACKOFF.wait(*failures, 0.0)) => {}
            }
            match self.start().await {
                Ok(server) => return Some(server),
                Err(error) => {
                    tracing::error!(error = %chain(&error), "nats-server does not start");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
