//! `tercio config`: what the Compose files mean, without a lab. It prints all of Compose, also what
//! Tercio cannot act on yet.

use std::path::PathBuf;

use lab_compose::Config;
use lab_kit::file::{Readers, write_atomic};

use crate::app::App;
use crate::cli::{Format, ProjectArgs};
use crate::failure::{Failure, Outcome, Tell as _};
use crate::project::load::read;

const EXAMPLES: &str = "\
Examples:
  tercio config                        the project in full, as YAML
  tercio config --format json          the same as JSON
  tercio config --images               the names of the images, one a line
  tercio config -q                     only check: nothing is printed, exit code 0 when all is well
";

/// Options of `tercio config`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// Print the services' names, one a line
    #[arg(long)]
    services: bool,
    /// Print the images' names, one a line
    #[arg(long, conflicts_with = "services")]
    images: bool,
    /// Print the networks' names, one a line
    #[arg(long, conflicts_with_all = ["services", "images"])]
    networks: bool,
    /// Print the volumes' names, one a line
    #[arg(long, conflicts_with_all = ["services", "images", "networks"])]
    volumes: bool,
    /// Print the names of all profiles, active or not, one a line
    #[arg(long, conflicts_with_all = ["services", "images", "networks", "volumes"])]
    profiles: bool,
    /// Write to this file in place of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print nothing; check only
    #[arg(short, long)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// All that is wrong with the files.
pub fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    app.no_message("the files are read here")?;
    let mut project = args.project.clone().or(left);
    if args.profiles {
        project.profile = vec!["*".to_owned()];
    }
    let config = read(app, &project)?;
    if args.quiet {
        return Ok(());
    }
    if let Some(names) = args.names(&config) {
        if app.json()? {
            return app.screen.print_json(&names);
        }
        let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
        return args.put(app, &lines);
    }
    let text = match app.globals.format {
        None | Some(Format::Yaml) => config.to_yaml(),
        Some(Format::Json) => config.to_json(),
        Some(Format::Table) => {
            return Err(Failure::Usage(
                "a project has no table; use --format yaml or json".to_owned(),
            ));
        }
    };
    let end = if text.ends_with('\n') { "" } else { "\n" };
    args.put(app, &format!("{text}{end}"))
}

impl Args {
    /// The names that are asked for in place of the whole.
    fn names(&self, config: &Config) -> Option<Vec<String>> {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let asked = [
            (self.services, owned(config.services())),
            (self.images, config.images()),
            (self.networks, owned(config.networks())),
            (self.volumes, owned(config.volumes())),
            (self.profiles, owned(config.profiles())),
        ];
        let mut asked = asked.into_iter().filter(|(asked, _)| *asked);
        asked.next().map(|(_, names)| names)
    }

    fn put(&self, app: &App, text: &str) -> Outcome {
        match &self.output {
            Some(path) => write_atomic(path, text.as_bytes(), Readers::Everybody).tell(),
            None => app.screen.print(text),
        }
    }
}
