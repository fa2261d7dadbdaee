//! One plan: load the files, ask what the lab has, compare.

use std::collections::BTreeMap;
use std::time::Duration;

use lab_bus::{Bus, CallOptions};
use lab_compose::{
    BuildPolicy, CurrentProject, LoadOptions, MemorySource, Orphans, PlanInput, Project,
    SourceFile, Wanted,
};
use lab_types::{Diagnostic, Plan, Problem, ProjectName, Question, UserName};
use lab_wire::Request;
use lab_wire::request::{
    self, PlanCreate, PlanCreated, PlanRestore, ProjectFacts, ProjectFactsGet, ProjectInspect,
};
use lab_wire::roles::PLANNER_USER;

/// How long the leader is asked for what the lab has, in all and each time: less than one attempt of
/// whoever asked for the plan (5 s), so that he is told to ask again rather than left alone. The leader
/// joins those who ask for the same, so that nothing is begun anew.
const FACTS_OPTIONS: CallOptions = CallOptions {
    timeout: Duration::from_millis(4500),
    attempt: Duration::from_millis(4500),
    request_id: None,
};

/// Why there is no plan.
pub(crate) enum Error {
    /// Asked again in a moment, there may be one.
    NotNow(String),
    /// For good.
    Refused(Problem),
}

/// Makes a plan, or says what is wrong with the files.
pub(crate) async fn create(bus: &Bus, request: PlanCreate) -> Result<PlanCreated, Error> {
    let build = match request.build {
        request::BuildPolicy::IfMissing => BuildPolicy::IfMissing,
        request::BuildPolicy::Always => BuildPolicy::Always,
    };
    // Reading is pure and takes a core for as long as it lasts: not on a thread that answers others.
    let loaded = tokio::task::spawn_blocking(move || load(request)).await;
    let loaded = loaded.map_err(|error| {
        Problem::new(
            "PLN0004",
            format!("the planner failed on these files: {error}"),
        )
        .help("this is a fault of Tercio: keep the files and report them")
    });
    let (project, diagnostics) = loaded.map_err(Error::Refused)?;
    let Some(project) = project else {
        return Ok(PlanCreated {
            plan: None,
            builds: BTreeMap::new(),
            questions: Vec::new(),
            diagnostics,
        });
    };
    let images = project
        .services
        .iter()
        .map(|(name, service)| project.image_of(name, service));
    let facts = facts(bus, &project.name, images.collect()).await?;
    let nodes = facts.nodes;
    let (plan, questions) = compare(Wanted::Files(&project), facts, build);
    let mut diagnostics = diagnostics;
    diagnostics.extend(lab_compose::host_paths(&project, nodes));
    diagnostics.extend(lab_compose::warnings(&plan));
    Ok(PlanCreated {
        questions,
        plan: Some(plan),
        builds: project.builds(),
        diagnostics,
    })
}

/// Makes a plan that brings a project back to one of its revisions.
pub(crate) async fn restore(
    bus: &Bus,
    project: &ProjectName,
    request: PlanRestore,
) -> Result<PlanCreated, Error> {
    let was = ProjectInspect {
        revision: Some(request.revision),
    };
    let model = ask_for(bus, project, &was).await?.model;
    let images = model.services.values();
    let images = images.map(|service| service.task.image.clone()).collect();
    let facts = facts(bus, project, images).await?;
    let (plan, questions) = compare(Wanted::Revision(&model), facts, BuildPolicy::IfMissing);
    Ok(PlanCreated {
        questions,
        diagnostics: lab_compose::warnings(&plan),
        plan: Some(plan),
        builds: BTreeMap::new(),
    })
}

fn compare(wanted: Wanted<'_>, facts: ProjectFacts, build: BuildPolicy) -> (Plan, Vec<Question>) {
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
        wanted,
        current: &current,
        images: &images,
        partly: &facts.partly,
        platforms: &facts.platforms,
        build,
        orphans: Orphans::Remove,
    });
    let questions = lab_compose::questions(&current, &plan);
    (plan, questions)
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
        files_named: request.files_named,
        profiles: request.profiles,
        services: request.services,
    };
    lab_compose::load(&files, &source, &request.environment, &options).to_apply()
}

/// What the lab has of a project, and which of these images are there.
async fn facts(
    bus: &Bus,
    project: &ProjectName,
    images: Vec<String>,
) -> Result<ProjectFacts, Error> {
    let mut ask = ProjectFactsGet {
        images,
        after: None,
    };
    let mut facts = ask_for(bus, project, &ask).await?;
    ask.images.clear();
    while let Some(next) = facts.next.take() {
        ask.after = Some(next);
        let page = ask_for(bus, project, &ask).await?;
        if page.revision != facts.revision {
            return Err(Error::NotNow(format!(
                "project {project} is being changed at this moment"
            )));
        }
        facts.services.extend(page.services);
        facts.next = page.next;
    }
    Ok(facts)
}

async fn ask_for<R: Request>(bus: &Bus, project: &ProjectName, ask: &R) -> Result<R::Reply, Error> {
    let user = UserName::new(PLANNER_USER).expect("invariant: the planner's name is a user name");
    let asked = bus.call(&user, Some(project), ask, FACTS_OPTIONS).await;
    asked.map_err(|error| match error {
        error if error.is_transient() => Error::NotNow(format!(
            "the scheduler does not tell what the lab has: {error}; `tercio lab status` says whether \
             one leads"
        )),
        lab_bus::CallError::Refused(problem) => Error::Refused(*problem),
        other => {
            let message = format!("the scheduler does not tell what the lab has: {other}");
            let help = "`tercio lab status` says whether one leads";
            Error::Refused(Problem::new("PLN0003", message).help(help))
        }
    })
}
