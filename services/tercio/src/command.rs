//! One file a command; here only the way to it.

pub mod apply;
pub mod build;
pub mod config;
pub mod down;
pub mod events;
pub mod lab;
pub mod list;
pub mod logs;
pub mod machine;
pub mod node;
pub mod plan;
pub mod port;
pub mod project;
pub mod ps;
pub mod pull;
pub mod req;
pub mod scale;
pub mod serve;
pub mod service;
pub mod sub;
pub mod up;
pub mod version;
pub mod volumes;
pub mod wait;

use crate::app::App;
use crate::cli::{Cli, Command, ProjectArgs, Verb};
use crate::failure::Outcome;

/// Runs a command.
///
/// # Errors
/// What the command could not do.
pub async fn run(app: &App, cli: Cli) -> Outcome {
    let left = cli.project;
    match cli.command {
        Command::Verb(verb) => run_verb(app, verb, &left).await,
        Command::Compose(args) => run_verb(app, args.verb, &args.project.or(&left)).await,
        Command::Service(command) => service::run(app, command, &left).await,
        Command::Project(args) => project::run(app, args, &left).await,
        Command::Node(command) => node::run(app, command).await,
        Command::Machine(command) => machine::run(app, command).await,
        Command::Lab(command) => lab::run(app, command).await,
        Command::Req(args) => req::run(app, args, &left).await,
        Command::Sub(args) => sub::run(app, args).await,
        Command::Serve(args) => serve::run(app, *args).await,
    }
}

async fn run_verb(app: &App, verb: Verb, left: &ProjectArgs) -> Outcome {
    match verb {
        Verb::Up(args) => up::run(app, args, left).await,
        Verb::Plan(args) => plan::run(app, args, left).await,
        Verb::Apply(args) => apply::run(app, args).await,
        Verb::Build(args) => build::run(app, args, left).await,
        Verb::Pull(args) => pull::run(app, args, left).await,
        Verb::Down(args) => down::run(app, args, left).await,
        Verb::Ls(args) => list::run(app, args).await,
        Verb::Port(args) => port::run(app, args, left).await,
        Verb::Scale(args) => scale::run(app, args, left).await,
        Verb::Volumes(args) => volumes::run(app, args, left).await,
        Verb::Wait(args) => wait::run(app, args, left).await,
        Verb::Ps(args) => ps::run(app, args, left).await,
        Verb::Logs(args) => logs::run(app, args, left).await,
        Verb::Config(args) => config::run(app, args, left),
        Verb::Events(args) => events::run(app, args, left).await,
        Verb::Version => version::run(app).await,
    }
}
