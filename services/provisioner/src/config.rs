//! What the provisioner is told at its start.

use std::path::PathBuf;

use lab_bus::Nats;
use lab_kit::config::{ConfigProblem, Validate};
use serde::{Deserialize, Serialize};

/// The configuration: `/etc/tercio/provisioner.toml`, `TERCIO_PROVISIONER__…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How it reaches the lab's bus.
    pub nats: Nats,
    /// This machine's engine.
    pub engine: Engine,
    /// What it tells of its work.
    pub log: lab_kit::telemetry::Config,
}

/// This machine's engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
    /// Its socket.
    pub socket: PathBuf,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            socket: PathBuf::from("/var/run/docker.sock"),
        }
    }
}

impl lab_kit::process::ServiceConfig for Config {
    fn log(&self) -> &lab_kit::telemetry::Config {
        &self.log
    }
}

impl Validate for Config {
    fn problems(&self) -> Vec<ConfigProblem> {
        let log = self.log.problems();
        let mut problems: Vec<_> = log.into_iter().map(|p| p.under("log")).collect();
        let nats = self.nats.problems().into_iter();
        problems.extend(nats.map(|p| p.under("nats")));
        if !self.engine.socket.is_absolute() {
            problems.push(ConfigProblem::invalid(
                "engine.socket",
                "is not an absolute path",
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use lab_kit::config::Validate as _;

    use super::Config;

    #[test]
    fn the_defaults_have_no_problem_and_each_bad_value_has_one() {
        let mut config = Config::default();
        assert_eq!(config.problems(), []);
        config.nats.urls.clear();
        config.engine.socket = "docker.sock".into();
        let keys: Vec<_> = config.problems().into_iter().map(|p| p.key).collect();
        assert_eq!(keys, ["nats.urls", "engine.socket"]);
    }
}
