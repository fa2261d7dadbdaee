//! The images a plan needs: built from their contexts, or pulled, before it is applied.

use std::collections::BTreeMap;

use lab_types::{BuildInstruction, OperationKind, Plan, ProjectName};
use lab_wire::request::ImagePull;

use super::build;
use super::summary::resources;
use crate::app::{App, Client, request_id};
use crate::failure::{Failure, Outcome};
use crate::output::progress::{Item, Phase, Progress};

/// Builds and pulls what the plan lists; whether anything was done, so that the plan must be made
/// again.
pub(in crate::command) async fn fetch(
    app: &App,
    client: &Client,
    plan: &Plan,
    builds: &BTreeMap<String, BuildInstruction>,
) -> Outcome<bool> {
    let mut done = false;
    for image in resources(plan, &OperationKind::BuildImage, "image:") {
        let instruction = builds.get(image).ok_or_else(|| {
            Failure::new(
                "CLI0044",
                format!("the plan builds {image} and does not say from what"),
                "run the planner and this command in the same version",
            )
        })?;
        build::build(app, client, &plan.project, instruction).await?;
        done = true;
    }
    for image in resources(plan, &OperationKind::PullImage, "image:") {
        pull(app, client, &plan.project, image).await?;
        done = true;
    }
    Ok(done)
}

/// Pulls one image onto the nodes that are to have it.
pub(in crate::command) async fn pull(
    app: &App,
    client: &Client,
    project: &ProjectName,
    image: &str,
) -> Outcome {
    let request = ImagePull {
        image: image.to_owned(),
        request_id: Some(request_id()),
    };
    let mut progress = Progress::new(app.screen, "Pulling");
    let name = format!("Image {image}");
    progress.show([Item::new(&name, "Pulling", Phase::Working)]);
    let opened = client.call(Some(project), &request).await?;
    for stream in &opened.streams {
        let said = build::receive(client, stream, |line| {
            let words = crate::output::table::shorten(line, 60);
            progress.show([Item::new(&name, words, Phase::Working)]);
        });
        if let Err(failure) = said.await {
            progress.show([Item::new(&name, "Failed", Phase::Failed)]);
            return Err(failure);
        }
    }
    progress.show([Item::new(&name, "Pulled", Phase::Done)]);
    Ok(())
}
