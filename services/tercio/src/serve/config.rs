//! What `tercio serve` is told at its start: a section a part.

use std::path::PathBuf;

use lab_kit::config::{ConfigProblem, Validate};
use lab_kit::telemetry;
use serde::{Deserialize, Serialize};

/// The configuration: `/etc/tercio/serve.toml`, `TERCIO_SERVE__…`.
///
/// Where the parts find NATS and their credentials follows from the lab they serve (`-H`, `--creds`,
/// or the state directory), so their own `nats` sections are not used here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The nats-server it runs as a child.
    pub nats: NatsServer,
    /// The scheduler.
    pub scheduler: scheduler::Config,
    /// The planner.
    pub planner: compose_planner::Config,
    /// The provisioner.
    pub provisioner: provisioner::Config,
    /// The agent.
    pub agent: node_agent::Config,
    /// What all of them tell of their work.
    pub log: telemetry::Config,
}

/// What the parts tell, and of the library beneath them only what goes wrong.
const FILTER_DEFAULT: &str = "info,async_nats=warn";

impl Default for Config {
    fn default() -> Self {
        Self {
            nats: NatsServer::default(),
            scheduler: scheduler::Config::default(),
            planner: compose_planner::Config::default(),
            provisioner: provisioner::Config::default(),
            agent: node_agent::Config::default(),
            log: telemetry::Config {
                filter: FILTER_DEFAULT.to_owned(),
                ..telemetry::Config::default()
            },
        }
    }
}

/// The nats-server that is run as a child.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NatsServer {
    /// The program; empty for the first new enough one of the usual places.
    pub program: PathBuf,
}

/// What the command line says over the file.
#[derive(Clone, Debug, Serialize)]
pub struct Flags {
    /// From `--verbose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogFlags>,
}

/// What the command line says about telemetry.
#[derive(Clone, Debug, Serialize)]
pub struct LogFlags {
    /// Which events are told.
    pub filter: &'static str,
}

impl Flags {
    /// What `--verbose` asks for: all that the lab's own parts tell, and the rest as usual.
    #[must_use]
    pub const fn verbose() -> LogFlags {
        LogFlags {
            filter: "info,async_nats=warn,tercio=debug,scheduler=debug,compose_planner=debug,provisioner=debug,\
                     node_agent=debug,lab_bus=debug",
        }
    }
}

impl Validate for Config {
    fn problems(&self) -> Vec<ConfigProblem> {
        let sections = [
            ("scheduler", self.scheduler.problems()),
            ("planner", self.planner.problems()),
            ("provisioner", self.provisioner.problems()),
            ("agent", self.agent.problems()),
            ("log", self.log.problems()),
        ];
        let mut problems = Vec::new();
        for (section, found) in sections {
            // Which lab and which node it is, the agent learns from the lab it serves.
            let learnt = |key: &str| section == "agent" && matches!(key, "lab" | "node");
            let found = found.into_iter().filter(|problem| !learnt(&problem.key));
            problems.extend(found.map(|problem| problem.under(section)));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use lab_kit::config::{Loader, Validate as _, dump};

    use super::{Config, Flags};

    #[test]
    fn the_defaults_are_valid_and_print_as_toml() {
        let config = Config::default();
        assert_eq!(config.problems(), []);
        let text = dump(&config).unwrap();
        for section in ["[nats]", "[scheduler.nats]", "[agent.nats]", "[log]"] {
            assert!(text.contains(section), "{section} in {text}");
        }
    }

    #[test]
    fn a_variable_reaches_its_section_and_a_misspelt_one_is_refused() {
        let load = |name: &str, value: &str| {
            Loader::new("serve")
                .environment(vec![(name.to_owned(), value.to_owned())])
                .load::<Config>()
        };
        let config = load("TERCIO_SERVE__SCHEDULER__LEASE__TTL_MS", "9000").unwrap();
        assert_eq!(config.scheduler.lease.ttl_ms, 9000);
        let refused = load("TERCIO_SERVE__SCHEDULER__LEASE__TTL", "9000").unwrap_err();
        assert!(refused.to_string().contains("TTL_MS"), "{refused}");
    }

    #[test]
    fn verbose_asks_for_a_filter_that_is_one() {
        let flags = Flags {
            log: Some(Flags::verbose()),
        };
        let config: Config = Loader::new("serve")
            .environment(Vec::new())
            .flags(&flags)
            .load()
            .unwrap();
        assert!(config.log.filter.contains("lab_bus=debug"));
    }
}
