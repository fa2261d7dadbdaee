//! The project's files read and checked on this machine, ready to be sent to the planner.

use std::collections::BTreeSet;

use lab_compose::{Config, EnvMap, LoadOptions, Project, Recording};
use lab_types::{Diagnostic, ServiceName, Severity};
use lab_wire::request::{BuildPolicy, PlanCreate, SourceText};

use super::discover::{Disk, Files, discover};
use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::output::report;

/// A project as its files have it.
#[derive(Debug)]
pub struct Local {
    /// What the files mean.
    pub project: Project,
    /// What the planner is sent.
    pub request: PlanCreate,
    /// What the user should know though it hinders nothing.
    pub warnings: Vec<Diagnostic>,
}

/// Reads and checks the project's files for a command that acts on them; warnings are told at once. Own
/// profiles of the services that the command names are active.
///
/// # Errors
/// No files, or all that is wrong with them, what Tercio cannot act on included.
pub fn load_naming(app: &App, args: &ProjectArgs, services: &[ServiceName]) -> Outcome<Local> {
    let files = find(app, args)?;
    let options = options(&files, args, app, services);
    let recording = Recording::new(&Disk);
    let loaded = lab_compose::load(&files.files, &recording, &app.environment, &options);
    let (project, findings) = loaded.to_apply();
    let project = project.ok_or_else(|| Failure::Findings(findings.clone()))?;
    let warnings = tell_warnings(app, findings);
    let request = request(files, recording, options, app);
    Ok(Local {
        project,
        request,
        warnings,
    })
}

/// Reads and checks the project's files for a command that needs to know only what they say: what
/// Tercio cannot act on yet is no error.
///
/// # Errors
/// No files, or all that is wrong with them.
pub fn read(app: &App, args: &ProjectArgs) -> Outcome<Config> {
    let files = find(app, args)?;
    let options = options(&files, args, app, &[]);
    let loaded = lab_compose::load(&files.files, &Disk, &app.environment, &options);
    let (config, findings) = loaded.to_print();
    let config = config.ok_or_else(|| Failure::Findings(findings.clone()))?;
    tell_warnings(app, findings);
    Ok(config)
}

fn find(app: &App, args: &ProjectArgs) -> Outcome<Files> {
    let files = discover(args, &app.folder, &app.environment)?;
    if !files.ignored.is_empty() {
        let ignored = files.ignored.join(", ");
        let used = &files.files[0].path;
        app.screen.say(&format!(
            "warning: several Compose files; {used} is used, not {ignored}\n"
        ));
    }
    Ok(files)
}

/// The images of these services, of all when none is named.
///
/// # Errors
/// There is no service of such a name.
pub fn some_services(project: &Project, names: &[ServiceName]) -> Outcome<BTreeSet<String>> {
    let unknown = names
        .iter()
        .find(|name| !project.services.contains_key(*name));
    if let Some(unknown) = unknown {
        return Err(Failure::new(
            "CLI0014",
            format!("no such service: {unknown}"),
            "`tercio config --services` lists the project's services",
        ));
    }
    let chosen = project.services.iter();
    let chosen = chosen.filter(|(name, _)| names.is_empty() || names.contains(name));
    Ok(chosen
        .map(|(name, service)| project.image_of(name, service))
        .collect())
}

fn options(files: &Files, args: &ProjectArgs, app: &App, services: &[ServiceName]) -> LoadOptions {
    LoadOptions {
        project_name: args.project_name.clone(),
        project_dir: files.project_dir.clone(),
        current_dir: app.folder.to_str().map(str::to_owned),
        env_files: args.env_file.clone(),
        files_named: files.named,
        profiles: args.profile.clone(),
        services: services.iter().map(ToString::to_string).collect(),
    }
}

fn tell_warnings(app: &App, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut warnings = findings;
    warnings.retain(|finding| finding.severity == Severity::Warning);
    app.screen.say(&report::findings(&warnings));
    warnings
}

fn request(files: Files, recording: Recording<'_>, options: LoadOptions, app: &App) -> PlanCreate {
    let named = files.files.into_iter();
    let named = named.map(|file| (file.path, file.content));
    let source = |(path, content)| SourceText { path, content };
    let files_sent: Vec<SourceText> = named.map(source).collect();
    let other_files: Vec<SourceText> = recording.into_files().into_iter().map(source).collect();
    let texts = files_sent.iter().chain(&other_files);
    let environment = mentioned(texts.map(|file| file.content.as_str()), &app.environment);
    PlanCreate {
        files: files_sent,
        other_files,
        environment,
        project_name: options.project_name,
        project_dir: options.project_dir,
        current_dir: options.current_dir,
        env_files: options.env_files,
        files_named: options.files_named,
        profiles: options.profiles,
        services: options.services,
        build: BuildPolicy::IfMissing,
    }
}

/// The variables that a text mentions, Compose's own, and what `~` stands for: no other leaves this
/// machine.
fn mentioned<'a>(texts: impl Iterator<Item = &'a str>, env: &EnvMap) -> EnvMap {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words: BTreeSet<&str> = texts
        .flat_map(|text| text.split(move |c| !is_word(c)))
        .collect();
    env.iter()
        .filter(|(name, _)| {
            name.starts_with("COMPOSE_") || *name == "HOME" || words.contains(name.as_str())
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use lab_compose::EnvMap;

    use super::mentioned;

    #[test]
    fn only_variables_that_are_mentioned_leave_the_machine() {
        let env: EnvMap = [
            "TAG",
            "DEEP_1",
            "PASSED",
            "AWS_SECRET",
            "COMPOSE_PROFILES",
            "TA",
        ]
        .iter()
        .map(|name| ((*name).to_owned(), "x".to_owned()))
        .collect();
        let texts = [
            "image: a:${TAG:-${DEEP_1}}\nenvironment:\n  - PASSED\n",
            "X=$OTHER",
        ];
        let sent = mentioned(texts.into_iter(), &env);
        let sent: Vec<&str> = sent.keys().map(String::as_str).collect();
        assert_eq!(sent, ["COMPOSE_PROFILES", "DEEP_1", "PASSED", "TAG"]);
    }
}
