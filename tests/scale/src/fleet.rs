//! All agents of the lab.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lab_bus::Nats;
use lab_types::{LabId, NodeId};
use lab_wire::Role;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::lab::{IMAGE, ScaleLab};
use crate::node::{self, NodeSetup, Tally};
use crate::starts::Starts;

/// How many connections are made in a second: nats-server checks a signature for each, and a real lab's
/// machines do not all start in one instant either.
const JOINS_PER_SECOND: u32 = 250;

/// Agents that run.
#[derive(Debug)]
pub struct Fleet {
    /// What they have done.
    pub tally: Arc<Tally>,
    stop: CancellationToken,
    agents: JoinSet<()>,
}

impl Fleet {
    /// Starts `count` agents, each with credentials of its own. Their ledgers stand under `dir`.
    ///
    /// # Panics
    /// When their files cannot be written.
    pub async fn start(lab: &ScaleLab, dir: &Path, count: usize) -> Self {
        let tally = Arc::new(Tally::default());
        let starts = Arc::new(Starts::measured());
        let stop = CancellationToken::new();
        let mut agents = JoinSet::new();
        let mut pace = tokio::time::interval(Duration::from_secs(1) / JOINS_PER_SECOND);
        for number in 0..count {
            pace.tick().await;
            let id = NodeId::new(format!("n{number:04}")).expect("invariant: a node id");
            let home = dir.join(id.as_str());
            std::fs::create_dir_all(&home).expect("invariant: the probe's folder can be written");
            let credentials = home.join("agent.creds");
            let issued = lab.identity.issue(&Role::Node(id.clone()), None);
            issued
                .write(&credentials)
                .expect("invariant: the probe's folder can be written");
            let setup = NodeSetup {
                lab: LabId::new("scale").expect("invariant: a lab id"),
                id,
                nats: Nats {
                    urls: vec![lab.url()],
                    credentials,
                },
                ledger: home.join("ledger"),
                image: IMAGE.to_owned(),
                starts: Arc::clone(&starts),
                tally: Arc::clone(&tally),
                seed: u64::try_from(number).unwrap_or(u64::MAX),
            };
            agents.spawn(node::run(setup, stop.child_token()));
        }
        Self {
            tally,
            stop,
            agents,
        }
    }

    /// How many containers run on all engines: started and not ended.
    #[must_use]
    pub fn running(&self) -> u64 {
        let started = self.tally.started.load(Ordering::Relaxed);
        started.saturating_sub(self.tally.ended.load(Ordering::Relaxed))
    }

    /// Ends all of them.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.agents.join_next().await.is_some() {}
    }
}
