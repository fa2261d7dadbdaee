//! What a lab needs before its first start: keys, credentials for each role, an address.
//!
//! Made once and kept: run again, it finds what is there and changes nothing, so every part of a lab
//! may do it at its start, in any order and at the same time.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_bus::{Credentials, LabIdentity, ServerSettings};
use lab_kit::config::Bytes;
use lab_kit::file::{Readers, create_private_dir, write_atomic};
use lab_kit::lock::{self, StateDirLock};
use lab_types::{LabId, NodeId, Problem, UserName};
use lab_wire::Role;

use super::file::LabFile;
use crate::failure::{Failure, Outcome, Tell as _};

/// The lab's first user.
pub const FIRST_USER: &str = "admin";

/// Room a lab needs to start: NATS's first files and the agent's cache take less than a tenth of it,
/// and with less it would stop at the first commits.
const FREE_MIN: Bytes = Bytes(64 << 20);

/// NATS's own port: taken when it is free, so that any NATS client finds the lab.
const PORT_USUAL: u16 = 4222;

/// How long another process may take to set the same lab up. It takes 50 ms.
const SETUP_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether it has.
const SETUP_POLL: Duration = Duration::from_millis(20);

/// Where NATS keeps its files.
#[must_use]
pub fn nats_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("nats")
}

/// Where the agent keeps its files.
#[must_use]
pub fn agent_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("agent")
}

/// The credentials of a role.
#[must_use]
pub fn creds_file(state_dir: &Path, role: &str) -> PathBuf {
    state_dir.join("creds").join(format!("{role}.creds"))
}

/// Where and for whom a lab's NATS listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// As it was set up; a new one for this machine alone, on a port chosen here.
    Local,
    /// For others, under this host name, run by others than this command.
    External {
        /// The name under which the parts find it.
        nats_host: String,
    },
}

/// A lab that is set up.
#[derive(Debug)]
pub struct Setup {
    /// The lab's keys.
    pub identity: LabIdentity,
    /// This machine's node.
    pub node: NodeId,
    /// How to reach the lab.
    pub lab: LabFile,
    /// How its nats-server is set up.
    pub nats: ServerSettings,
}

/// Sets the lab of `state_dir` up, as far as it is not.
///
/// # Errors
/// No room, no right to write, or files that are not what they should be.
pub async fn prepare(state_dir: &Path, reach: &Reach) -> Outcome<Setup> {
    create_private_dir(state_dir).tell()?;
    lab_kit::disk::require(state_dir, FREE_MIN).tell()?;
    let _one_at_a_time = setup_lock(state_dir).await?;
    let identity_dir = state_dir.join("identity");
    let is_new = !LabIdentity::exists(&identity_dir);
    let mut identity = match is_new {
        true => LabIdentity::create(&identity_dir),
        false => LabIdentity::load(&identity_dir),
    }
    .map_err(|error| error.problem())?;
    let node = credentials(state_dir, &mut identity, is_new)?;
    let (lab, nats) = address(state_dir, reach)?;
    if *reach != Reach::Local {
        create_private_dir(&nats.dir).tell()?;
        let text = identity.server_config(&nats);
        write_atomic(&nats.config_file(), text.as_bytes(), Readers::Owner).tell()?;
        config_files(state_dir, &lab, &node)?;
    }
    Ok(Setup {
        identity,
        node,
        lab,
        nats,
    })
}

async fn setup_lock(state_dir: &Path) -> Outcome<StateDirLock> {
    let directory = state_dir.join("setup");
    let tries = async {
        loop {
            match StateDirLock::acquire(&directory) {
                Err(lock::Error::Held { .. }) => tokio::time::sleep(SETUP_POLL).await,
                other => return other,
            }
        }
    };
    match tokio::time::timeout(SETUP_MAX, tries).await {
        Ok(locked) => locked.tell(),
        // What it says now is the reason.
        Err(_) => StateDirLock::acquire(&directory).tell(),
    }
}

