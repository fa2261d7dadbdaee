//! The command line as a tree of types; `--help` is written here.

pub(crate) mod absent;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use lab_types::UserName;

use crate::command;

const EXAMPLES: &str = "\
Examples:
  tercio up                       build and start the project of this folder, follow its logs
  tercio up -d --wait             the same in the background, until everything is healthy
  tercio plan                     say what would be done, and do nothing
  tercio ps                       the project's containers
  tercio logs -f web              follow one service
  tercio service scale web=3      run three of it
  tercio down                     stop and remove the containers; volumes stay
  tercio events --since 1h        what happened in the last hour
  tercio req node.list            send any request yourself; `tercio req --list` names them all

With no lab configured, `tercio up` starts one on this machine; `tercio lab stop` ends it and leaves
the containers as they are.
";

/// Runs services across a lab: from one laptop to a rack.
#[derive(Debug, Parser)]
#[command(
    name = "tercio",
    version,
    about = "Runs services across a lab: from one laptop to a rack",
    after_help = EXAMPLES,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub globals: Globals,
    /// Which project, said before the command as `docker-compose` has it.
    #[command(flatten)]
    pub project: ProjectArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The arguments as they are meant: called by the name `docker-compose` (a link), the program behaves as
/// `tercio compose`.
pub(crate) fn by_name(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let called = arguments
        .first()
        .map(|name| std::path::Path::new(name).file_name());
    if called
        .flatten()
        .is_some_and(|name| name == "docker-compose")
    {
        let asks_version = arguments
            .get(1)
            .is_some_and(|word| word == "--version" || word == "-v");
        if asks_version {
            arguments[1] = "version".into();
        }
        arguments.insert(1, "compose".into());
    }
    arguments
}

/// What holds for every command.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// The lab's NATS address [env: TERCIO_NATS_URL]; else the lab of this machine
    #[arg(short = 'H', long, global = true, value_name = "URL")]
    pub nats_url: Option<String>,
    /// The .creds file to use [env: TERCIO_CREDS]
    #[arg(long, global = true, value_name = "FILE")]
    pub creds: Option<PathBuf>,
    /// Who asks [env: TERCIO_USER]; else the name in the credentials
    #[arg(long, global = true, value_name = "NAME")]
    pub user: Option<UserName>,
    /// Where this machine's lab keeps its state [env: TERCIO_STATE_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// How results are printed; json is one document
    #[arg(long, global = true, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Print the message that would be sent (subject and JSON body) and send nothing
    #[arg(long, global = true)]
    pub as_command: bool,
    /// Tell on stderr what happens on the way
    #[arg(long, global = true)]
    pub verbose: bool,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    Table,
    /// JSON for scripts.
    Json,
    /// YAML, for `config` alone.
    Yaml,
}

/// Which project.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Project options")]
pub struct ProjectArgs {
    /// A Compose file; several are merged in order. Default: compose.yaml (or .yml,
    /// docker-compose.yml, docker-compose.yaml) here or in a folder above, with its override file
    #[arg(short, long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// The project's name. Default: COMPOSE_PROJECT_NAME, the file's `name`, or its folder's name
    #[arg(short, long, value_name = "NAME")]
    pub project_name: Option<String>,
    /// The folder that relative paths start from. Default: the first file's
    #[arg(long, value_name = "DIR")]
    pub project_directory: Option<PathBuf>,
    /// A file of variables to read in place of .env; may be given several times
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<String>,
    /// A profile whose services take part too, '*' for all; may be given several times. Default:
    /// COMPOSE_PROFILES
    #[arg(long, value_name = "NAME")]
    pub profile: Vec<String>,
}

impl ProjectArgs {
    /// These options with those said further left where these say nothing.
    #[must_use]
    pub fn or(mut self, left: &Self) -> Self {
        let mut files = left.file.clone();
        files.append(&mut self.file);
        let mut env_files = left.env_file.clone();
        env_files.append(&mut self.env_file);
        let mut profiles = left.profile.clone();
        profiles.append(&mut self.profile);
        Self {
            file: files,
            project_name: self.project_name.or_else(|| left.project_name.clone()),
            project_directory: self
                .project_directory
                .or_else(|| left.project_directory.clone()),
            env_file: env_files,
            profile: profiles,
        }
    }
}

