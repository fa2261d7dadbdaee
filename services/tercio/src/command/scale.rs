//! `tercio scale`: as `docker compose scale` has it, `tercio service scale` of one project.

use super::service::target::parse_scale;
use super::service::{self, target::Target};
use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::Outcome;
use crate::project;

const EXAMPLES: &str = "\
Examples:
  tercio scale web=3 worker=5
";

/// Options of `tercio scale`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// Return at once, without waiting until the containers run
    #[arg(short, long)]
    detach: bool,
    /// SERVICE=NUMBER
    #[arg(required = true, value_name = "SERVICE=N", value_parser = parse_scale)]
    scales: Vec<(Target, u32)>,
}

/// Runs the command.
///
/// # Errors
/// What the lab refused.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    let project = ProjectArgs {
        project_name: Some(project::name(app, &args.project.or(left))?.to_string()),
        ..ProjectArgs::default()
    };
    service::scale(app, &project, args.scales, args.detach).await
}
