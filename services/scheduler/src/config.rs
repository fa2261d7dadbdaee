//! What the scheduler is told at its start.

use lab_bus::{Nats, StoreLimits};
use lab_kit::config::{Bytes, ConfigProblem, Validate};
use lab_types::DurationMs;
use serde::{Deserialize, Serialize};

/// The configuration: `/etc/tercio/scheduler.toml`, `TERCIO_SCHEDULER__…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How it reaches the lab's bus.
    pub nats: Nats,
    /// The right to lead.
    pub lease: Lease,
    /// The store of the lab's state.
    pub store: Store,
    /// What it tells of its work.
    pub log: lab_kit::telemetry::Config,
}

/// How long the right to lead lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lease {
    /// Milliseconds; renewed at a quarter of it. 4 s suit one NATS server, 15 s a cluster of three,
    /// whose own election blocks writes for 4 to 7 s.
    pub ttl_ms: u64,
}

/// How much the store of the state may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// On nats-server's disk. 1 GiB unless told: 50,000 tasks on 1,000 nodes are some 10 MB.
    pub bytes_max: Bytes,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            bytes_max: Bytes(StoreLimits::default().bytes_max),
        }
    }
}

/// Sub-second times to live are refused by the server, and one second leaves no room for a renewal.
const TTL_MIN: DurationMs = DurationMs::from_secs(2);

impl Default for Lease {
    fn default() -> Self {
        Self { ttl_ms: 4000 }
    }
}

impl lab_kit::process::ServiceConfig for Config {
    fn log(&self) -> &lab_kit::telemetry::Config {
        &self.log
    }
}

impl Validate for Config {
    fn problems(&self) -> Vec<ConfigProblem> {
        let log = self.log.problems().into_iter().map(|p| p.under("log"));
        let nats = self.nats.problems().into_iter().map(|p| p.under("nats"));
        let mut problems: Vec<_> = log.chain(nats).collect();
        if self.lease.ttl_ms < TTL_MIN.0 {
            problems.push(
                ConfigProblem::invalid("lease.ttl_ms", format!("is less than {}", TTL_MIN.0))
                    .help("a lease shorter than two seconds would lapse between two renewals"),
            );
        }
        if !self.lease.ttl_ms.is_multiple_of(1000) {
            problems.push(
                ConfigProblem::invalid("lease.ttl_ms", "is no whole number of seconds")
                    .help("nats-server lets leases expire by the second: 4000, 15000"),
            );
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use lab_kit::config::Validate as _;

    use super::Config;

    #[test]
    fn a_lease_that_nats_would_refuse_is_refused_by_its_name() {
        let problems = |ttl_ms| {
            let mut config = Config::default();
            config.lease.ttl_ms = ttl_ms;
            config.problems().len()
        };
        assert_eq!([4000, 2000, 15_000].map(problems), [0, 0, 0]);
        assert_eq!([2500, 1000, 4001].map(problems), [1, 1, 1]);
    }
}
