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
    /// `BUS0010` when the credentials cannot be read, `BUS0011` when the server refuses them.
    pub async fn connect(&self, name: &str) -> Result<Bus, Problem> {
        let credentials = Credentials::read(&self.credentials).map_err(|error| {
            Problem::new("BUS0010", format!("the credentials of {name} cannot be used: {error}"))
                .help("`tercio lab init` makes one `.creds` file for each role; name it with nats.credentials")
        })?;
        let mut options = ConnectOptions::new(self.urls.clone(), credentials, name);
        options.retry_initial = true;
        Bus::connect(options).await.map_err(|error| {
            Problem::new("BUS0011", format!("{name} cannot join the bus: {error}"))
                .help("check nats.urls, and that the credentials were made by this lab")
        })
    }
}
