//! `tercio machine ls`.

use lab_wire::request::MachineList;

use crate::app::App;
use crate::failure::Outcome;
use crate::output::table::Table;

/// What to do with machines.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the machines the lab knows
    #[command(visible_alias = "list")]
    Ls,
}

/// Runs the command.
///
/// # Errors
/// What the lab refused.
pub async fn run(app: &App, command: Command) -> Outcome {
    match command {
        Command::Ls => list(app).await,
    }
}

async fn list(app: &App) -> Outcome {
    let json = app.json()?;
    let request = MachineList {};
    if app.shows(None, &request)? {
        return Ok(());
    }
    let listed = app.connect().await?.call(None, &request).await?;
    if json {
        return app.screen.print_json(&listed.machines);
    }
    let mut table = Table::new(&[
        "NAME", "ACTIVE", "DRIVER", "STATE", "URL", "SWARM", "DOCKER", "ERRORS",
    ]);
    for row in listed.machines {
        table.row([
            row.name,
            "-".to_owned(),
            row.driver,
            row.state,
            row.url,
            String::new(),
            row.engine_version.unwrap_or_else(|| "Unknown".to_owned()),
            row.error.unwrap_or_default(),
        ]);
    }
    app.screen.print(&table.render())
}
