//! Which service is meant: `shop/web`, or `web` with a project or where only one project has it.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{ProjectName, ServiceName};

use crate::app::{App, Client};
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::project::goal::{Goal, Until, Wanted};
use crate::project::{self, converge};

/// Which project the services are of.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServiceArgs {
    /// The project of services that are named without one
    #[arg(short, long, value_name = "NAME")]
    project_name: Option<String>,
}

impl ServiceArgs {
    /// With what was said before the command.
    #[must_use]
    pub fn or(self, left: &ProjectArgs) -> ProjectArgs {
        let own = ProjectArgs {
            project_name: self.project_name,
            ..ProjectArgs::default()
        };
        own.or(left)
    }
}

/// A service as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its project, when it was said.
    pub project: Option<ProjectName>,
    /// Its name.
    pub service: ServiceName,
}

impl std::str::FromStr for Target {
    type Err = lab_types::InvalidId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (project, service) = match text.split_once('/') {
            Some((project, service)) => (Some(ProjectName::new(project)?), service),
            None => (None, text),
        };
        Ok(Self {
            project,
            service: ServiceName::new(service)?,
        })
    }
}

/// Reads `web=3`.
///
/// # Errors
/// What is wrong with it, in words.
pub(in crate::command) fn parse_scale(text: &str) -> Result<(Target, u32), String> {
    let (target, number) = text
        .split_once('=')
        .ok_or("write SERVICE=NUMBER, as in web=3")?;
    let number = number
        .parse()
        .map_err(|_| format!("{number:?} is not a number of tasks"))?;
    let target = target
        .parse::<Target>()
        .map_err(|invalid| invalid.to_string())?;
    Ok((target, number))
}

/// The services meant, each with its project; asks the lab only where a project was not said.
///
/// # Errors
/// A service that no project has, or several.
pub(super) async fn targets(
    app: &App,
    args: &ProjectArgs,
    named: Vec<Target>,
) -> Outcome<Vec<(ProjectName, ServiceName)>> {
    let given = project::name::given(app, args)?;
    let given = match (given, args.file.is_empty()) {
        (None, false) => Some(project::name(app, args)?),
        (given, _) => given,
    };
    let mut of_lab = BTreeMap::new();
    let open = |target: &Target| target.project.is_none() && given.is_none();
    if named.iter().any(open) {
        let client = app.connect().await?;
        for row in project::services(&client, None).await? {
            let projects: &mut Vec<ProjectName> = of_lab.entry(row.service).or_default();
            projects.push(row.project);
        }
    }
    let mut found = Vec::new();
    for target in named {
        let project = match target.project.or_else(|| given.clone()) {
            Some(project) => project,
            None => only(&target.service, of_lab.get(&target.service))?,
        };
        found.push((project, target.service));
    }
    Ok(found)
}

fn only(service: &ServiceName, projects: Option<&Vec<ProjectName>>) -> Outcome<ProjectName> {
    match projects.map_or(&[][..], Vec::as_slice) {
        [project] => Ok(project.clone()),
        [] => Err(Failure::new(
            "CLI0014",
            format!("no such service: {service}"),
            "`tercio service ls` lists all services of the lab",
        )),
        several => {
            let names: Vec<String> = several.iter().map(|p| format!("{p}/{service}")).collect();
            Err(Failure::new(
                "CLI0014",
                format!("several projects have a service {service}"),
                format!("name one of {}", names.join(", ")),
            ))
        }
    }
}

/// Waits until the services have as many running tasks as wanted.
///
/// # Errors
/// One that will not come by itself.
pub(super) async fn converge(
    app: &App,
    client: &Client,
    wanted: &[((ProjectName, ServiceName), u32)],
) -> Outcome {
    let mut goals: BTreeMap<&ProjectName, Goal> = BTreeMap::new();
    for ((project, service), replicas) in wanted {
        let goal = goals.entry(project).or_insert_with(|| Goal {
            services: BTreeMap::new(),
            until: Until::Started,
            before: BTreeSet::new(),
        });
        let wanted = Wanted {
            replicas: *replicas,
            ..Wanted::default()
        };
        goal.services.insert(service.clone(), wanted);
    }
    for (project, goal) in goals {
        converge::until(app, client, project, &goal).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lab_types::{ProjectName, ServiceName};

    use super::{Target, only, parse_scale};
    use crate::failure::Failure;

    #[test]
    fn a_service_is_named_with_or_without_its_project() {
        let read = |text: &str| text.parse::<Target>();
        let whole = read("shop/web").unwrap();
        assert_eq!(whole.project.unwrap().as_str(), "shop");
        assert_eq!(read("web").unwrap().project, None);
        assert!(read("Shop/web").is_err());
        assert!(read("shop/").is_err());
    }

    #[test]
    fn a_scale_is_a_name_and_a_number() {
        let (target, number) = parse_scale("shop/web=3").unwrap();
        assert_eq!((target.service.as_str(), number), ("web", 3));
        for bad in ["web", "web=", "web=-1", "web=many", "=3"] {
            assert!(parse_scale(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_that_several_projects_have_needs_one_of_them() {
        let web = ServiceName::new("web").unwrap();
        let project = |name: &str| ProjectName::new(name).unwrap();
        assert_eq!(only(&web, Some(&vec![project("a")])).unwrap(), project("a"));
        let told = |projects: Option<&Vec<ProjectName>>| match only(&web, projects) {
            Err(Failure::Problem(problem)) => (problem.message, problem.help.unwrap()),
            other => panic!("{other:?}"),
        };
        assert!(told(None).0.contains("no such service"));
        let several = vec![project("a"), project("b")];
        assert_eq!(told(Some(&several)).1, "name one of a/web, b/web");
    }
}
