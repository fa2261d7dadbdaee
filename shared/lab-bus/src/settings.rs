//! How a service is told to reach the bus: one section of every service's configuration.

use std::path::PathBuf;

use lab_kit::config::{ConfigProblem, Validate};
use lab_types::Problem;
use serde::{Deserialize, Serialize};

use crate::bus::{Bus, ConnectOptions};
use crate::identity::Credentials;

/// The `nats` section of a service's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nats {
    /// Addresses of nats-server; any one will do.
    pub urls: Vec<String>,
    /// The `.creds` file of the role.
    pub credentials: PathBuf,
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            urls: vec!["nats://127.0.0.1:4222".to_owned()],
            credentials: PathBuf::from("/etc/tercio/tercio.creds"),
        }
    }
}

impl Validate for Nats {
    fn problems(&self) -> Vec<ConfigProblem> {
        if self.urls.is_empty() {
            return vec![
                ConfigProblem::invalid("urls", "names no server")
                    .help(r#"write urls = ["nats://host:4222"]"#),
            ];
        }
        Vec::new()
    }
}

impl Nats {
    /// Connects as `name`, waiting for a server that is not there yet.
    ///
    /// # Errors
    /// The credentials cannot be read, or the server refuses them.
    pub async fn connect(&self, name: &str) -> Result<Bus, Problem> {
        let credentials = Credentials::read(&self.credentials);
        let credentials = credentials.map_err(|error| error.problem())?;
        let options = ConnectOptions::new(self.urls.clone(), credentials, name);
        let connected = Bus::connect(options.retry_initial()).await;
        connected.map_err(|error| error.problem())
    }
}
