//! What happens, said once, on stderr: in colour for a person, or as JSON for a machine.

mod chain;
pub mod field;

use std::io::IsTerminal as _;

use lab_types::Problem;
use serde::{Deserialize, Serialize};
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::{ConfigProblem, Validate};

pub use chain::{Chain, chain};

/// The variable that sets the filter of every service, over its configuration.
pub const FILTER_VARIABLE: &str = "TERCIO_LOG";

/// How events look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One line each, in colour when stderr is a terminal.
    #[default]
    Human,
    /// One JSON object each.
    Json,
}

/// The `log` section of a service's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How events look.
    pub format: Format,
    /// Which events are told: a level, or levels by module, as in `info,lab_bus=debug`.
    pub filter: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            format: Format::Human,
            filter: "info".to_owned(),
        }
    }
}

impl Validate for Config {
    fn problems(&self) -> Vec<ConfigProblem> {
        match EnvFilter::try_new(&self.filter) {
            Ok(_) => Vec::new(),
            Err(error) => vec![
                ConfigProblem::invalid("filter", format!("{:?}: {error}", self.filter))
                    .help("write a level, or levels by module: \"info,lab_bus=debug\""),
            ],
        }
    }
}

/// Why telemetry could not be set up or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The filter is not one.
    #[error("{filter:?} is not a log filter")]
    Filter {
        /// As it was written.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// This process has a subscriber.
    #[error("telemetry was set up twice")]
    Twice(#[source] tracing::subscriber::SetGlobalDefaultError),
    /// The subscriber is gone.
    #[error("cannot change the log filter")]
    Gone(#[source] reload::Error),
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::Filter { .. } => Self::new("KIT0010", chain(error).to_string())
                .help("write a level, or levels by module: \"info,lab_bus=debug\""),
            Error::Twice(_) | Error::Gone(_) => Self::new("KIT0011", error.to_string()),
        }
    }
}

/// Changes what is told while the process runs.
#[derive(Clone, Debug)]
pub struct Guard {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl Guard {
    /// Tells other events from now on.
    ///
    /// # Errors
    /// [`Error::Filter`] when it is not one; the old one stays.
    pub fn set_filter(&self, filter: &str) -> Result<(), Error> {
        self.filter.reload(parse(filter)?).map_err(Error::Gone)
    }
}

fn parse(filter: &str) -> Result<EnvFilter, Error> {
    EnvFilter::try_new(filter).map_err(|source| Error::Filter {
        filter: filter.to_owned(),
        source,
    })
}

/// Tells the process's events on stderr from now on. `TERCIO_LOG` overrides the filter.
///
/// # Errors
/// [`Error::Filter`] for a filter that is not one, [`Error::Twice`] for a second call.
pub fn init(config: &Config) -> Result<Guard, Error> {
    let from_environment = std::env::var(FILTER_VARIABLE)
        .ok()
        .filter(|filter| !filter.is_empty());
    let config = Config {
        format: config.format,
        filter: from_environment.unwrap_or_else(|| config.filter.clone()),
    };
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = std::io::stderr().is_terminal() && !no_colour;
    let (subscriber, guard) = subscriber(&config, colours, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(Error::Twice)?;
    Ok(guard)
}

fn subscriber<W>(
    config: &Config,
    colours: bool,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, Guard), Error>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(parse(&config.filter)?);
    let subscriber =
        tracing_subscriber::registry()
            .with(filter)
            .with(lines(config.format, colours, writer));
    Ok((subscriber, Guard { filter: handle }))
}

fn lines<S, W>(format: Format, colours: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        Format::Human => layer.with_ansi(colours).boxed(),
        Format::Json => layer.json().flatten_event(true).with_ansi(false).boxed(),
    }
}

#[cfg(test)]
mod tests;
