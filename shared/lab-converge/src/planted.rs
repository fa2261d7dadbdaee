//! Bugs planted on purpose, so that the simulation can show that it finds such bugs.
//!
//! They are compiled only with the feature `planted-bugs`, and sleep until one is woken.

use crate::agent::AgentCore;

/// One bug of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBug {
    /// It obeys any assignment, however old.
    NoFence,
    /// It starts with generation 0 instead of the one on disk.
    ForgetsGeneration,
    /// It lets exclusive tasks run on when the leader is not heard.
    IgnoresLease,
}

impl AgentCore {
    /// The same agent with a bug; to be called right after [`AgentCore::new`].
    #[must_use]
    pub fn with_planted_bug(mut self, bug: PlantedBug) -> Self {
        if bug == PlantedBug::ForgetsGeneration {
            self.forget_generation();
        }
        self.bug = Some(bug);
        self
    }
}
