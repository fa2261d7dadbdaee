//! The lab's keys, one file each.

use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_kit::file::{Readers, write_atomic};
use lab_wire::Role;
use nkeys::{KeyPair, KeyPairType};

use super::claims::{self, Issuer};
use super::config::{self, ServerSettings};
use super::{Credentials, IdentityError};

/// The lab's keys: operator, accounts, signing keys.
pub struct LabIdentity {
    operator: KeyPair,
    system: KeyPair,
    account: KeyPair,
    services: KeyPair,
    nodes: KeyPair,
    dir: PathBuf,
    /// Public keys of credentials that are void.
    revoked: BTreeSet<String>,
}

impl std::fmt::Debug for LabIdentity {
    /// Names the account and shows no secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LabIdentity")
            .field("account", &self.account.public_key())
            .finish_non_exhaustive()
    }
}

const OPERATOR: &str = "operator.nk";
const SYSTEM: &str = "system.nk";
const ACCOUNT: &str = "lab.nk";
const SERVICES: &str = "services.nk";
const NODES: &str = "nodes.nk";
/// Which credentials are void, one public key a line.
const REVOKED: &str = "revoked";

impl LabIdentity {
    /// Makes a new one and writes it to `dir`, all of it or nothing. `dir` must not exist.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn create(dir: &Path) -> Result<Self, IdentityError> {
        let identity = Self {
            operator: KeyPair::new_operator(),
            system: KeyPair::new_account(),
            account: KeyPair::new_account(),
            services: KeyPair::new_account(),
            nodes: KeyPair::new_account(),
            dir: dir.to_owned(),
            revoked: BTreeSet::new(),
        };
        let unfinished = dir.with_extension("unfinished");
        // What a crash in here left behind holds keys that nobody uses.
        match std::fs::remove_dir_all(&unfinished) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(file(&unfinished, "removed")(error)),
        }
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&unfinished)
            .map_err(file(&unfinished, "created"))?;
        for (name, key) in identity.files() {
            let seed = key.seed().expect("invariant: a fresh key has its seed");
            write_secret(&unfinished.join(name), &format!("{seed}\n"))?;
        }
        std::fs::rename(&unfinished, dir).map_err(file(dir, "created"))?;
        Ok(identity)
    }

    /// Reads the one in `dir`.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn load(dir: &Path) -> Result<Self, IdentityError> {
        Ok(Self {
            operator: read_key(&dir.join(OPERATOR), &KeyPairType::Operator)?,
            system: read_key(&dir.join(SYSTEM), &KeyPairType::Account)?,
            account: read_key(&dir.join(ACCOUNT), &KeyPairType::Account)?,
            services: read_key(&dir.join(SERVICES), &KeyPairType::Account)?,
            nodes: read_key(&dir.join(NODES), &KeyPairType::Account)?,
            revoked: match std::fs::read_to_string(dir.join(REVOKED)) {
                Ok(text) => text.lines().map(str::to_owned).collect(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeSet::new(),
                Err(error) => return Err(file(&dir.join(REVOKED), "read")(error)),
            },
            dir: dir.to_owned(),
        })
    }

    /// Makes credentials void: the server refuses them from its next start on.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn revoke(&mut self, credentials: &Credentials) -> Result<(), IdentityError> {
        self.revoked.insert(credentials.key().public_key());
        let lines: String = self.revoked.iter().map(|key| format!("{key}\n")).collect();
        write_secret(&self.dir.join(REVOKED), &lines)
    }

    /// Whether `dir` holds one.
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        dir.join(OPERATOR).exists()
    }

    fn files(&self) -> [(&'static str, &KeyPair); 5] {
        [
            (OPERATOR, &self.operator),
            (SYSTEM, &self.system),
            (ACCOUNT, &self.account),
            (SERVICES, &self.services),
            (NODES, &self.nodes),
        ]
    }

    /// Credentials for `role`, from the table of roles; without `valid_for` they do not expire.
    #[must_use]
    pub fn issue(&self, role: &Role, valid_for: Option<Duration>) -> Credentials {
        let issuer = Issuer {
            account: &self.account,
            services: &self.services,
            nodes: &self.nodes,
        };
        let key = KeyPair::new_user();
        Credentials::new(claims::user(&issuer, &key, role, valid_for), &key)
    }

    /// The text of `nats-server.conf`.
    #[must_use]
    pub fn server_config(&self, settings: &ServerSettings) -> String {
        let accounts = config::Accounts {
            operator_jwt: claims::operator(&self.operator, &self.system),
            system: self.system.public_key(),
            system_jwt: claims::system_account(&self.operator, &self.system),
            lab: self.account.public_key(),
            lab_jwt: claims::lab_account(
                &self.operator,
                &self.account,
                &self.services,
                &self.nodes,
                &self.revoked,
            ),
        };
        config::text(settings, &accounts)
    }
}

