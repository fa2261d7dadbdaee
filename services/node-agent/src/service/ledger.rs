//! The agent's memory on disk.

use std::path::{Path, PathBuf};

use lab_converge::Ledger;
use lab_kit::file::{Readers, read_if_exists, write_atomic};
use lab_kit::telemetry::chain;
use lab_types::Problem;
use lab_wire::Encoding;

use crate::engine::Site;

/// The file's name in the agent's directory.
const FILE: &str = "ledger";

/// Where it is.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// Reads it; an agent that has never run remembers nothing.
///
/// # Errors
/// `AGT0050` when it cannot be read: to start without it would be to forget which leader was
/// accepted last. `AGT0051` when it is another node's.
pub(super) fn read(directory: &Path, site: &Site) -> Result<Ledger, Problem> {
    let path = path(directory);
    let content = read_if_exists(&path).map_err(|error| Problem::from(&error))?;
    let Some(content) = content else {
        return Ok(Ledger::new(site.lab.clone(), site.node.clone()));
    };
    let ledger: Ledger = lab_wire::decode(&content).map_err(|error| {
        let shown = path.display();
        Problem::new(
            "AGT0050",
            format!("the agent's memory in {shown} cannot be read: {error}"),
        )
        .help(
            "if an older version of the agent was started by mistake, start the newer one; else \
                 move the file away: the agent finds its containers again and waits for the leader",
        )
    })?;
    if (&ledger.lab, &ledger.node) != (&site.lab, &site.node) {
        let (lab, node) = (&ledger.lab, &ledger.node);
        let message = format!(
            "{} belongs to node {node} of lab {lab}, and this is node {} of lab {}",
            path.display(),
            site.node,
            site.lab
        );
        return Err(Problem::new("AGT0051", message)
            .help("give each agent a state directory of its own, or move the file away"));
    }
    Ok(ledger)
}

/// Writes it, durably. It blocks.
///
/// # Errors
/// Why not, in words.
pub(super) fn write(path: &Path, ledger: &Ledger) -> Result<(), String> {
    let content = lab_wire::encode(ledger, Encoding::MessagePack);
    // Specs hold environments, and those hold passwords.
    write_atomic(path, &content, Readers::Owner).map_err(|error| chain(&error).to_string())
}

#[cfg(test)]
mod tests {
    use lab_types::{Fence, Generation, LabId, NodeId};

    use super::{path, read, write};
    use crate::engine::Site;

    fn site(node: &str) -> Site {
        Site {
            lab: LabId::new("home").unwrap(),
            node: NodeId::new(node).unwrap(),
        }
    }

    #[test]
    fn what_was_written_is_read_back_and_only_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = read(directory.path(), &site("n1")).unwrap();
        ledger.assignment.fence = Fence {
            generation: Generation(7),
            ..Fence::default()
        };
        write(&path(directory.path()), &ledger).unwrap();
        assert_eq!(read(directory.path(), &site("n1")).unwrap(), ledger);
        let mode = std::fs::metadata(path(directory.path()))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_memory_that_cannot_be_read_or_is_anothers_is_not_ignored() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = read(directory.path(), &site("n1")).unwrap();
        write(&path(directory.path()), &ledger).unwrap();
        assert_eq!(
            read(directory.path(), &site("n2")).unwrap_err().code.0,
            "AGT0051"
        );
        std::fs::write(path(directory.path()), b"garbage").unwrap();
        assert_eq!(
            read(directory.path(), &site("n1")).unwrap_err().code.0,
            "AGT0050"
        );
    }

    #[test]
    fn a_memory_with_a_spec_of_a_newer_agent_is_read_without_that_spec() {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = read(directory.path(), &site("n1")).unwrap();
        let spec = lab_types::TaskSpec {
            image: "abc".into(),
            ..lab_types::TaskSpec::default()
        };
        ledger.specs.insert(spec.digest(), spec.clone());
        let mut newer = spec;
        newer.image = "xyz".into();
        ledger.specs.insert(newer.digest(), newer.clone());
        write(&path(directory.path()), &ledger).unwrap();
        // The newer agent knew a field that has no name here: `image` of that spec becomes `imago`.
        let mut bytes = std::fs::read(path(directory.path())).unwrap();
        let at = bytes.windows(9).position(|w| w == b"image\xa3xyz").unwrap();
        bytes[at + 4] = b'o';
        std::fs::write(path(directory.path()), &bytes).unwrap();
        ledger.specs.remove(&newer.digest());
        assert_eq!(read(directory.path(), &site("n1")).unwrap(), ledger);
    }
}
