//! The connection to the node's Docker engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error as Answer;
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use lab_types::{ApiVersion, EngineFacts, Problem};

use super::error::{Error, Kind};

/// The engine's socket where nothing else is said. Source: Docker's own default.
pub const SOCKET_DEFAULT: &str = "/var/run/docker.sock";
/// The oldest API that can be used, as bollard says it.
pub const API_MIN: ClientVersion = ClientVersion {
    major_version: ApiVersion::MIN.major() as usize,
    minor_version: ApiVersion::MIN.minor() as usize,
};
/// How long a look at the engine may take. A healthy engine lists 1,000 containers within a second.
pub const LOOK_MAX: Duration = Duration::from_secs(15);
/// How long a change may take beyond what it waits for by itself: a start of a container on a busy
/// 2-core machine takes up to some 20 s when 100 start side by side.
pub const CHANGE_MAX: Duration = Duration::from_secs(120);

/// Finds the engine's socket: `configured`, else the path in `docker_host` (`DOCKER_HOST`), else
/// [`SOCKET_DEFAULT`].
///
/// # Errors
/// `AGT0004` when `DOCKER_HOST` names an engine that is not reached through a socket: an agent works
/// with the engine of its own node.
pub fn socket(configured: Option<&Path>, docker_host: Option<&str>) -> Result<PathBuf, Problem> {
    if let Some(path) = configured {
        return Ok(path.to_owned());
    }
    match docker_host.map(str::trim).filter(|host| !host.is_empty()) {
        None => Ok(PathBuf::from(SOCKET_DEFAULT)),
        Some(host) => match host.strip_prefix("unix://") {
            Some(path) if path.starts_with('/') => Ok(PathBuf::from(path)),
            Some(_) | None => Err(Problem::new(
                "AGT0004",
                format!("DOCKER_HOST is {host}, which is not a socket of this node"),
            )
            .help(
                "unset DOCKER_HOST, or set the agent's `engine.socket` to the path of the socket",
            )),
        },
    }
}

/// How long a build may wait for its first answer: the engine is silent until the whole context has
/// arrived, and a large one over a slow link takes minutes.
pub const BUILD_MAX: Duration = Duration::from_secs(3600);

/// An engine that answered. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: Docker,
    socket: Arc<Path>,
    facts: EngineFacts,
}

impl Engine {
    /// Connects to the engine behind `socket` and agrees on the version of the API.
    ///
    /// # Errors
    /// [`Kind::Unreachable`], [`Kind::Denied`] or [`Kind::Timeout`] when it does not answer,
    /// [`Kind::TooOld`] when it speaks none of the versions we do.
    pub async fn connect(socket: &Path) -> Result<Self, Error> {
        let failed = |error| Error::of("ask for its version", socket, error);
        let path = socket.to_string_lossy();
        let docker = Docker::connect_with_unix(&path, LOOK_MAX.as_secs(), API_DEFAULT_VERSION)
            .map_err(failed)?;
        let docker = docker.negotiate_version().await.map_err(failed)?;
        let version = docker.version().await.map_err(failed)?;
        let facts = EngineFacts {
            version: version.version.unwrap_or_default(),
            api_version: docker.client_version().to_string(),
        };
        if docker.client_version() < API_MIN {
            let EngineFacts {
                version,
                api_version,
            } = facts;
            return Err(Error::new(
                Kind::TooOld,
                format!(
                    "the Docker engine is too old: {version} speaks API {api_version}, at least \
                     {API_MIN} is needed"
                ),
            ));
        }
        Ok(Self {
            docker,
            socket: Arc::from(socket),
            facts,
        })
    }

    /// What the engine says of itself.
    #[must_use]
    pub const fn facts(&self) -> &EngineFacts {
        &self.facts
    }

    /// Which version of its API is spoken with it.
    pub(crate) fn api(&self) -> ApiVersion {
        // It was agreed upon, so it is a version, and no older one.
        self.facts.api().unwrap_or(ApiVersion::MIN)
    }

    /// For looking: answers within [`LOOK_MAX`] or not at all.
    pub(crate) const fn docker(&self) -> &Docker {
        &self.docker
    }

    /// For changing, which may wait `extra` by itself.
    pub(crate) fn changing(&self, extra: Duration) -> Docker {
        self.docker
            .clone()
            .with_timeout(CHANGE_MAX.saturating_add(extra))
    }

    /// What a failure of `doing` means.
    pub(crate) fn failed(&self, doing: &str) -> impl FnOnce(Answer) -> Error {
        move |error| Error::of(doing, &self.socket, error)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::socket;

    #[test]
    fn the_configured_socket_wins_then_docker_host_then_dockers_default() {
        let configured = Some(Path::new("/run/a.sock"));
        let found = [
            socket(configured, Some("unix:///run/b.sock")),
            socket(None, Some("unix:///run/b.sock")),
            socket(None, Some(" ")),
            socket(None, None),
        ];
        let expected = [
            "/run/a.sock",
            "/run/b.sock",
            "/var/run/docker.sock",
            "/var/run/docker.sock",
        ];
        assert_eq!(found.map(Result::unwrap), expected.map(PathBuf::from));
    }

    #[test]
    fn an_engine_elsewhere_is_refused_by_name() {
        for host in ["tcp://10.0.0.1:2375", "ssh://box", "unix://relative.sock"] {
            let problem = socket(None, Some(host)).unwrap_err();
            assert_eq!(problem.code.0, "AGT0004");
            assert!(problem.message.contains(host), "{problem}");
        }
    }
}
