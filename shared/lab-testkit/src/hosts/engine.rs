//! A host's Docker engine, as the stock client sees it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::shell;

/// How long an engine may take over one answer; a listing takes 2 ms.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// An engine, by its socket. It holds for one boot of its host.
#[derive(Clone, Debug)]
pub struct Engine {
    host: String,
    socket: PathBuf,
}

impl Engine {
    pub(super) fn new(host: String, socket: PathBuf) -> Self {
        Self { host, socket }
    }

    /// Its socket, seen from this machine.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Runs the stock client; its standard output.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn docker(&self, words: &[&str]) -> String {
        let said = self.attempt(words);
        said.unwrap_or_else(|why| panic!("{}: {why}", self.host))
    }

    /// Runs the stock client.
    ///
    /// # Errors
    /// Why it failed.
    pub fn attempt(&self, words: &[&str]) -> Result<String, String> {
        let socket = format!("unix://{}", self.socket.display());
        shell::attempt("docker", &[&["-H", &socket], words].concat())
    }

    /// The ids of a project's containers that run, sorted; none of an engine that is down.
    #[must_use]
    pub fn running(&self, project: &str) -> Vec<String> {
        let filter = format!("label=com.docker.compose.project={project}");
        self.list(&["ps", "-q", "--no-trunc", "--filter", &filter])
    }

    /// The ids of all of a project's containers, sorted; none of an engine that is down.
    #[must_use]
    pub fn all(&self, project: &str) -> Vec<String> {
        let filter = format!("label=com.docker.compose.project={project}");
        self.list(&["ps", "-aq", "--no-trunc", "--filter", &filter])
    }

    fn list(&self, words: &[&str]) -> Vec<String> {
        let said = self.attempt(words).unwrap_or_default();
        let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// One GET of the engine's API, without a client's cost: for sampling. The body of a 200.
    ///
    /// # Errors
    /// The engine is down, or says no.
    pub fn get(&self, path: &str) -> Result<String, String> {
        let say = |error: std::io::Error| error.to_string();
        let mut stream = UnixStream::connect(&self.socket).map_err(say)?;
        stream.set_read_timeout(Some(ANSWER_MAX)).map_err(say)?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n");
        stream.write_all(request.as_bytes()).map_err(say)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(say)?;
        let answer = String::from_utf8_lossy(&answer);
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.contains(" 200 ") => Ok(body.to_owned()),
            Some(_) | None => Err(answer.into_owned()),
        }
    }
}
