//! `tercio serve ROLE…`: parts of the lab in this process.

use std::path::PathBuf;

use lab_kit::config::{Loader, dump};
use lab_types::Problem;

use crate::app::App;
use crate::failure::{Failure, Outcome, Tell as _};
use crate::serve::config::{Config, Flags};
use crate::serve::parts::Role;
use crate::serve::{embedded, parts};

const EXAMPLES: &str = "\
Examples:
  tercio serve --embedded                 all parts, with nats-server as a child
  tercio serve nats                       nats-server alone, set up and kept running
  tercio serve scheduler planner          two parts in one process
  TERCIO_SERVE__AGENT__LAB=ID tercio serve agent -H nats://n1:4222 --creds agent.creds
                                          a second host's agent; `tercio lab init --node NAME` on the
                                          first makes its credentials and says the lab's id
  tercio serve --dump-config              the configuration they would have

Without -H and --creds, the parts use the lab of the state directory, and set it up if it is new.
";

/// Options of `tercio serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Which parts
    #[arg(value_enum, required_unless_present_any = ["embedded", "dump_config"])]
    roles: Vec<Role>,
    /// All parts, as one lab of this machine
    #[arg(long, conflicts_with = "roles")]
    embedded: bool,
    /// In a session of its own, reporting on standard output when it is ready
    #[arg(long, hide = true, requires = "embedded")]
    detached: bool,
    /// A TOML file with sections for the parts [default: /etc/tercio/serve.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the configuration that would be used, without secrets, and end
    #[arg(long)]
    dump_config: bool,
}

/// Runs the parts until they are asked to end.
///
/// # Errors
/// What hinders them, or which of them failed.
pub async fn run(app: &App, args: Args) -> Outcome {
    let flags = Flags {
        log: app.globals.verbose.then(Flags::verbose),
    };
    let config: Config = Loader::new("serve")
        .file(args.config)
        .flags(&flags)
        .load()
        .tell()?;
    if args.dump_config {
        let text = dump(&config).map_err(|error| Problem::new("CLI0024", error.to_string()))?;
        return app.screen.print(&text);
    }
    let state_dir = app.state_dir()?;
    if !state_dir.is_absolute() {
        return Err(Failure::Usage(
            "the state directory must be absolute".to_owned(),
        ));
    }
    match args.embedded {
        // Boxed: all the parts of a lab are in it.
        true => Box::pin(embedded::run(app, &state_dir, config, args.detached)).await,
        false => parts::run(app, &state_dir, config, args.roles).await,
    }
}
