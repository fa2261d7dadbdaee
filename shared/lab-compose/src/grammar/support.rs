//! Why attributes are refused, where several share the reason.

/// It waits for its turn.
pub(crate) const NOT_YET: &str = "Tercio does not act on it yet";
/// An option of the engine that the specs of tasks do not carry yet.
pub(crate) const NOT_CARRIED: &str = "the spec of a task does not carry it to the engine yet";
/// It names another container, which must then be on the same node.
pub(crate) const TOGETHER: &str =
    "it ties two containers to one node, which Tercio does not do yet";
/// It belongs to Windows.
pub(crate) const WINDOWS: &str = "it is for Windows containers, and Tercio's nodes run Linux";
/// It belongs to the command line of Docker Compose.
pub(crate) const CLIENT: &str = "it steers a command that Tercio does not have yet";
/// It is an instruction to BuildKit, or to a classic build, that is not passed on.
pub(crate) const BUILD: &str = "builds take only a context, a Dockerfile, arguments and labels yet";
/// It is the scheduler's to decide.
pub(crate) const SCHEDULER: &str = "the scheduler does not decide by it yet";
/// Networks are plain bridges so far.
pub(crate) const PLAIN_NETWORK: &str = "networks are bridges that Tercio gives their addresses";
/// Volumes are plain local ones so far.
pub(crate) const PLAIN_VOLUME: &str =
    "volumes are made by the engine's local driver without options";
/// Files are not distributed yet.
pub(crate) const NO_OBJECTS: &str = "configs and secrets are not brought to the nodes yet";
