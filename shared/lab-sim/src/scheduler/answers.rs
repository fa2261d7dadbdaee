//! What a candidate makes of the store's answers, and of none.

use lab_placement::LeaderCore;
use lab_placement::leader::TakeOver as Start;
use lab_placement::policy::Leader;
use lab_types::WriteTag;
use lab_wire::commit::{HeadEntry, Refusal, TakeOver, TakeOverAnswer, TakeOverStep};

use super::leading::{self, Leading};
use super::{Asked, Lease, Role, Scheduler, Why};
use crate::context::{Context, SchedulerTimer, clock};
use crate::message::{Answer, Call};
use crate::queue::{MS, Micros, SECOND};
use crate::store::LEASE;

impl Scheduler {
    pub(super) fn unanswered(&mut self, why: Why, cx: &mut Context<'_>) {
        match (why, &mut self.role) {
            (Why::Lease, _) if self.lease.is_none() => {
                self.timer(SECOND / 2, SchedulerTimer::Campaign, cx);
            }
            // The next renewal is on its way.
            (Why::Lease, _) => {}
            (Why::TakeOver, Role::TakingOver(take_over, step)) => {
                *step = take_over.on(TakeOverAnswer::Unknown);
                self.wait_for_step(cx);
            }
            (Why::Load, Role::Loading(_)) => self.call(Why::Load, Call::ReadAll, cx),
            (Why::Commit, Role::Leading(leading)) => {
                leading.on_commit(lab_wire::commit::Answer::Unknown);
                self.wait_for_step(cx);
            }
            (Why::Publish, Role::Leading(leading)) => leading.publish_again(),
            (Why::TakeOver | Why::Load | Why::Commit | Why::Publish, _) => {}
        }
    }

    pub(super) fn answered(&mut self, asked: &Asked, answer: Answer, cx: &mut Context<'_>) {
        match (asked.why, answer) {
            (Why::Lease, Answer::Lease(revision)) => self.leased(revision, asked.sent_at, cx),
            (Why::Lease, _) if self.lease.is_some() => self.step_down(cx),
            (Why::Lease, _) => self.timer(SECOND / 2, SchedulerTimer::Campaign, cx),
            (Why::TakeOver, answer) => {
                if let Role::TakingOver(take_over, step) = &mut self.role {
                    *step = take_over.on(take_over_answer(answer));
                    self.wait_for_step(cx);
                }
            }
            (Why::Load, Answer::All(records)) => {
                let Role::Loading(head) = &self.role else {
                    return;
                };
                let head = head.clone();
                self.lead(head, records, cx);
            }
            (Why::Load, _) => {}
            (Why::Commit, answer) => {
                if let Role::Leading(leading) = &mut self.role {
                    leading.on_commit(commit_answer(answer));
                    self.wait_for_step(cx);
                }
            }
            (Why::Publish, Answer::Published(pass)) => {
                let now = clock(cx.now, self.skew_ms);
                if let Role::Leading(leading) = &mut self.role {
                    leading.published(pass, now);
                }
            }
            (Why::Publish, _) => {}
        }
    }

    fn leased(&mut self, revision: u64, sent_at: Micros, cx: &mut Context<'_>) {
        let deadline = sent_at + LEASE / 10 * 9;
        if deadline <= cx.now {
            return self.step_down(cx);
        }
        if self.lease.replace(Lease { revision, deadline }).is_some() {
            return;
        }
        self.timer(LEASE / 4, SchedulerTimer::Renew, cx);
        let take_over = TakeOver::new(format!(
            "s{}-{}-{}",
            self.number,
            self.life,
            cx.rng.number()
        ));
        let step = take_over.begin();
        self.role = Role::TakingOver(take_over, step);
        self.wait_for_step(cx);
    }

    fn lead(
        &mut self,
        head: HeadEntry,
        records: Vec<(lab_placement::Key, WriteTag, lab_placement::Record)>,
        cx: &mut Context<'_>,
    ) {
        let leader = Leader {
            incarnation: head.head.incarnation,
            epoch: head.head.epoch,
        };
        let start = Start {
            leader,
            head: head.head.tag(),
            records,
            unread: Vec::new(),
            now: clock(cx.now, self.skew_ms),
            policy: self.policy,
        };
        cx.note(format_args!(
            "s{} leads, epoch {}",
            self.number, leader.epoch
        ));
        let core = LeaderCore::take_over(start);
        let seed = self.seed ^ leader.epoch.0.rotate_left(17);
        self.role = Role::Leading(Box::new(Leading::new(self.number, core, head, seed)));
    }

    /// Takes the step that is due when it has waited long enough.
    pub(super) fn wait_for_step(&mut self, cx: &mut Context<'_>) {
        self.steps += 1;
        let wait = match &self.role {
            Role::TakingOver(_, TakeOverStep::ReadHead { wait }) => wait.0 * MS,
            Role::Leading(leading) => leading.step_wait(),
            Role::TakingOver(..) | Role::Follower | Role::Loading(_) => 0,
        };
        self.timer(wait, SchedulerTimer::Step(self.steps), cx);
    }

    pub(super) fn take_step(&mut self, cx: &mut Context<'_>) {
        match &mut self.role {
            Role::TakingOver(_, step) => {
                let call = match step.clone() {
                    TakeOverStep::ReadHead { .. } => Call::ReadHead,
                    TakeOverStep::Swap { head, expected } => Call::Swap { head, expected },
                    TakeOverStep::Won(head) => {
                        self.role = Role::Loading(head);
                        return self.call(Why::Load, Call::ReadAll, cx);
                    }
                };
                self.call(Why::TakeOver, call, cx);
            }
            Role::Leading(leading) => {
                let now = clock(cx.now, self.skew_ms);
                match leading.take_step(now) {
                    leading::Next::Call(call) => self.call(Why::Commit, call, cx),
                    leading::Next::Deposed => {
                        leading.send_effects(now, cx);
                        self.step_down(cx);
                    }
                    leading::Next::Nothing => {}
                }
            }
            Role::Follower | Role::Loading(_) => {}
        }
    }
}

fn take_over_answer(answer: Answer) -> TakeOverAnswer {
    match answer {
        Answer::Head(head) => TakeOverAnswer::Head(head),
        Answer::Stored { sequence, .. } => TakeOverAnswer::Acknowledged { sequence },
        Answer::WrongRevision => TakeOverAnswer::Refused(Refusal::WrongRevision),
        Answer::Lease(_) | Answer::NoLease | Answer::All(_) | Answer::Published(_) => {
            TakeOverAnswer::Unknown
        }
    }
}

fn commit_answer(answer: Answer) -> lab_wire::commit::Answer {
    use lab_wire::commit::Answer as Commit;
    match answer {
        Answer::Head(head) => Commit::Head(head),
        Answer::Stored { sequence, count } => Commit::Acknowledged { sequence, count },
        Answer::WrongRevision => Commit::Refused(Refusal::WrongRevision),
        Answer::Lease(_) | Answer::NoLease | Answer::All(_) | Answer::Published(_) => {
            Commit::Unknown
        }
    }
}
