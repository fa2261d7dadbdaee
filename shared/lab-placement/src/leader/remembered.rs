//! Answers to requests that changed nothing, for their copies.
//!
//! A copy of such a request may still be on its way, and arrive when the lab is another: it gets the
//! first answer and is not judged anew, because whoever asked has been told that nothing is changed.
//! These answers are kept in memory alone: a commit for each would let anyone fill the state, and a
//! copy rarely outlives its leader.

use std::collections::{BTreeMap, VecDeque};

use lab_types::{Problem, RequestId, UserName};

use crate::record::Answer;

/// How many are kept: at a hundred requests a second, which is more than a leader takes in, those of
/// the last ten seconds; clients repeat a request within a few.
const KEPT_MAX: usize = 1_000;

/// What was answered: that there was nothing to change, or why nothing is changed.
pub(super) type Told = Result<Answer, Problem>;

/// Answers by request; the oldest go first.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    answers: BTreeMap<RequestId, (UserName, Told)>,
    order: VecDeque<RequestId>,
}

impl Remembered {
    pub(super) fn keep(&mut self, id: &RequestId, user: &UserName, told: &Told) {
        let kept = (user.clone(), told.clone());
        if self.answers.insert(id.clone(), kept).is_none() {
            self.order.push_back(id.clone());
        }
        if self.order.len() > KEPT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }

    /// An answer that was never given, because what it rests on was not stored.
    pub(super) fn forget(&mut self, id: &RequestId) {
        if self.answers.remove(id).is_some() {
            self.order.retain(|kept| kept != id);
        }
    }

    /// Who asked, and what was answered.
    pub(super) fn get(&self, id: &RequestId) -> Option<&(UserName, Told)> {
        self.answers.get(id)
    }
}

#[cfg(test)]
mod tests {
    use lab_types::Problem;

    use super::{KEPT_MAX, Remembered};
    use crate::testing::user;

    #[test]
    fn only_the_newest_are_kept() {
        let mut remembered = Remembered::default();
        let id = |n: usize| lab_types::RequestId::new(format!("r{n}")).unwrap();
        for n in 0..=KEPT_MAX {
            for _copy in 0..2 {
                remembered.keep(&id(n), &user("alice"), &Err(Problem::new("SCH0003", "no")));
            }
        }
        assert!(remembered.get(&id(0)).is_none());
        assert!(remembered.get(&id(1)).is_some() && remembered.get(&id(KEPT_MAX)).is_some());
    }
}
