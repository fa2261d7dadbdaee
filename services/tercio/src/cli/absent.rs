//! Commands that `docker compose` has and this one has not yet: each is named as such, with what to use
//! meanwhile, instead of as a word nobody knows.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::failure::Failure;

/// Source: `docker compose --help` of v5 and `docker-compose --help` of 1.29.2; what stands here is not in
/// the tree of commands, which a test compares.
const ABSENT: &[(&str, &str)] = &[
    (
        "alpha",
        "`tercio plan` says what would be done; the other experiments have no counterpart",
    ),
    (
        "attach",
        "`tercio logs -f SERVICE` follows what it writes; for its input, `docker attach CONTAINER` on the \
         node that `tercio ps` names",
    ),
    (
        "bridge",
        "there is no counterpart: `tercio config` prints what the files mean, for other tools to convert",
    ),
    (
        "commit",
        "`docker commit CONTAINER` on the node that `tercio ps` names",
    ),
    (
        "cp",
        "`docker cp` on the node that `tercio ps` names, with the container's name",
    ),
    (
        "create",
        "`tercio up -d` creates and starts; a service with `deploy: {replicas: 0}` is known and has no container",
    ),
    (
        "exec",
        "`docker exec -it CONTAINER COMMAND` on the node that `tercio ps` names",
    ),
    (
        "export",
        "`docker export CONTAINER` on the node that `tercio ps` names",
    ),
    ("help", "`tercio --help`, or `tercio COMMAND --help`"),
    (
        "images",
        "`tercio ps` has a column with each container's image; `tercio config` prints the files'",
    ),
    (
        "kill",
        "`docker kill -s SIGNAL CONTAINER` on the node that `tercio ps` names; the lab then does what the \
         service's restart policy says",
    ),
    (
        "pause",
        "`tercio service scale SERVICE=0` stops it and keeps its volumes; `tercio node update NODE \
         --availability pause` keeps new tasks off a node",
    ),
    ("publish", "there is no counterpart"),
    (
        "push",
        "no registry is needed: built images go from node to node; `docker push` on the node that built it",
    ),
    (
        "restart",
        "`docker restart CONTAINER` on the node that `tercio ps` names, or `tercio service scale SERVICE=0` \
         and then the number it had",
    ),
    (
        "rm",
        "containers that have ended need no removal; `tercio service rm SERVICE` removes a whole service, \
         `tercio down` the project",
    ),
    (
        "run",
        "write a service with `restart: \"no\"` and the command, and `tercio up`; or `docker exec` in a \
         container that runs",
    ),
    (
        "start",
        "`tercio up -d` starts the project; `tercio service scale SERVICE=N` a service that was scaled to 0",
    ),
    (
        "stats",
        "`docker stats` on the node that `tercio ps` names; `tercio node ls` shows what tasks reserve",
    ),
    (
        "stop",
        "`tercio service scale SERVICE=0` stops one service, `tercio down` all; volumes stay in both cases",
    ),
    (
        "top",
        "`docker top CONTAINER` on the node that `tercio ps` names",
    ),
    (
        "unpause",
        "`tercio service scale SERVICE=N` starts a service that was scaled to 0",
    ),
    (
        "watch",
        "`tercio up -d --build` after a change builds and replaces what it concerns",
    ),
];

/// What is to be said of a command line that the parser refused, if the refused word is a command of
/// `docker compose` in a place where that would have it.
pub(crate) fn told(error: &clap::Error) -> Option<Failure> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let word = match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(word) => word,
        _ => return None,
    };
    let (name, instead) = ABSENT.iter().find(|(name, _)| name == word)?;
    let usage = match error.get(ContextKind::Usage)? {
        ContextValue::StyledStr(usage) => usage.to_string(),
        _ => return None,
    };
    let usage = usage.trim_start_matches("Usage: ");
    let of_project = ["tercio [", "tercio <", "tercio compose "];
    if !of_project.iter().any(|start| usage.starts_with(start)) {
        return None;
    }
    Some(Failure::new(
        "CLI0048",
        format!("`{name}` is a command of docker compose that Tercio does not have yet"),
        *instead,
    ))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{ABSENT, told};
    use crate::cli::Cli;
    use crate::failure::Failure;

    fn said(line: &str) -> Option<String> {
        let error = Cli::try_parse_from(line.split_whitespace()).unwrap_err();
        match told(&error)? {
            Failure::Problem(problem) => Some(problem.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_command_that_docker_compose_has_is_named_with_what_to_use_instead() {
        for line in [
            "tercio stop web",
            "tercio compose stop -t 5 web",
            "tercio -p shop compose -f a.yml stop",
        ] {
            let said = said(line).unwrap_or_else(|| panic!("{line}"));
            assert!(
                said.contains("`stop` is a command of docker compose"),
                "{said}"
            );
            assert!(said.contains("CLI0048"), "{said}");
        }
        assert_eq!(said("tercio upp"), None, "the parser has a hint of its own");
        assert_eq!(said("tercio service stop web"), None);
        assert_eq!(said("tercio node pause n1"), None);
    }

    #[test]
    fn every_command_of_docker_compose_is_there_or_said_to_be_absent() {
        // `docker compose` v5, `docker-compose` 1.29.2.
        let all = "alpha attach bridge build commit config convert cp create down events exec export help \
                   images kill logs ls pause port ps publish pull push restart rm run scale start stats stop \
                   top unpause up version volumes wait watch";
        let tree = Cli::command();
        let compose = tree.find_subcommand("compose").unwrap();
        for name in all.split_whitespace() {
            let (here, there) = (tree.find_subcommand(name), compose.find_subcommand(name));
            let absent = ABSENT.iter().any(|(absent, _)| *absent == name);
            assert_eq!(here.is_some(), there.is_some(), "{name}");
            assert_ne!(here.is_some(), absent, "{name}");
        }
        assert!(ABSENT.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn what_is_named_instead_can_be_written() {
        for line in [
            "tercio plan",
            "tercio up -d --build",
            "tercio logs -f web",
            "tercio config",
            "tercio service scale web=0",
            "tercio service rm web",
            "tercio node update n1 --availability pause",
        ] {
            assert!(
                Cli::try_parse_from(line.split_whitespace()).is_ok(),
                "{line}"
            );
        }
    }
}