fn read_key(path: &Path, kind: &KeyPairType) -> Result<KeyPair, IdentityError> {
    let refuse = |reason: String| IdentityError::Content {
        path: path.to_owned(),
        expected: "a key of the lab",
        reason,
    };
    let key = KeyPair::from_seed(read_secret(path)?.trim());
    let key = key.map_err(|error| refuse(error.to_string()))?;
    if key.key_pair_type() == *kind {
        Ok(key)
    } else {
        Err(refuse(format!("it is not of the kind {kind:?}")))
    }
}

fn file(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> IdentityError {
    let path: PathBuf = path.to_owned();
    move |source| IdentityError::File { path, what, source }
}

pub(super) fn read_secret(path: &Path) -> Result<String, IdentityError> {
    std::fs::read_to_string(path).map_err(file(path, "read"))
}

/// Writes a file that only its owner can read, whole or not at all.
pub(super) fn write_secret(path: &Path, text: &str) -> Result<(), IdentityError> {
    write_atomic(path, text.as_bytes(), Readers::Owner)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use lab_types::{NodeId, UserName};
    use lab_wire::Role;

    use super::{Credentials, IdentityError, LabIdentity};

    #[test]
    fn an_identity_read_back_is_the_one_that_was_made_and_only_its_owner_can_read_it() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("identity");
        let made = LabIdentity::create(&dir).unwrap();
        let read = LabIdentity::load(&dir).unwrap();
        for ((name, made), (_, read)) in made.files().into_iter().zip(read.files()) {
            assert_eq!(made.public_key(), read.public_key(), "{name}");
            let mode = std::fs::metadata(dir.join(name)).unwrap().permissions();
            assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
        }
        let again = LabIdentity::create(&dir).unwrap_err();
        assert!(matches!(again, IdentityError::File { .. }), "{again}");
    }

    #[test]
    fn a_key_cut_short_is_named_with_its_file() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("identity");
        LabIdentity::create(&dir).unwrap();
        std::fs::write(dir.join("lab.nk"), "SAAB").unwrap();
        let refused = LabIdentity::load(&dir).unwrap_err().to_string();
        assert!(refused.contains("lab.nk is not a key"), "{refused}");
    }

    #[test]
    fn credentials_read_back_name_the_same_identity() {
        let home = tempfile::tempdir().unwrap();
        let identity = LabIdentity::create(&home.path().join("identity")).unwrap();
        let issued = identity.issue(&Role::Node(NodeId::new("n1").unwrap()), None);
        let path = home.path().join("n1.creds");
        issued.write(&path).unwrap();
        let read = Credentials::read(&path).unwrap();
        assert_eq!((read.name(), read.inbox_prefix()), ("n1", "_INBOX.node.n1"));
        assert_eq!(read.jwt(), issued.jwt());
        assert!(read.are_current(&Role::Node(NodeId::new("n1").unwrap())));
        let user = UserName::new("vera").unwrap();
        let (viewer, admin) = (Role::Viewer(user.clone()), Role::Admin(user));
        let issued = identity.issue(&viewer, None);
        assert!(issued.are_current(&viewer) && !issued.are_current(&admin));
        std::fs::write(&path, "nothing").unwrap();
        let refused = Credentials::read(&path).unwrap_err().to_string();
        assert!(refused.contains("NATS USER JWT"), "{refused}");
    }
}
