//! `tercio pull`: the images that the files name, onto the nodes of the lab.

use lab_types::ServiceName;

use super::up::images::pull;
use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::Outcome;
use crate::project::load::{load_naming, some_services};

const EXAMPLES: &str = "\
Examples:
  tercio pull                 all images of the project but those that it builds
  tercio pull db              one service's

What runs stays as it is.
";

/// Options of `tercio pull`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// Only these services' images
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
}

/// Runs the command.
///
/// # Errors
/// What is wrong with the files, or the registry's word on why an image cannot be had.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    app.plain()?;
    app.no_message("a pull is a request and a stream; `tercio req --list` has image.pull")?;
    let local = load_naming(app, &args.project.or(left), &args.services)?;
    let built = local.project.builds();
    let images = some_services(&local.project, &args.services)?;
    let images: Vec<&String> = images
        .iter()
        .filter(|image| !built.contains_key(*image))
        .collect();
    if images.is_empty() {
        app.screen
            .say("No service of these names an image to pull\n");
        return Ok(());
    }
    let client = app.connect_or_start().await?;
    for image in images {
        let pulled = pull(app, &client, &local.project.name, image);
        app.interruptible(pulled, "cancelled; what was pulled stays")
            .await?;
    }
    Ok(())
}
