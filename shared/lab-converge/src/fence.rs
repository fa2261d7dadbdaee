//! Whom a node obeys.

use lab_types::Fence;

/// What to do with an assignment that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is newer: it replaces the one in hand.
    Accept,
    /// It is the one in hand: it confirms it.
    Same,
    /// It is older: nothing of it is done.
    Refuse {
        /// What the node has accepted.
        accepted: Fence,
        /// What came in.
        incoming: Fence,
    },
}

/// Compares an assignment that comes in with the one in hand: incarnation, epoch, generation.
#[must_use]
pub fn accept(current: Fence, incoming: Fence) -> Verdict {
    match incoming.cmp(&current) {
        std::cmp::Ordering::Greater => Verdict::Accept,
        std::cmp::Ordering::Equal => Verdict::Same,
        std::cmp::Ordering::Less => Verdict::Refuse {
            accepted: current,
            incoming,
        },
    }
}

/// Whether a question (not an assignment) of the leader that carries `asker` is answered: not when
/// the node has accepted a later leader. The generation says nothing about who asks.
#[must_use]
pub fn may_ask(accepted: Fence, asker: Fence) -> bool {
    (asker.incarnation, asker.epoch) >= (accepted.incarnation, accepted.epoch)
}

#[cfg(test)]
mod tests {
    use lab_types::{Epoch, Fence, Generation, Incarnation};
    use proptest::prelude::*;

    use super::{Verdict, accept, may_ask};

    fn fence(incarnation: u64, epoch: u64, generation: u64) -> Fence {
        Fence {
            incarnation: Incarnation(incarnation),
            epoch: Epoch(epoch),
            generation: Generation(generation),
        }
    }

    #[test]
    fn a_newer_assignment_is_accepted_and_an_older_one_refused_by_any_of_the_three_parts() {
        let now = fence(2, 5, 7);
        for newer in [fence(2, 5, 8), fence(2, 6, 1), fence(3, 1, 1)] {
            assert_eq!(accept(now, newer), Verdict::Accept, "{newer}");
        }
        for older in [fence(2, 5, 6), fence(2, 4, 9), fence(1, 9, 9)] {
            let refused = Verdict::Refuse {
                accepted: now,
                incoming: older,
            };
            assert_eq!(accept(now, older), refused, "{older}");
        }
        assert_eq!(accept(now, now), Verdict::Same);
    }

    #[test]
    fn a_deposed_leader_gets_no_answer_whatever_generation_it_names() {
        assert!(!may_ask(fence(1, 5, 1), fence(1, 4, 99)));
        assert!(may_ask(fence(1, 5, 9), fence(1, 5, 0)));
        assert!(may_ask(fence(1, 5, 9), fence(1, 6, 0)));
    }

    proptest! {
        #[test]
        fn whatever_comes_in_the_accepted_fence_never_decreases(
            start in (0u64..4, 0u64..4, 0u64..4),
            incoming in proptest::collection::vec((0u64..4, 0u64..4, 0u64..4), 0..40),
        ) {
            let mut current = fence(start.0, start.1, start.2);
            for (incarnation, epoch, generation) in incoming {
                let next = fence(incarnation, epoch, generation);
                if accept(current, next) == Verdict::Accept {
                    prop_assert!(next > current);
                    current = next;
                } else {
                    prop_assert!(next <= current);
                }
            }
        }
    }
}
