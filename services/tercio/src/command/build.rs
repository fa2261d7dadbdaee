//! `tercio build`: the images that the files say how to build, on the nodes of the lab.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{BuildInstruction, ServiceName};

use super::up::build::build;
use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::project::load::{load_naming, some_services};

const EXAMPLES: &str = "\
Examples:
  tercio build                          all images of the project that have `build:`
  tercio build --no-cache --pull web    one, from the very beginning
  tercio build --build-arg VERSION=2    with an argument over the files'

What runs stays as it is; `tercio up -d` then replaces what the new images concern.
";

/// Options of `tercio build`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// Use no step that was built before
    #[arg(long)]
    no_cache: bool,
    /// Pull the base images again
    #[arg(long)]
    pull: bool,
    /// A build argument over the files'; KEY alone takes its value from the environment
    #[arg(long, value_name = "KEY[=VALUE]")]
    build_arg: Vec<String>,
    /// Only these services' images
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
}

/// Runs the command.
///
/// # Errors
/// What is wrong with the files, or the engine's word on why an image cannot be built.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    app.plain()?;
    app.no_message("a build is a request and a stream; `tercio req --list` has image.build")?;
    let local = load_naming(app, &args.project.clone().or(left), &args.services)?;
    let wanted = some_services(&local.project, &args.services)?;
    let chosen = chosen(local.project.builds(), &wanted, &args, &app.environment)?;
    if chosen.is_empty() {
        app.screen.say("No service of these has `build:`\n");
        return Ok(());
    }
    let client = app.connect_or_start().await?;
    for instruction in &chosen {
        let built = build(app, &client, &local.project.name, instruction);
        app.interruptible(built, "cancelled; what was built stays")
            .await?;
    }
    Ok(())
}

/// What is built, with what the command line adds. A service that shares another's image counts for both.
fn chosen(
    builds: BTreeMap<String, BuildInstruction>,
    images: &BTreeSet<String>,
    args: &Args,
    environment: &BTreeMap<String, String>,
) -> Outcome<Vec<BuildInstruction>> {
    let mut extra = BTreeMap::new();
    for word in &args.build_arg {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (word.as_str(), environment.get(word).cloned()),
        };
        if key.is_empty() {
            return Err(Failure::Usage(format!(
                "--build-arg {word} has no name before the sign of equality"
            )));
        }
        if let Some(value) = value {
            extra.insert(key.to_owned(), value);
        }
    }
    let mut chosen: Vec<BuildInstruction> = builds
        .into_iter()
        .filter(|(image, _)| images.contains(image))
        .map(|(_, instruction)| instruction)
        .collect();
    for instruction in &mut chosen {
        instruction.options.args.extend(extra.clone());
        instruction.options.no_cache |= args.no_cache;
        instruction.options.pull |= args.pull;
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser as _;
    use lab_types::{BuildInstruction, BuildOptions, ServiceName};

    use super::chosen;
    use crate::cli::{Cli, Command, Verb};

    #[test]
    fn the_command_line_adds_to_what_the_files_say_of_the_chosen_images() {
        let line = "tercio build --no-cache --build-arg A=2 --build-arg HOME --build-arg NONE web";
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let Command::Verb(Verb::Build(args)) = cli.command else {
            panic!("{cli:?}")
        };
        let instruction = |name: &str| {
            let options = BuildOptions {
                tag: format!("shop-{name}"),
                args: [("A".to_owned(), "1".to_owned())].into(),
                ..BuildOptions::default()
            };
            let service = ServiceName::new(name).unwrap();
            let built = BuildInstruction {
                service,
                context: "/shop".to_owned(),
                options,
            };
            (format!("shop-{name}"), built)
        };
        let builds = BTreeMap::from([instruction("web"), instruction("db")]);
        let environment = BTreeMap::from([("HOME".to_owned(), "/root".to_owned())]);
        let images = ["shop-web".to_owned()].into();
        let chosen = chosen(builds, &images, &args, &environment).unwrap();
        assert_eq!(chosen.len(), 1);
        let options = &chosen[0].options;
        assert_eq!(options.tag, "shop-web");
        assert!(options.no_cache && !options.pull);
        let args: Vec<(&str, &str)> = options
            .args
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(args, [("A", "2"), ("HOME", "/root")]);
    }
}
