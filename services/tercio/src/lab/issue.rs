//! Credentials for others: the agent of another host, another person or script. Made once a name and kept,
//! so that asking again gives the same.

use std::path::{Path, PathBuf};

use lab_bus::Credentials;
use lab_kit::file::{Readers, create_private_dir, write_atomic};
use lab_types::{LabId, NodeId, NodeName, UserName};
use lab_wire::Role;

use super::setup::{FIRST_USER, Setup, creds_file, new_node};
use crate::failure::{Failure, Outcome, Tell as _};

/// Where a host keeps what [`node`] makes for it: where the agent's own binary looks.
pub const HOST_DIR: &str = "/etc/tercio";

/// Names that the credentials of the lab's parts have.
const PARTS: [&str; 4] = ["scheduler", "planner", "provisioner", "agent"];

/// What another host needs to join.
#[derive(Debug)]
pub struct NodeFiles {
    /// The folder with `agent.creds` and `node-agent.toml`.
    pub dir: PathBuf,
    /// Which lab.
    pub lab: LabId,
    /// The id the host's node has.
    pub node: NodeId,
}

/// Makes what the agent of another host needs, in `<state>/nodes/NAME`.
///
/// # Errors
/// No right to write, files that are not what they should be, or a lab whose NATS other hosts cannot reach.
pub fn node(state_dir: &Path, setup: &Setup, name: &NodeName) -> Outcome<NodeFiles> {
    let url = &setup.lab.nats_url;
    let (true, Some(lab)) = (setup.lab.external, &setup.lab.lab) else {
        return Err(Failure::new(
            "CLI0050",
            format!("the lab's NATS listens on this machine alone ({url}): no other host can join"),
            "set it up for others with `tercio lab init --nats-host HOST --external`, HOST being this \
             machine's name or address for the others",
        ));
    };
    let dir = state_dir.join("nodes").join(name.as_str());
    create_private_dir(&dir).tell()?;
    let path = dir.join("agent.creds");
    let known = match path.exists() {
        true => Some(Credentials::read(&path).map_err(|error| error.problem())?),
        false => None,
    };
    // A node that has credentials of an earlier version stays the node it is.
    let node = known.as_ref().map(|known| NodeId::new(known.name()));
    let node = match node {
        Some(Ok(node)) => node,
        Some(Err(_)) | None => new_node(),
    };
    let role = Role::Node(node.clone());
    if !known.is_some_and(|known| known.are_current(&role)) {
        let written = setup.identity.issue(&role, None).write(&path);
        written.map_err(|error| error.problem())?;
    }
    let text = format!(
        "lab = \"{lab}\"\nnode = \"{node}\"\n[nats]\nurls = [{url:?}]\ncredentials = \"{HOST_DIR}/agent.creds\"\n"
    );
    write_atomic(
        &dir.join("node-agent.toml"),
        text.as_bytes(),
        Readers::Owner,
    )
    .tell()?;
    Ok(NodeFiles {
        dir,
        lab: lab.clone(),
        node,
    })
}

/// Makes the credentials of another user, in `<state>/creds`.
///
/// # Errors
/// As [`node`], or a name that a part of the lab has.
pub fn user(
    state_dir: &Path,
    setup: &Setup,
    user: &UserName,
    may_change: bool,
) -> Outcome<PathBuf> {
    if PARTS.contains(&user.as_str()) || user.as_str() == FIRST_USER {
        return Err(Failure::Usage(format!(
            "the credentials of {user} are the lab's own: choose another name"
        )));
    }
    let role = match may_change {
        true => Role::Admin(user.clone()),
        false => Role::Viewer(user.clone()),
    };
    let path = creds_file(state_dir, user.as_str());
    if path.exists() {
        let known = Credentials::read(&path).map_err(|error| error.problem())?;
        if !known.are_current(&role) {
            return Err(Failure::new(
                "CLI0051",
                format!(
                    "{} permits something else than is asked for",
                    path.display()
                ),
                "choose another name; or remove the file, which does not make its copies void",
            ));
        }
        return Ok(path);
    }
    let written = setup.identity.issue(&role, None).write(&path);
    written.map_err(|error| error.problem())?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use lab_bus::Credentials;
    use lab_types::{NodeName, UserName};
    use lab_wire::Role;

    use super::{node, user};
    use crate::context::issued_creds;
    use crate::lab::setup::{Reach, prepare};

    #[tokio::test]
    async fn another_host_gets_a_node_of_its_own_and_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let reach = Reach::External {
            nats_host: "n1".into(),
        };
        let setup = prepare(folder.path(), &reach).await.unwrap();
        let name = |name| NodeName::new(name).unwrap();
        let second = node(folder.path(), &setup, &name("n2")).unwrap();
        let third = node(folder.path(), &setup, &name("n3")).unwrap();
        assert!(second.node != setup.node && second.node != third.node);
        let read = |file: &str| std::fs::read_to_string(second.dir.join(file)).unwrap();
        let before = read("agent.creds");
        let again = node(folder.path(), &setup, &name("n2")).unwrap();
        assert_eq!(again.node, second.node);
        assert_eq!(read("agent.creds"), before);
        let creds = Credentials::read(&second.dir.join("agent.creds")).unwrap();
        assert!(creds.are_current(&Role::Node(second.node.clone())));
        let config = read("node-agent.toml");
        for part in [
            second.node.as_str(),
            setup.lab.lab.as_ref().unwrap().as_str(),
            "nats://n1:4222",
            "/etc/tercio/agent.creds",
        ] {
            assert!(config.contains(part), "{part} in {config}");
        }
    }

    #[tokio::test]
    async fn a_lab_of_this_machine_alone_takes_no_other_host() {
        let folder = tempfile::tempdir().unwrap();
        let setup = prepare(folder.path(), &Reach::Local).await.unwrap();
        let refused = node(folder.path(), &setup, &NodeName::new("n2").unwrap());
        let told = format!("{:?}", refused.unwrap_err());
        assert!(
            told.contains("CLI0050") && told.contains("--external"),
            "{told}"
        );
    }

    #[tokio::test]
    async fn another_user_is_found_by_name_and_has_what_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let setup = prepare(folder.path(), &Reach::Local).await.unwrap();
        let bob = UserName::new("bob").unwrap();
        let path = user(folder.path(), &setup, &bob, false).unwrap();
        assert_eq!(issued_creds(folder.path(), &bob), Some(path.clone()));
        let creds = Credentials::read(&path).unwrap();
        assert!(creds.are_current(&Role::Viewer(bob.clone())));
        assert_eq!(user(folder.path(), &setup, &bob, false).unwrap(), path);
        assert!(user(folder.path(), &setup, &bob, true).is_err());
        for own in ["agent", "admin", "scheduler"] {
            let own = UserName::new(own).unwrap();
            assert!(user(folder.path(), &setup, &own, true).is_err(), "{own}");
        }
    }
}
