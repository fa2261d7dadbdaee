//! What the project is called: option, environment, file or folder, in this order.

use lab_types::ProjectName;

use super::Loader;
use super::files::Source;
use crate::codes;
use crate::interpolate;
use crate::path;
use crate::sink::{Finding, Place};
use crate::source::EnvMap;
use crate::yaml::Node;

const RULE: &str = "use lower-case letters, digits, '-' and '_', and start with a letter or digit";

impl Loader<'_> {
    pub(super) fn name(&mut self, sources: &[Source], env: &EnvMap) -> Option<ProjectName> {
        let from_environment = env
            .get("COMPOSE_PROJECT_NAME")
            .filter(|name| !name.is_empty());
        let given = match (&self.options.project_name, from_environment) {
            (Some(name), _) => Some((name, "the name given with -p")),
            (None, Some(name)) => Some((name, "COMPOSE_PROJECT_NAME")),
            (None, None) => None,
        };
        if let Some((name, origin)) = given {
            return ProjectName::new(name.as_str())
                .map_err(|_| {
                    let message = format!("{origin}, \"{name}\", is not a project name");
                    self.sink
                        .add(Finding::error(codes::BAD_PROJECT_NAME, None, message).help(RULE));
                })
                .ok();
        }
        let documents = sources.iter().flat_map(|source| source.documents.iter());
        let in_files = documents
            .rev()
            .find_map(|document| self.in_file(&document.root, env));
        let (text, place) = match in_files {
            Some((text, place)) => (text, Some(place)),
            None => (path::base_name(&self.options.project_dir).to_owned(), None),
        };
        ProjectName::new(normalised(&text))
            .map_err(|_| {
                let message = format!("no project name can be made from \"{text}\"");
                let finding = Finding::error(codes::BAD_PROJECT_NAME, place, message);
                self.sink
                    .add(finding.help("give one with -p, or with name: in the file"));
            })
            .ok()
    }

    /// What one layer's `name:` says, when it says something. Faults in it are reported when the
    /// whole layer is interpolated.
    fn in_file(&mut self, layer: &Node, env: &EnvMap) -> Option<(String, Place)> {
        let node = layer.as_map()?.get("name")?;
        let lookup = |name: &str| env.get(name).cloned();
        let name = interpolate::expand(node.as_text()?, &lookup, &mut self.budget)
            .ok()?
            .text;
        (!name.is_empty()).then_some((name, node.place))
    }
}

/// Lower case, without characters that names cannot hold and without leading `_` and `-`.
fn normalised(text: &str) -> String {
    let lower = text.to_lowercase();
    let kept = lower
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(*c));
    let kept: String = kept.collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn names_of_files_and_folders_are_made_to_fit() {
        assert_eq!(normalised("My_Proj.x"), "my_projx");
        assert_eq!(normalised("-_Shop"), "shop");
        assert_eq!(normalised("···"), "");
    }
}
