//! The randomness of placement: a seeded generator that the caller brings.

use lab_types::TaskId;
use lab_types::ids::id_text;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

/// Random bytes in a task's id: 80 bits make 16 characters, and a million tasks collide with a
/// probability of less than one in a billion.
const TASK_ID_BYTES: usize = 10;

/// Gives new tasks their ids. The same seed gives the same ids in the same order, on every machine.
#[derive(Clone, Debug)]
pub struct PlacementRng(ChaCha8Rng);

impl PlacementRng {
    /// A generator from a full seed: what a real leader uses, with bytes of the operating system.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// A generator from a number: what tests and the simulation use.
    #[must_use]
    pub fn from_number(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// The next task id.
    pub(crate) fn task_id(&mut self) -> TaskId {
        let mut bytes = [0; TASK_ID_BYTES];
        self.0.fill_bytes(&mut bytes);
        TaskId::new(id_text(&bytes)).expect("invariant: base 32 is made of letters and digits")
    }
}
