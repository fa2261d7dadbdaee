//! Many slots in few words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Slots of one service, as runs from the first to the last of each, in order. Ten thousand slots that
/// wait for the same thing are one pair of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slots(Vec<(u32, u32)>);

impl Slots {
    /// How many.
    #[must_use]
    pub fn len(&self) -> u32 {
        let runs = self.0.iter();
        let each = runs.map(|(first, last)| last.saturating_sub(*first).saturating_add(1));
        each.fold(0, u32::saturating_add)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// One more.
    pub fn push(&mut self, slot: u32) {
        match self.0.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(slot) => *last = slot,
            Some((_, last)) if *last < slot => self.0.push((slot, slot)),
            None => self.0.push((slot, slot)),
            Some(_) => {
                let mut all: Vec<u32> = self.iter().chain([slot]).collect();
                all.sort_unstable();
                all.dedup();
                *self = all.into_iter().collect();
            }
        }
    }
}

impl FromIterator<u32> for Slots {
    fn from_iter<I: IntoIterator<Item = u32>>(slots: I) -> Self {
        let mut runs = Self::default();
        for slot in slots {
            runs.push(slot);
        }
        runs
    }
}

impl fmt::Display for Slots {
    /// `2`, `1-3, 5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (first, last)) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;

    #[test]
    fn slots_are_kept_as_runs_in_whatever_order_they_come() {
        let slots: Slots = [5, 1, 2, 3, 2].into_iter().collect();
        assert_eq!((slots.to_string().as_str(), slots.len()), ("1-3, 5", 4));
        assert_eq!(slots.iter().collect::<Vec<_>>(), [1, 2, 3, 5]);
        assert_eq!(serde_json::to_string(&slots).unwrap(), "[[1,3],[5,5]]");
        let empty: Slots = [].into_iter().collect();
        assert!(empty.is_empty());
        let many: Slots = (1..=10_000).collect();
        assert_eq!(many.to_string(), "1-10000");
    }
}
