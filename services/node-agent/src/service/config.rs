//! What the agent must be told.

use std::path::PathBuf;

use lab_bus::Nats;
use lab_kit::config::{ConfigProblem, Validate};
use lab_kit::paths::{Surroundings, state_dir};
use lab_kit::process::ServiceConfig;
use lab_kit::telemetry;
use lab_types::{LabId, NodeId, NodeRole, Problem};
use serde::{Deserialize, Serialize};

use crate::engine::Site;

/// The agent's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which lab the node belongs to; there is no default.
    pub lab: Option<LabId>,
    /// Which node this is; there is no default.
    pub node: Option<NodeId>,
    /// `manager` where the control plane runs beside the agent, else `worker`.
    pub role: NodeRole,
    /// Where the agent keeps what it remembers; absent for the machine's usual state directory.
    pub state_dir: Option<PathBuf>,
    /// The Docker engine.
    pub engine: EngineConfig,
    /// The way to the bus.
    pub nats: Nats,
    /// What is told on stderr.
    pub log: telemetry::Config,
}

/// The `engine` section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// The engine's socket; absent for `DOCKER_HOST`, else Docker's own place.
    pub socket: Option<PathBuf>,
}

impl Validate for Config {
    fn problems(&self) -> Vec<ConfigProblem> {
        let missing = |key: &str, help: &str| {
            ConfigProblem::invalid(key, "is missing and has no default").help(help)
        };
        let mut problems = Vec::new();
        if self.lab.is_none() {
            problems.push(missing("lab", "`tercio lab status` shows the lab's id"));
        }
        if self.node.is_none() {
            problems.push(missing(
                "node",
                "it is the id that the node got when it joined",
            ));
        }
        problems.extend(
            self.nats
                .problems()
                .into_iter()
                .map(|problem| problem.under("nats")),
        );
        problems.extend(
            self.log
                .problems()
                .into_iter()
                .map(|problem| problem.under("log")),
        );
        problems
    }
}

impl ServiceConfig for Config {
    fn log(&self) -> &telemetry::Config {
        &self.log
    }
}

impl Config {
    /// Who the agent is.
    pub(super) fn site(&self) -> Result<Site, Problem> {
        match (&self.lab, &self.node) {
            (Some(lab), Some(node)) => Ok(Site {
                lab: lab.clone(),
                node: node.clone(),
            }),
            (None, _) | (_, None) => Err(Problem::new(
                "AGT0053",
                "the agent needs its lab and its node",
            )
            .help("set `lab` and `node` in its configuration")),
        }
    }

    /// Where the agent's own files are.
    pub(super) fn directory(&self) -> Result<PathBuf, Problem> {
        let base = match &self.state_dir {
            Some(path) => path.clone(),
            None => state_dir(&Surroundings::read()).map_err(|error| Problem::from(&error))?,
        };
        Ok(base.join("agent"))
    }
}

/// `DOCKER_HOST`, as Docker's own tools read it.
pub(super) fn docker_host() -> Option<String> {
    std::env::var("DOCKER_HOST").ok()
}

#[cfg(test)]
mod tests {
    use lab_kit::config::{Loader, dump};

    use super::Config;

    fn load(variables: &[(&str, &str)]) -> Result<Config, lab_kit::config::Error> {
        let pairs = variables
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let nowhere = "/nonexistent/node-agent.toml".into();
        Loader::new("node-agent")
            .usual_file(nowhere)
            .environment(pairs.collect())
            .load()
    }

    #[test]
    fn lab_and_node_must_be_said_and_the_rest_has_defaults() {
        let error = load(&[]).unwrap_err().to_string();
        let problem = lab_types::Problem::from(&load(&[]).unwrap_err());
        let shown = format!("{error} {:?}", problem.diagnostics);
        assert!(shown.contains("lab") && shown.contains("node"), "{shown}");
        let config = load(&[
            ("TERCIO_NODE_AGENT__LAB", "home"),
            ("TERCIO_NODE_AGENT__NODE", "n1"),
            ("TERCIO_NODE_AGENT__ENGINE__SOCKET", "/run/d.sock"),
        ])
        .unwrap();
        let site = config.site().unwrap();
        assert_eq!((site.lab.as_str(), site.node.as_str()), ("home", "n1"));
        let text = dump(&config).unwrap();
        assert!(text.contains("socket = \"/run/d.sock\""), "{text}");
    }
}
