//! Refusals, for copies of their requests.
//!
//! A copy of a refused request may still be on its way, and arrive when the lab is another: it gets the
//! first answer and is not judged anew, because whoever asked has been told that nothing is changed.
//! Refusals are kept in memory alone: a commit for each would let anyone fill the state, and a copy
//! rarely outlives its leader.

use std::collections::{BTreeMap, VecDeque};

use lab_types::{Problem, RequestId, UserName};

/// How many are kept: at a hundred requests a second, which is more than a leader takes in, those of
/// the last ten seconds; clients repeat a request within a few.
const KEPT_MAX: usize = 1_000;

/// Refusals by request; the oldest go first.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    problems: BTreeMap<RequestId, (UserName, Problem)>,
    order: VecDeque<RequestId>,
}

impl Refusals {
    pub(super) fn keep(&mut self, id: &RequestId, user: &UserName, problem: &Problem) {
        let kept = (user.clone(), problem.clone());
        if self.problems.insert(id.clone(), kept).is_none() {
            self.order.push_back(id.clone());
        }
        if self.order.len() > KEPT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.problems.remove(&oldest);
        }
    }

    /// Who asked, and why it was refused.
    pub(super) fn get(&self, id: &RequestId) -> Option<&(UserName, Problem)> {
        self.problems.get(id)
    }
}

#[cfg(test)]
mod tests {
    use lab_types::Problem;

    use super::{KEPT_MAX, Refusals};
    use crate::testing::user;

    #[test]
    fn only_the_newest_are_kept() {
        let mut refusals = Refusals::default();
        let id = |n: usize| lab_types::RequestId::new(format!("r{n}")).unwrap();
        for n in 0..=KEPT_MAX {
            for _copy in 0..2 {
                refusals.keep(&id(n), &user("alice"), &Problem::new("SCH0003", "no"));
            }
        }
        assert!(refusals.get(&id(0)).is_none());
        assert!(refusals.get(&id(1)).is_some() && refusals.get(&id(KEPT_MAX)).is_some());
    }
}