/// Which project, for commands whose `-f` means something else.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Project options")]
pub struct LongProjectArgs {
    /// A Compose file; may be given several times
    #[arg(long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// The project's name
    #[arg(short, long, value_name = "NAME")]
    pub project_name: Option<String>,
}

impl From<LongProjectArgs> for ProjectArgs {
    fn from(long: LongProjectArgs) -> Self {
        Self {
            file: long.file,
            project_name: long.project_name,
            project_directory: None,
            env_file: Vec::new(),
            profile: Vec::new(),
        }
    }
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Commands on a project; each also stands without `compose`.
    #[command(flatten)]
    Verb(Verb),
    /// Commands on a project, as `docker-compose` has them: `tercio compose up` is `tercio up`
    Compose(ComposeArgs),
    /// Services of the lab
    #[command(subcommand)]
    Service(command::service::Command),
    /// What a project was: its changes, and back to one of them
    Project(command::project::Args),
    /// Nodes of the lab
    #[command(subcommand)]
    Node(command::node::Command),
    /// Machines the lab knows
    #[command(subcommand)]
    Machine(command::machine::Command),
    /// The lab of this machine: start, stop, status, and identities for others
    #[command(subcommand)]
    Lab(command::lab::Command),
    /// Send one request and print its reply
    Req(command::req::Args),
    /// Print the messages on a subject as JSON, one a line
    Sub(command::sub::Args),
    /// Run parts of the lab in this process
    Serve(Box<command::serve::Args>),
}

impl Command {
    /// Whether the command itself ends in order when Ctrl-C is pressed: it changes something and then
    /// says what was changed. Any other ends at once.
    #[must_use]
    pub const fn minds_interrupt(&self) -> bool {
        use command::{lab, service};
        let verb = match self {
            Self::Verb(verb) => verb,
            Self::Compose(args) => &args.verb,
            Self::Service(service) => {
                return matches!(
                    service,
                    service::Command::Scale { .. } | service::Command::Rm { .. }
                );
            }
            Self::Project(args) => return args.minds_interrupt(),
            Self::Lab(lab) => return matches!(lab, lab::Command::Start),
            Self::Node(_) | Self::Machine(_) | Self::Req(_) | Self::Sub(_) | Self::Serve(_) => {
                return false;
            }
        };
        matches!(
            verb,
            Verb::Up(_)
                | Verb::Down(_)
                | Verb::Apply(_)
                | Verb::Build(_)
                | Verb::Pull(_)
                | Verb::Scale(_)
        )
    }
}

/// `tercio compose [-f FILE] [-p NAME] VERB`.
#[derive(Args, Debug)]
pub struct ComposeArgs {
    /// Which project.
    #[command(flatten)]
    pub project: ProjectArgs,
    /// The command.
    #[command(subcommand)]
    pub verb: Verb,
}

/// A command on a project.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Build, create and start a project, or bring it up to date
    Up(command::up::Args),
    /// Print what `up` would do, with causes, and change nothing
    Plan(command::plan::Args),
    /// Do exactly what a kept plan says
    Apply(command::apply::Args),
    /// Build the images that the files say how to build
    Build(command::build::Args),
    /// Pull the images that the files name
    Pull(command::pull::Args),
    /// Stop and remove a project's containers and networks
    Down(command::down::Args),
    /// List the lab's projects
    Ls(command::list::Args),
    /// List a project's containers
    Ps(command::ps::Args),
    /// Print where a container's port is reached
    Port(command::port::Args),
    /// Change the number of containers of services
    Scale(command::scale::Args),
    /// List a project's volumes
    Volumes(command::volumes::Args),
    /// Wait until containers have ended, and print their exit codes
    Wait(command::wait::Args),
    /// Print what containers write
    Logs(command::logs::Args),
    /// Check the Compose files and print what they mean
    #[command(visible_alias = "convert")]
    Config(command::config::Args),
    /// Print what happened, and what happens
    Events(command::events::Args),
    /// Print versions
    Version,
}

#[cfg(test)]
mod tests;
