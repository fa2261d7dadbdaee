//! `tercio logs`: what a project's containers write.

mod ends;
mod follow;
mod merge;
mod paint;

use lab_types::{ProjectName, ServiceName};
use lab_wire::agent::LogOptions;
use lab_wire::request::ServiceLogs;

use crate::app::App;
use crate::cli::{LongProjectArgs, ProjectArgs};
use crate::failure::Outcome;
use crate::output::moment::Moment;
use crate::project;

pub use follow::{Start, attach};
pub use paint::Painter;

const EXAMPLES: &str = "\
Examples:
  tercio logs                       all that the project's containers wrote
  tercio logs -f web                follow one service until its containers are gone, or Ctrl-C
  tercio logs --tail 20 -t          the last 20 lines of each container, with times
  tercio logs --since 10m web db
";

/// Options of `tercio logs`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: LongProjectArgs,
    #[command(flatten)]
    options: Options,
    /// Only of these services
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
}

impl Args {
    /// Which part of the logs.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }
}

/// Which part of the logs, and how it looks.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Go on as lines are written
    #[arg(short, long)]
    pub follow: bool,
    /// Only so many lines from the end of each container's log
    #[arg(short = 'n', long, value_name = "N", value_parser = parse_tail)]
    pub tail: Option<Tail>,
    /// Only lines from then on: 10m, 2026-11-23T15:37:00Z, or Unix seconds
    #[arg(long, value_name = "TIME")]
    pub since: Option<Moment>,
    /// Print each line's time
    #[arg(short, long)]
    pub timestamps: bool,
    /// Print lines without the container's name before them
    #[arg(long)]
    pub no_log_prefix: bool,
}

/// How many lines from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// All there are.
    All,
    /// So many.
    Lines(u32),
}

fn parse_tail(text: &str) -> Result<Tail, String> {
    match text {
        "all" => Ok(Tail::All),
        number => number
            .parse()
            .map(Tail::Lines)
            .map_err(|_| "write a number of lines, or all".to_owned()),
    }
}

impl Options {
    /// As the lab is asked.
    #[must_use]
    pub fn request(&self, services: Vec<ServiceName>) -> ServiceLogs {
        let now = lab_kit::clock::now();
        ServiceLogs {
            services,
            options: LogOptions {
                follow: self.follow,
                tail: match self.tail {
                    Some(Tail::Lines(lines)) => Some(lines),
                    Some(Tail::All) | None => None,
                },
                since: self.since.map(|moment| moment.resolve(now)),
            },
        }
    }
}

/// Runs the command.
///
/// # Errors
/// No project, or what the lab refused.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    let project = project::name(app, &ProjectArgs::from(args.project).or(left))?;
    print(app, &project, args.services, &args.options).await
}

/// Prints the logs of a project's services.
///
/// # Errors
/// What the lab refused.
pub async fn print(
    app: &App,
    project: &ProjectName,
    services: Vec<ServiceName>,
    options: &Options,
) -> Outcome {
    app.plain()?;
    let request = options.request(services);
    if app.shows(Some(project), &request)? {
        return Ok(());
    }
    let client = app.connect().await?;
    let painter = Painter::new(app.screen, options);
    match options.follow {
        true => attach(&client, project, request, Start::Here, painter).await,
        false => merge::print(&client, project, &request, painter).await,
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Tail, parse_tail};

    #[test]
    fn the_tail_is_a_number_or_all() {
        assert_eq!(parse_tail("20"), Ok(Tail::Lines(20)));
        assert_eq!(parse_tail("all"), Ok(Tail::All));
        assert!(parse_tail("-3").is_err());
        let all = Options {
            tail: Some(Tail::All),
            ..Options::default()
        };
        assert_eq!(all.request(Vec::new()).options.tail, None);
    }
}
