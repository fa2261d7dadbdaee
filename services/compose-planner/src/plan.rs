//! One plan: load the files, ask what the lab has, compare.

use std::collections::BTreeMap;

use lab_bus::{Bus, CallOptions};
use lab_compose::{
    BuildPolicy, CurrentProject, LoadOptions, MemorySource, Orphans, PlanInput, Project, SourceFile,
};
use lab_types::{Diagnostic, Problem, UserName};
use lab_wire::request::{self, PlanCreate, PlanCreated, ProjectFacts, ProjectFactsGet};
use lab_wire::roles::PLANNER_USER;

/// Makes a plan, or says what is wrong with the files.
///
/// # Errors
/// `PLN0003` when the leader does not tell what the lab has, or what the leader refused with.
pub(crate) async fn create(bus: &Bus, request: PlanCreate) -> Result<PlanCreated, Problem> {
    let build = match request.build {
        request::BuildPolicy::IfMissing => BuildPolicy::IfMissing,
        request::BuildPolicy::Always => BuildPolicy::Always,
    };
    // Reading is pure and takes a core for as long as it lasts: not on a thread that answers others.
    let loaded = tokio::task::spawn_blocking(move || load(request)).await;
    let (project, diagnostics) = loaded.map_err(|error| {
        Problem::new(
            "PLN0004",
            format!("the planner failed on these files: {error}"),
        )
        .help("this is a fault of Tercio: keep the files and report them")
    })?;
    let Some(project) = project else {
        return Ok(PlanCreated {
            plan: None,
            builds: BTreeMap::new(),
            questions: Vec::new(),
            diagnostics,
        });
    };
    let facts = facts(bus, &project).await?;
    let current = CurrentProject {
        revision: facts.revision,
        record: facts.record,
        services: facts
            .services
            .into_iter()
            .map(|(name, service)| (name, (service.record, service.task)))
            .collect(),
    };
    let images = facts
        .images
        .into_iter()
        .map(|(image, id)| (image, Some(id)))
        .collect();
    let plan = lab_compose::plan(&PlanInput {
        project: &project,
        current: &current,
        images: &images,
        partly: &facts.partly,
        build,
        orphans: Orphans::Remove,
    });
    let mut diagnostics = diagnostics;
    diagnostics.extend(lab_compose::host_paths(&project, facts.nodes));
    diagnostics.extend(lab_compose::warnings(&plan));
    Ok(PlanCreated {
        questions: lab_compose::questions(&current, &plan),
        plan: Some(plan),
        builds: project.builds(),
        diagnostics,
    })
}

fn load(request: PlanCreate) -> (Option<Project>, Vec<Diagnostic>) {
    let files: Vec<SourceFile> = request
        .files
        .into_iter()
        .map(|file| SourceFile::new(file.path, file.content))
        .collect();
    let others = request
        .other_files
        .into_iter()
        .map(|file| (file.path, file.content))
        .collect();
    let source = MemorySource::new(&request.project_dir, others);
    let options = LoadOptions {
        project_name: request.project_name,
        project_dir: request.project_dir,
        current_dir: request.current_dir,
        env_files: request.env_files,
    };
    lab_compose::load(&files, &source, &request.environment, &options)
}

/// What the lab has of this project, and which of its images are there.
async fn facts(bus: &Bus, project: &Project) -> Result<ProjectFacts, Problem> {
    let user = UserName::new(PLANNER_USER).expect("invariant: the planner's name is a user name");
    let images = project
        .services
        .iter()
        .map(|(name, service)| project.image_of(name, service));
    let ask = ProjectFactsGet {
        images: images.collect(),
    };
    let asked = bus
        .call(&user, Some(&project.name), &ask, CallOptions::default())
        .await;
    asked.map_err(|error| match error {
        lab_bus::CallError::Refused(problem) => *problem,
        other => {
            let message = format!("the scheduler does not tell what the lab has: {other}");
            Problem::new("PLN0003", message).help("`tercio lab status` says whether one leads")
        }
    })
}
