//! The fence: who may still command a node, and which record belongs to which pass.

use serde::{Deserialize, Serialize};

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The next value.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// Which life of the lab's state this is: 1 at first, one more after each recovery from a backup.
    Incarnation
}
counter! {
    /// Which leader: one more at each take-over of the head. 0 means "no leader yet".
    Epoch
}
counter! {
    /// Which version of one node's assignment. Only grows.
    Generation
}
counter! {
    /// Which committed decision of the scheduler. Only grows within an incarnation.
    Pass
}

/// What an agent compares before it obeys: incarnation first, then epoch, then generation.
///
/// The order of the fields *is* the order of comparison (derived `Ord`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Fence {
    /// Which life of the lab's state.
    pub incarnation: Incarnation,
    /// Which leader.
    pub epoch: Epoch,
    /// Which version of the node's assignment.
    pub generation: Generation,
}

impl std::fmt::Display for Fence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.incarnation, self.epoch, self.generation)
    }
}

/// Who wrote a record: every record in the state stream carries one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct WriteTag {
    /// Which life of the lab's state.
    pub incarnation: Incarnation,
    /// Which leader.
    pub epoch: Epoch,
    /// Which of its passes.
    pub pass: Pass,
}

#[cfg(test)]
mod tests {
    use super::{Epoch, Fence, Generation, Incarnation};

    fn fence(incarnation: u64, epoch: u64, generation: u64) -> Fence {
        Fence {
            incarnation: Incarnation(incarnation),
            epoch: Epoch(epoch),
            generation: Generation(generation),
        }
    }

    #[test]
    fn a_later_incarnation_outranks_any_epoch_and_a_later_epoch_any_generation() {
        assert!(fence(2, 1, 1) > fence(1, 9, 9));
        assert!(fence(1, 2, 1) > fence(1, 1, 9));
        assert!(fence(1, 1, 2) > fence(1, 1, 1));
    }
}
