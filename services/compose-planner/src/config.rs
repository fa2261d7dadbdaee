//! What the planner is told at its start.

use lab_bus::Nats;
use lab_kit::config::{ConfigProblem, Validate};
use serde::{Deserialize, Serialize};

/// The configuration: `/etc/tercio/planner.toml`, `TERCIO_PLANNER__…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How it reaches the lab's bus.
    pub nats: Nats,
    /// What it tells of its work.
    pub log: lab_kit::telemetry::Config,
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
        log.chain(nats).collect()
    }
}
