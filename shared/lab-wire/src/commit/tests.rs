use lab_types::{DurationMs, Epoch, Incarnation, Pass};

use super::{
    Alarm, Answer, Commit, Head, HeadEntry, Outcome, Refusal, Step, TakeOver, TakeOverAnswer,
    TakeOverStep, Verdict,
};

fn entry(epoch: u64, pass: u64, nonce: &str, revision: u64) -> HeadEntry {
    HeadEntry {
        head: Head {
            incarnation: Incarnation(1),
            epoch: Epoch(epoch),
            pass: Pass(pass),
            nonce: nonce.to_owned(),
        },
        revision,
    }
}

fn base() -> HeadEntry {
    entry(3, 7, "base", 100)
}

fn commit() -> Commit {
    Commit::new(base(), "mine".to_owned(), 4)
}

fn own(revision: u64) -> HeadEntry {
    entry(3, 8, "mine", revision)
}

const READ: Step = Step::ReadHead {
    wait: DurationMs(0),
};

#[test]
fn a_pass_bears_the_next_number_and_expects_the_base() {
    let commit = commit();
    assert_eq!(commit.head(), &own(0).head);
    assert_eq!(commit.expected(), 100);
    assert_eq!(commit.begin(), Step::Send);
}

#[test]
fn an_acknowledgement_with_the_right_count_commits() {
    let done = commit().on(Answer::Acknowledged {
        sequence: 105,
        count: 5,
    });
    assert_eq!(done, Step::Done(Outcome::Committed(own(105))));
}

#[test]
fn an_acknowledgement_with_another_count_does_not() {
    let done = commit().on(Answer::Acknowledged {
        sequence: 105,
        count: 4,
    });
    let (sent, counted) = (5, 4);
    assert_eq!(done, Step::Done(Outcome::Miscounted { sent, counted }));
}

#[test]
fn an_unknown_outcome_and_a_wrong_revision_are_settled_by_the_head() {
    for answer in [
        Answer::Unknown,
        Answer::Refused(Refusal::WrongRevision),
        Answer::Refused(Refusal::Unavailable),
    ] {
        let mut commit = commit();
        assert_eq!(commit.on(answer.clone()), READ, "{answer:?}");
        let mut stored = commit.clone();
        let step = stored.on(Answer::Head(Some(own(105))));
        assert_eq!(step, Step::Done(Outcome::Committed(own(105))));
        let mut not_yet = commit.clone();
        assert_eq!(not_yet.on(Answer::Head(Some(base()))), Step::Send);
        let found = entry(4, 7, "other", 101);
        let step = commit.on(Answer::Head(Some(found.clone())));
        assert_eq!(step, Step::Done(Outcome::Deposed { found }));
    }
}

#[test]
fn an_earlier_attempt_that_landed_late_counts_as_the_commit() {
    let mut commit = commit();
    commit.on(Answer::Unknown);
    assert_eq!(commit.on(Answer::Head(Some(base()))), Step::Send);
    // The first attempt has landed, so the second is refused.
    assert_eq!(commit.on(Answer::Refused(Refusal::WrongRevision)), READ);
    let step = commit.on(Answer::Head(Some(own(105))));
    assert_eq!(step, Step::Done(Outcome::Committed(own(105))));
}

#[test]
fn a_head_that_went_back_or_changed_in_place_means_replaced_data() {
    let lower_incarnation = HeadEntry {
        head: Head {
            incarnation: Incarnation(0),
            ..entry(9, 9, "x", 0).head
        },
        revision: 200,
    };
    for found in [
        None,
        Some(entry(3, 6, "older", 90)),
        Some(entry(3, 7, "restored", 100)),
        Some(entry(2, 9, "of an earlier leader", 120)),
        Some(lower_incarnation),
    ] {
        let mut commit = commit();
        commit.on(Answer::Unknown);
        let step = commit.on(Answer::Head(found.clone()));
        assert_eq!(step, Step::Done(Outcome::Replaced { found }));
    }
}

#[test]
fn a_later_incarnation_deposes() {
    let mut found = entry(1, 0, "recovered", 300);
    found.head.incarnation = Incarnation(2);
    assert_eq!(
        base().judge(Some(found.clone())),
        Verdict::Deposed { found }
    );
}

