//! `tercio version`.

use lab_wire::request::LabStatusGet;
use serde::Serialize;

use crate::app::App;
use crate::failure::Outcome;

#[derive(Serialize)]
struct Versions {
    tercio: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lab: Option<String>,
}

/// Prints this command's version, and that of the lab when one runs.
///
/// # Errors
/// A lab that is configured and does not answer.
pub async fn run(app: &App) -> Outcome {
    app.no_message("it tells of this program first; `lab status` asks the lab")?;
    let json = app.json()?;
    let mut versions = Versions {
        tercio: env!("CARGO_PKG_VERSION"),
        lab: None,
    };
    if !json {
        // Said whatever the lab answers.
        let own = format!("tercio  {}\n", versions.tercio);
        app.screen.print(&own)?;
    }
    let lab = lab(app).await;
    if let Ok(lab) = &lab {
        versions.lab.clone_from(lab);
    }
    match (json, &versions.lab) {
        (true, _) => app.screen.print_json(&versions)?,
        (false, Some(lab)) => app.screen.print(&format!("lab     {lab}\n"))?,
        (false, None) => {}
    }
    lab.map(drop)
}

/// The version of the lab's leader, when there is a lab.
async fn lab(app: &App) -> Outcome<Option<String>> {
    if app.running_context()?.is_none() {
        return Ok(None);
    }
    let client = app.connect().await?;
    let status = client.call(None, &LabStatusGet {}).await?;
    Ok(Some(status.version))
}