/// Issues what is missing, all of it when the keys are new; gives this machine's node. Credentials
/// that permit other things than this version's table of roles are made anew, and their copies void.
fn credentials(state_dir: &Path, identity: &mut LabIdentity, renew: bool) -> Outcome<NodeId> {
    create_private_dir(&state_dir.join("creds")).tell()?;
    let mut issue = |name: &str, role: &Role| -> Outcome<Credentials> {
        let path = creds_file(state_dir, name);
        if !renew && path.exists() {
            let known = Credentials::read(&path).map_err(|error| error.problem())?;
            if known.are_current(role) {
                return Ok(known);
            }
            tracing::info!(
                role = name,
                "credentials of an earlier version are made anew"
            );
            identity.revoke(&known).map_err(|error| error.problem())?;
        }
        let credentials = identity.issue(role, None);
        credentials.write(&path).map_err(|error| error.problem())?;
        Ok(credentials)
    };
    issue("scheduler", &Role::Scheduler)?;
    issue("planner", &Role::Planner)?;
    issue("provisioner", &Role::Provisioner)?;
    let admin = UserName::new(FIRST_USER).expect("invariant: a valid name");
    issue(FIRST_USER, &Role::Admin(admin))?;
    let agent = issue("agent", &Role::Node(new_node()))?;
    NodeId::new(agent.name()).map_err(|invalid| {
        Problem::new("CLI0003", format!("agent.creds is not a node's: {invalid}"))
            .help("remove it from the state directory's `creds`; it is made anew")
            .into()
    })
}

/// A configuration for each service's own binary, for those who run them as containers or units:
/// `tercio-scheduler --config <state>/config/scheduler.toml`.
fn config_files(state_dir: &Path, lab: &LabFile, node: &NodeId) -> Outcome {
    let dir = state_dir.join("config");
    create_private_dir(&dir).tell()?;
    for (service, role) in [
        ("scheduler", "scheduler"),
        ("planner", "planner"),
        ("provisioner", "provisioner"),
        ("node-agent", "agent"),
    ] {
        let mut text = String::new();
        if let (Some(lab), "agent") = (&lab.lab, role) {
            // The parts that are set up here run beside one another.
            text.push_str(&format!(
                "lab = \"{lab}\"\nnode = \"{node}\"\nrole = \"manager\"\n"
            ));
        }
        let creds = creds_file(state_dir, role);
        text.push_str(&format!(
            "[nats]\nurls = [{:?}]\ncredentials = {:?}\n",
            lab.nats_url,
            creds.display().to_string()
        ));
        let path = dir.join(format!("{service}.toml"));
        write_atomic(&path, text.as_bytes(), Readers::Owner).tell()?;
    }
    Ok(())
}

/// An id that no other node has.
pub(super) fn new_node() -> NodeId {
    let random: [u8; 10] = rand::random();
    let text = format!("n{}", lab_types::ids::id_text(&random));
    NodeId::new(text).expect("invariant: base 32 is a node id")
}

/// The lab's address, remembered from the first time, and its server's settings.
fn address(state_dir: &Path, reach: &Reach) -> Outcome<(LabFile, ServerSettings)> {
    let mut nats = ServerSettings::local(nats_dir(state_dir));
    let known = LabFile::read(state_dir)?;
    let url = match (reach, &known) {
        (Reach::External { nats_host }, _) => format!("nats://{nats_host}:{PORT_USUAL}"),
        (Reach::Local, Some(known)) => known.nats_url.clone(),
        (Reach::Local, None) => format!("nats://127.0.0.1:{}", free_port()?),
    };
    let external = *reach != Reach::Local || known.as_ref().is_some_and(|lab| lab.external);
    if external {
        nats.host = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        nats.port = Some(PORT_USUAL);
    } else {
        nats.port = port_of(&url);
    }
    let fits = |lab: &LabFile| {
        (lab.nats_url == url, lab.external, lab.lab.is_some()) == (true, external, true)
    };
    if let Some(lab) = known.clone().filter(fits) {
        return Ok((lab, nats));
    }
    let user = UserName::new(FIRST_USER).expect("invariant: a valid name");
    let mut lab = LabFile::new(url, creds_file(state_dir, FIRST_USER), user);
    lab.external = external;
    lab.lab = Some(known.and_then(|lab| lab.lab).unwrap_or_else(new_lab));
    lab.write(state_dir)?;
    Ok((lab, nats))
}

fn new_lab() -> LabId {
    let random: [u8; 5] = rand::random();
    let text = format!("lab-{}", lab_types::ids::id_text(&random));
    LabId::new(text).expect("invariant: base 32 is a lab's id")
}