#[test]
fn an_incomplete_batch_is_sent_again_and_alarms_when_it_repeats() {
    let mut commit = commit();
    for times in 1..=3 {
        let step = commit.on(Answer::Refused(Refusal::Incomplete));
        assert!(matches!(step, Step::ReadHead { .. }));
        assert_eq!(commit.on(Answer::Head(Some(base()))), Step::Send);
        let alarm = (times == 3).then_some(Alarm::Incomplete { times });
        assert_eq!(commit.alarm(), alarm.as_ref(), "after {times}");
    }
    commit.on(Answer::Acknowledged {
        sequence: 105,
        count: 5,
    });
    assert_eq!(commit.alarm(), None);
}

#[test]
fn too_many_open_batches_are_waited_for_up_to_ten_seconds() {
    let mut commit = commit();
    let mut waits = Vec::new();
    for _ in 0..9 {
        match commit.on(Answer::Refused(Refusal::TooManyBatches)) {
            Step::ReadHead { wait } => waits.push(wait.0),
            other => panic!("{other:?}"),
        }
        assert_eq!(commit.on(Answer::Head(Some(base()))), Step::Send);
    }
    assert_eq!(
        waits,
        [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
    );
    assert_eq!(commit.alarm(), Some(&Alarm::TooManyBatches { times: 9 }));
}

#[test]
fn commits_without_answer_while_reads_work_alarm_as_wedged() {
    let mut commit = commit();
    for attempts in 1..=4 {
        commit.on(Answer::Unknown);
        assert_eq!(commit.on(Answer::Head(Some(base()))), Step::Send);
        let alarm = (attempts >= 3).then_some(Alarm::Wedged { attempts });
        assert_eq!(commit.alarm(), alarm.as_ref());
    }
}

#[test]
fn after_a_reconnect_the_base_is_looked_at_before_anything_is_sent() {
    let mut commit = commit();
    assert_eq!(commit.begin_after_reconnect(), READ);
    let mut unchanged = commit.clone();
    assert_eq!(unchanged.on(Answer::Head(Some(base()))), Step::Send);
    // The same revision in another server's data would have let the pass through.
    let found = Some(entry(3, 7, "of other data", 100));
    let step = commit.on(Answer::Head(found.clone()));
    assert_eq!(step, Step::Done(Outcome::Replaced { found }));
}

#[test]
fn what_is_refused_again_and_again_is_tried_later_each_time() {
    let mut commit = commit();
    let mut waits = Vec::new();
    for _ in 0..7 {
        match commit.on(Answer::Refused(Refusal::WrongRevision)) {
            Step::ReadHead { wait } => waits.push(wait.0),
            other => panic!("{other:?}"),
        }
        assert_eq!(commit.on(Answer::Head(Some(base()))), Step::Send);
    }
    assert_eq!(waits, [0, 100, 200, 400, 800, 1600, 2000]);
}

#[test]
fn an_unreadable_head_is_read_again_each_time_later() {
    let mut commit = commit();
    commit.on(Answer::Unknown);
    let mut waits = Vec::new();
    for _ in 0..5 {
        match commit.on(Answer::HeadUnread) {
            Step::ReadHead { wait } => waits.push(wait.0),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(waits, [100, 200, 400, 800, 1000]);
    assert_eq!(commit.alarm(), None, "a server that is away is no alarm");
}

#[test]
fn a_permanent_refusal_ends_it_only_when_nothing_can_be_stored_any_more() {
    let full = || Refusal::of(503, 10077, "maximum bytes exceeded");
    let mut certain = commit();
    assert_eq!(certain.on(Answer::Refused(full())), READ);
    let (code, text) = (10077, "maximum bytes exceeded".to_owned());
    let step = certain.on(Answer::Head(Some(base())));
    assert_eq!(step, Step::Done(Outcome::Refused { code, text }));

    let mut uncertain = commit();
    uncertain.on(Answer::Unknown);
    uncertain.on(Answer::Head(Some(base())));
    uncertain.on(Answer::Refused(full()));
    assert_eq!(uncertain.on(Answer::Head(Some(base()))), Step::Send);
    assert!(matches!(uncertain.alarm(), Some(Alarm::Refused { .. })));
    let step = uncertain.on(Answer::Head(Some(own(105))));
    assert_eq!(step, Step::Done(Outcome::Committed(own(105))));
}

#[test]
fn the_servers_errors_are_told_apart_by_code() {
    let of = |status, code| Refusal::of(status, code, "words");
    assert_eq!(of(400, 10071), Refusal::WrongRevision);
    assert_eq!(of(400, 10164), Refusal::WrongRevision);
    assert_eq!(of(400, 10176), Refusal::Incomplete);
    assert_eq!(of(429, 10210), Refusal::TooManyBatches);
    assert_eq!(of(503, 10008), Refusal::Unavailable);
    let text = "words".to_owned();
    let code = 10199;
    assert_eq!(of(400, 10199), Refusal::Permanent { code, text });
}

#[test]
fn the_first_take_over_makes_the_head_and_a_later_one_raises_the_epoch_alone() {
    let mut first = TakeOver::new("mine".into());
    let head = entry(1, 0, "mine", 0).head;
    let step = first.on(TakeOverAnswer::Head(None));
    let (expected, made) = (0, head.clone());
    assert_eq!(
        step,
        TakeOverStep::Swap {
            head: made,
            expected
        }
    );
    let won = first.on(TakeOverAnswer::Acknowledged { sequence: 1 });
    assert_eq!(won, TakeOverStep::Won(HeadEntry { head, revision: 1 }));

    let mut next = TakeOver::new("mine".into());
    let step = next.on(TakeOverAnswer::Head(Some(base())));
    let (head, expected) = (entry(4, 7, "mine", 0).head, 100);
    assert_eq!(step, TakeOverStep::Swap { head, expected });
}

#[test]
fn a_take_over_that_lost_the_race_reads_again_and_goes_on_top_of_the_winner() {
    let mut taking = TakeOver::new("mine".into());
    taking.on(TakeOverAnswer::Head(Some(base())));
    let step = taking.on(TakeOverAnswer::Refused(Refusal::WrongRevision));
    assert_eq!(step, taking.begin());
    let other = entry(4, 7, "other", 101);
    let step = taking.on(TakeOverAnswer::Head(Some(other)));
    let (head, expected) = (entry(5, 7, "mine", 0).head, 101);
    assert_eq!(step, TakeOverStep::Swap { head, expected });
}

#[test]
fn a_take_over_whose_acknowledgement_was_lost_is_found_by_its_nonce() {
    let mut taking = TakeOver::new("mine".into());
    taking.on(TakeOverAnswer::Head(Some(base())));
    let step = taking.on(TakeOverAnswer::Unknown);
    assert!(matches!(step, TakeOverStep::ReadHead { .. }));
    let mine = entry(4, 7, "mine", 101);
    let step = taking.on(TakeOverAnswer::Head(Some(mine.clone())));
    assert_eq!(step, TakeOverStep::Won(mine));
}

mod model {
    //! A server as a value: the machine against every mixture of losses, delays and rivals.

    use proptest::prelude::*;

    use super::super::{
        Answer, Commit, Head, HeadEntry, Outcome, Refusal, Step, TakeOver, TakeOverAnswer,
        TakeOverStep,
    };

    /// What happens to one attempt.
    #[derive(Clone, Copy, Debug)]
    enum Fate {
        Fine,
        AcknowledgementLost,
        Lost,
        /// It arrives only after that many further steps.
        Late(u8),
        Incomplete,
        /// A rival takes over before it arrives.
        Rival,
    }

    #[derive(Default)]
    struct Server {
        head: Option<HeadEntry>,
        sequence: u64,
        /// Every head that was stored, in order.
        log: Vec<Head>,
        under_way: Vec<(u8, Head, u64)>,
    }

    impl Server {
        fn store(&mut self, head: &Head, expected: u64, messages: u64) -> Result<u64, Refusal> {
            if self.head.as_ref().map_or(0, |head| head.revision) != expected {
                return Err(Refusal::WrongRevision);
            }
            self.sequence += messages;
            self.head = Some(HeadEntry {
                head: head.clone(),
                revision: self.sequence,
            });
            self.log.push(head.clone());
            Ok(self.sequence)
        }

        fn tick(&mut self) {
            let (mut due, mut later) = (Vec::new(), Vec::new());
            for (left, head, expected) in self.under_way.drain(..) {
                if left == 0 {
                    due.push((head, expected));
                } else {
                    later.push((left - 1, head, expected));
                }
            }
            self.under_way = later;
            for (head, expected) in due {
                let _ = self.store(&head, expected, 2);
            }
        }

        fn send(&mut self, head: &Head, expected: u64, fate: Fate, rival: &mut u64) -> Answer {
            match fate {
                Fate::Fine => self.answer(head, expected),
                Fate::AcknowledgementLost => {
                    let _ = self.store(head, expected, 2);
                    Answer::Unknown
                }
                Fate::Lost => Answer::Unknown,
                Fate::Late(steps) => {
                    self.under_way.push((steps, head.clone(), expected));
                    Answer::Unknown
                }
                Fate::Incomplete => Answer::Refused(Refusal::Incomplete),
                Fate::Rival => {
                    *rival += 1;
                    take_over(self, &format!("rival {rival}"));
                    self.answer(head, expected)
                }
            }
        }

        fn answer(&mut self, head: &Head, expected: u64) -> Answer {
            match self.store(head, expected, 2) {
                Ok(sequence) => Answer::Acknowledged { sequence, count: 2 },
                Err(refusal) => Answer::Refused(refusal),
            }
        }
    }

    fn take_over(server: &mut Server, nonce: &str) -> HeadEntry {
        let mut taking = TakeOver::new(nonce.to_owned());
        let mut step = taking.begin();
        loop {
            let answer = match step {
                TakeOverStep::Won(head) => return head,
                TakeOverStep::ReadHead { .. } => TakeOverAnswer::Head(server.head.clone()),
                TakeOverStep::Swap { head, expected } => match server.store(&head, expected, 1) {
                    Ok(sequence) => TakeOverAnswer::Acknowledged { sequence },
                    Err(refusal) => TakeOverAnswer::Refused(refusal),
                },
            };
            step = taking.on(answer);
        }
    }

    fn fate() -> impl Strategy<Value = Fate> {
        prop_oneof![
            4 => Just(Fate::Fine),
            2 => Just(Fate::AcknowledgementLost),
            2 => Just(Fate::Lost),
            2 => (0u8..6).prop_map(Fate::Late),
            1 => Just(Fate::Incomplete),
            1 => Just(Fate::Rival),
        ]
    }

    /// Runs one commit to its end, with the fates in turn and `Fine` when they are used up.
    fn run(
        server: &mut Server,
        commit: &mut Commit,
        fates: &mut std::vec::IntoIter<Fate>,
        rival: &mut u64,
    ) -> Outcome {
        let mut step = commit.begin();
        for _ in 0..1000 {
            server.tick();
            let answer = match step {
                Step::Done(outcome) => return outcome,
                Step::ReadHead { .. } => Answer::Head(server.head.clone()),
                Step::Send => {
                    let fate = fates.next().unwrap_or(Fate::Fine);
                    server.send(commit.head(), commit.expected(), fate, rival)
                }
            };
            step = commit.on(answer);
        }
        panic!("no outcome after 1000 steps");
    }

    proptest! {
        #[test]
        fn no_pass_is_lost_doubled_or_reordered(fates in prop::collection::vec(fate(), 0..60)) {
            let mut server = Server::default();
            let mut fates = fates.into_iter();
            let mut rival = 0;
            let (mut told, mut deposed) = (Vec::new(), Vec::new());
            let mut head = take_over(&mut server, "leader 0");
            for pass in 0..20 {
                let nonce = format!("pass {pass}");
                let mut commit = Commit::new(head.clone(), nonce.clone(), 1);
                match run(&mut server, &mut commit, &mut fates, &mut rival) {
                    Outcome::Committed(new) => {
                        told.push(nonce);
                        head = new;
                    }
                    Outcome::Deposed { .. } => {
                        deposed.push(nonce);
                        head = take_over(&mut server, &format!("leader after {pass}"));
                    }
                    other => panic!("{other:?}"),
                }
            }
            // Whatever was still under way must change nothing any more.
            for _ in 0..10 {
                server.tick();
            }
            // A deposed leader's last pass may have been stored before the rival came: it was told
            // to nobody, and the rival has seen it.
            let stored: Vec<_> = server.log.iter().map(|head| head.nonce.clone())
                .filter(|nonce| nonce.starts_with("pass"))
                .filter(|nonce| !deposed.contains(nonce)).collect();
            prop_assert_eq!(stored, told);
            let nonces: std::collections::BTreeSet<_> =
                server.log.iter().map(|head| &head.nonce).collect();
            prop_assert_eq!(nonces.len(), server.log.len(), "a pass was stored twice");
            prop_assert!(server.log.is_sorted_by_key(|head| (head.epoch, head.pass)));
        }
    }
}
