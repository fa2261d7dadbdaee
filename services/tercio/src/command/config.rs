//! `tercio config`: what the Compose files mean, without a lab. It prints all of Compose, also what
//! Tercio cannot act on yet.

use crate::app::App;
use crate::cli::{Format, ProjectArgs};
use crate::failure::{Failure, Outcome};
use crate::project::load::read;

const EXAMPLES: &str = "\
Examples:
  tercio config                        the project in full, as YAML
  tercio config --format json          the same as JSON
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
    let config = read(app, &args.project.or(left))?;
    if args.quiet {
        return Ok(());
    }
    if args.services {
        let names = config.services();
        if app.json()? {
            return app.screen.print_json(&names);
        }
        let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
        return app.screen.print(&lines);
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
    app.screen.print(&format!("{text}{end}"))
}
