//! The scheduler's codes for problems; each has a paragraph in `ops/docs/errors.md`.

/// A request breaks several rules at once; the single findings stand below it.
pub const SEVERAL: &str = "SCH0001";
/// A plan was made against another revision of the project than the present one.
pub const STALE_PLAN: &str = "SCH0002";
/// The project does not exist.
pub const NO_PROJECT: &str = "SCH0003";
/// The service does not exist.
pub const NO_SERVICE: &str = "SCH0004";
/// A service of that name exists already.
pub const SERVICE_EXISTS: &str = "SCH0005";
/// A model contradicts itself: names that differ, references to nothing.
pub const BAD_MODEL: &str = "SCH0006";
/// Services wait for each other in a circle.
pub const CYCLE: &str = "SCH0007";
/// A number or a size is beyond what the lab takes.
pub const TOO_MUCH: &str = "SCH0008";
/// A published host port can be had on too few nodes.
pub const PORT_TAKEN: &str = "SCH0010";
/// A network or volume name on the engine belongs to another project.
pub const NAME_TAKEN: &str = "SCH0012";
/// Another service waits for the one to be removed.
pub const STILL_NEEDED: &str = "SCH0013";
/// The request id was used by somebody else.
pub const REQUEST_ID_USED: &str = "SCH0014";
/// The lab's state is older than what an agent has obeyed: it was restored from an older copy.
pub const RESTORED: &str = "SCH0020";
/// This scheduler does not lead any more.
pub const NOT_LEADER: &str = "SCH0021";