/// The port of `nats://127.0.0.1:PORT`.
fn port_of(url: &str) -> Option<u16> {
    url.strip_prefix("nats://127.0.0.1:")?.parse().ok()
}

/// NATS's usual port when it is free, else any.
fn free_port() -> Outcome<u16> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT_USUAL))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|error| {
        Failure::new(
            "CLI0021",
            format!("no port of this machine is free for NATS: {error}"),
            "is the loopback interface up?",
        )
    })
}

/// Another address for a lab whose port was taken meanwhile by something else.
///
/// # Errors
/// No port is free, or the file cannot be written.
pub fn move_away(state_dir: &Path, setup: &mut Setup) -> Outcome {
    let port = free_port()?;
    setup.nats.port = Some(port);
    setup.lab.nats_url = format!("nats://127.0.0.1:{port}");
    setup.lab.write(state_dir)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use lab_bus::Credentials;
    use lab_types::UserName;
    use lab_wire::Role;

    use super::{FIRST_USER, Reach, creds_file, port_of, prepare};

    #[tokio::test]
    async fn a_lab_is_set_up_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let first = prepare(&state, &Reach::Local).await.unwrap();
        let read = |role: &str| std::fs::read(creds_file(&state, role)).unwrap();
        let roles = ["scheduler", "planner", "provisioner", "agent", "admin"];
        let before = roles.map(read);
        let second = prepare(&state, &Reach::Local).await.unwrap();
        assert_eq!(roles.map(read), before);
        assert_eq!((first.node, first.lab), (second.node.clone(), second.lab));
        let agent = Credentials::read(&creds_file(&state, "agent")).unwrap();
        assert_eq!(agent.name(), second.node.as_str());
        let mode = std::fs::metadata(creds_file(&state, "admin"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    /// As an earlier version left them: here, a viewer's in the place of the administrator's.
    #[tokio::test]
    async fn credentials_that_permit_something_else_than_the_table_are_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let first = prepare(&state, &Reach::Local).await.unwrap();
        let role = Role::Viewer(UserName::new(FIRST_USER).unwrap());
        let old = first.identity.issue(&role, None);
        old.write(&creds_file(&state, FIRST_USER)).unwrap();
        let second = prepare(&state, &Reach::Local).await.unwrap();
        let admin = Credentials::read(&creds_file(&state, FIRST_USER)).unwrap();
        assert!(admin.are_current(&Role::Admin(UserName::new(FIRST_USER).unwrap())));
        assert_eq!(first.node, second.node);
        let revoked = std::fs::read_to_string(state.join("identity/revoked")).unwrap();
        assert_eq!(revoked.lines().count(), 1, "{revoked}");
    }

    #[tokio::test]
    async fn an_external_lab_gets_a_server_configuration_and_the_hosts_name() {
        let folder = tempfile::tempdir().unwrap();
        let reach = Reach::External {
            nats_host: "nats".into(),
        };
        let setup = prepare(folder.path(), &reach).await.unwrap();
        assert_eq!(setup.lab.nats_url, "nats://nats:4222");
        assert!(setup.lab.external);
        let text = std::fs::read_to_string(folder.path().join("nats/nats-server.conf")).unwrap();
        assert!(text.contains("4222") && text.contains("0.0.0.0"), "{text}");
        let again = prepare(folder.path(), &Reach::Local).await.unwrap();
        assert_eq!(again.lab, setup.lab, "serving it does not make it local");
        let agent = folder.path().join("config/node-agent.toml");
        let agent = std::fs::read_to_string(agent).unwrap();
        assert!(agent.contains(setup.node.as_str()), "{agent}");
    }

    #[tokio::test]
    async fn parts_that_set_up_at_the_same_time_agree() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().to_owned();
        let parts = (0..4).map(|_| {
            let state = state.clone();
            tokio::spawn(async move { prepare(&state, &Reach::Local).await.unwrap() })
        });
        let parts: Vec<_> = parts.collect();
        let mut seen = Vec::new();
        for part in parts {
            let setup = part.await.unwrap();
            seen.push((setup.node, setup.lab));
        }
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    }

    #[test]
    fn only_a_local_address_has_a_port_of_ours() {
        assert_eq!(port_of("nats://127.0.0.1:4222"), Some(4222));
        assert_eq!(port_of("nats://nats:4222"), None);
    }
}
