//! What project a command is about, when it needs no more than the name.

use lab_types::ProjectName;

use super::load::read;
use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};

/// The project's name: the option, the variable, or what the files say.
///
/// # Errors
/// A name that is none, or files that cannot be used.
pub fn name(app: &App, args: &ProjectArgs) -> Outcome<ProjectName> {
    match given(app, args)? {
        Some(name) => Ok(name),
        None => Ok(read(app, args)?.name),
    }
}

/// The project's name, when an option or a variable gives it.
///
/// # Errors
/// A name that is none.
pub fn given(app: &App, args: &ProjectArgs) -> Outcome<Option<ProjectName>> {
    let variable = app.variable("COMPOSE_PROJECT_NAME");
    let variable = variable.filter(|name| !name.is_empty());
    let given = args.project_name.clone().or(variable);
    let name = given.map(ProjectName::new).transpose();
    name.map_err(|invalid| Failure::Usage(invalid.to_string()))
}
