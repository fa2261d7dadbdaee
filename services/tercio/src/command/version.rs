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
    let lab = match app.running_context()? {
        None => None,
        Some(_) => {
            let client = app.connect().await?;
            Some(client.call(None, &LabStatusGet {}).await?.version)
        }
    };
    let versions = Versions {
        tercio: env!("CARGO_PKG_VERSION"),
        lab,
    };
    if app.json()? {
        return app.screen.print_json(&versions);
    }
    let mut text = format!("tercio  {}\n", versions.tercio);
    if let Some(lab) = &versions.lab {
        text.push_str(&format!("lab     {lab}\n"));
    }
    app.screen.print(&text)
}
