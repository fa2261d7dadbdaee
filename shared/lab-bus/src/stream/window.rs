//! The two windows of a stream as values: what to send, what to accept. No I/O, no clock.
//!
//! Frames carry numbers from 1. The receiver grants numbers, the sender keeps every frame until it
//! is acknowledged, and sends all from the first missing one again when one was lost.

use std::collections::VecDeque;
use std::time::Duration;

use lab_wire::stream::{Frame, WINDOW_FRAMES};

/// After how long without progress the sender sends again: several times the receiver's tick, so
/// that an acknowledgement that is merely due is waited for.
pub(super) const RESEND_AFTER: Duration = Duration::from_secs(2);
/// How long after sending frames again a further sign of loss is believed: a round trip.
const RESEND_GAP: Duration = Duration::from_millis(300);

/// The sender's side of one direction.
#[derive(Debug, Default)]
pub(super) struct SendWindow {
    /// Frames not acknowledged yet, in order; the first has the number `received + 1`.
    kept: VecDeque<Frame>,
    received: u64,
    granted: u64,
    /// Numbers up to this one have been sent at least once.
    sent: u64,
    /// Numbers up to this one have been sent since the last decision to send again.
    resent: u64,
    last_sent: Duration,
    ended: bool,
}

impl SendWindow {
    /// Whether another frame may be put in: the receiver has granted its number.
    pub(super) fn has_room(&self) -> bool {
        !self.ended && self.next_number() <= self.granted
    }

    fn next_number(&self) -> u64 {
        self.received + self.kept.len() as u64 + 1
    }

    /// Puts in a frame; `make` gets its number.
    pub(super) fn put(&mut self, make: impl FnOnce(u64) -> Frame) {
        let frame = make(self.next_number());
        self.ended = matches!(frame, Frame::End { .. });
        self.kept.push_back(frame);
    }

    /// Whether the end has been put in and has arrived.
    pub(super) fn is_done(&self) -> bool {
        self.ended && self.kept.is_empty()
    }

    /// Takes a grant. One that is older than what is known changes nothing, and no peer is given
    /// more than one window beyond what has arrived: what is under way is kept in memory here.
    pub(super) fn on_credit(&mut self, received: u64, granted: u64, now: Duration) {
        if received > self.sent {
            return;
        }
        let most = self.received.max(received) + WINDOW_FRAMES;
        self.granted = self.granted.max(granted.min(most));
        if received > self.received {
            while self.received < received && self.kept.pop_front().is_some() {
                self.received += 1;
            }
            self.resent = self.resent.max(self.received);
            // Progress: what is still missing gets its time again.
            self.last_sent = now;
        } else if received < self.sent && now >= self.last_sent + RESEND_GAP {
            self.resent = self.received;
        }
    }

    /// Notices that nothing has moved for too long.
    pub(super) fn on_tick(&mut self, now: Duration) {
        if self.sent > self.received && now >= self.last_sent + RESEND_AFTER {
            self.resent = self.received;
        }
    }

    /// The frames to send now.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<Frame> {
        let skip = usize::try_from(self.resent - self.received).unwrap_or(usize::MAX);
        let due: Vec<Frame> = self.kept.iter().skip(skip).cloned().collect();
        if !due.is_empty() {
            self.resent += due.len() as u64;
            self.sent = self.sent.max(self.resent);
            self.last_sent = now;
        }
        due
    }
}

/// What becomes of a frame that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is the next one: deliver it.
    Next,
    /// It is out of order: drop it, and tell the sender how far one has come.
    OutOfOrder,
}

/// The receiver's side of one direction.
#[derive(Debug, Default)]
pub(super) struct ReceiveWindow {
    received: u64,
    consumed: u64,
    told_received: u64,
    told_granted: u64,
}

impl ReceiveWindow {
    /// Judges a frame by its number.
    pub(super) fn on_frame(&mut self, number: u64) -> Arrival {
        if number == self.received + 1 {
            self.received = number;
            Arrival::Next
        } else {
            Arrival::OutOfOrder
        }
    }

    /// Notes that so many of the delivered frames have been taken away.
    pub(super) fn on_consumed(&mut self, consumed: u64) {
        self.consumed = self.consumed.max(consumed);
    }

    /// Whether the sender should hear of it now and not only with the next tick.
    pub(super) fn is_credit_due(&self) -> bool {
        self.consumed + WINDOW_FRAMES >= self.told_granted + WINDOW_FRAMES / 2
    }

    /// Whether there is anything the sender does not know.
    pub(super) fn has_news(&self) -> bool {
        self.told_received < self.received || self.told_granted < self.consumed + WINDOW_FRAMES
    }

    /// The grant as it stands.
    pub(super) fn credit(&mut self) -> Frame {
        self.told_received = self.received;
        self.told_granted = self.consumed + WINDOW_FRAMES;
        Frame::Credit {
            received: self.told_received,
            granted: self.told_granted,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lab_wire::stream::{Frame, WINDOW_FRAMES};
    use proptest::prelude::*;

    use super::{Arrival, ReceiveWindow, SendWindow};

    fn data(sequence: u64) -> Frame {
        Frame::Data {
            sequence,
            bytes: sequence.to_be_bytes().to_vec(),
        }
    }

    fn number(frame: &Frame) -> u64 {
        match frame {
            Frame::Data { sequence, .. } | Frame::End { sequence, .. } => *sequence,
            other => panic!("{other:?}"),
        }
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn nothing_is_sent_before_a_grant_and_no_more_than_granted_after() {
        let mut sender = SendWindow::default();
        assert!(!sender.has_room());
        sender.on_credit(0, 3, ms(0));
        for _ in 0..3 {
            assert!(sender.has_room());
            sender.put(data);
        }
        assert!(!sender.has_room());
        let sent: Vec<_> = sender.take_due(ms(0)).iter().map(number).collect();
        assert_eq!(sent, [1, 2, 3]);
        assert!(sender.take_due(ms(1)).is_empty());
    }

    #[test]
    fn a_repeated_grant_short_of_what_was_sent_makes_the_sender_go_back() {
        let mut sender = SendWindow::default();
        sender.on_credit(0, 8, ms(0));
        (0..4).for_each(|_| sender.put(data));
        sender.take_due(ms(0));
        sender.on_credit(1, 8, ms(10));
        sender.on_credit(1, 8, ms(20));
        assert!(sender.take_due(ms(20)).is_empty(), "too soon to be a loss");
        sender.on_credit(1, 8, ms(400));
        let again: Vec<_> = sender.take_due(ms(400)).iter().map(number).collect();
        assert_eq!(again, [2, 3, 4]);
    }

    #[test]
    fn an_old_grant_that_comes_late_takes_nothing_back() {
        let mut sender = SendWindow::default();
        sender.on_credit(0, 16, ms(0));
        (0..4).for_each(|_| sender.put(data));
        sender.take_due(ms(0));
        sender.on_credit(4, 20, ms(1));
        sender.on_credit(2, 18, ms(2));
        assert!(sender.take_due(ms(2)).is_empty());
        sender.put(data);
        assert_eq!(number(&sender.take_due(ms(3))[0]), 5);
    }

    #[test]
    fn a_receiver_whose_user_takes_nothing_grants_one_window() {
        let mut receiver = ReceiveWindow::default();
        for number in 1..=WINDOW_FRAMES {
            assert_eq!(receiver.on_frame(number), Arrival::Next);
        }
        let granted = WINDOW_FRAMES;
        let received = WINDOW_FRAMES;
        assert_eq!(receiver.credit(), Frame::Credit { received, granted });
        receiver.on_consumed(5);
        let granted = WINDOW_FRAMES + 5;
        assert_eq!(receiver.credit(), Frame::Credit { received, granted });
    }

    proptest! {
        /// Whoever asks for a log says what it likes: `credits` is what it says.
        #[test]
        fn a_lying_peer_makes_the_sender_keep_no_more_than_one_window(
            credits in prop::collection::vec(
                prop_oneof![(0u64..400, 0u64..400), (any::<u64>(), any::<u64>())],
                1..60,
            ),
        ) {
            let mut sender = SendWindow::default();
            for (round, (received, granted)) in credits.into_iter().enumerate() {
                let now = ms(round as u64 * 1000);
                sender.on_credit(received, granted, now);
                for _ in 0..=2 * WINDOW_FRAMES {
                    if sender.has_room() {
                        sender.put(data);
                    }
                }
                sender.on_tick(now);
                let due = sender.take_due(now).len() as u64;
                prop_assert!(sender.kept.len() as u64 <= WINDOW_FRAMES);
                prop_assert!(due <= WINDOW_FRAMES);
                prop_assert!(sender.received <= sender.sent);
            }
        }

        /// Both directions lose, repeat and swap messages; `choices` says which.
        #[test]
        fn every_frame_arrives_once_and_in_order_whatever_the_network_does(
            choices in prop::collection::vec(0u8..10, 0..400),
            total in 1u64..60,
        ) {
            let mut choices = choices.into_iter();
            let (mut sender, mut receiver) = (SendWindow::default(), ReceiveWindow::default());
            let (mut to_receiver, mut to_sender) = (Vec::new(), vec![receiver.credit()]);
            let (mut delivered, mut consumed, mut put) = (Vec::new(), 0, 0);
            let mut network = |queue: Vec<Frame>| {
                let mut out = Vec::new();
                for frame in queue {
                    match choices.next().unwrap_or(9) {
                        0 | 1 => {}
                        2 => out.extend([frame.clone(), frame]),
                        3 => out.insert(0, frame),
                        _ => out.push(frame),
                    }
                }
                out
            };
            let mut rounds = 0;
            while !sender.is_done() {
                rounds += 1;
                prop_assert!(rounds < 4000, "no progress");
                let now = ms(rounds * 100);
                for frame in network(std::mem::take(&mut to_sender)) {
                    if let Frame::Credit { received, granted } = frame {
                        sender.on_credit(received, granted, now);
                    }
                }
                while sender.has_room() && put <= total {
                    put += 1;
                    sender.put(|sequence| if put <= total { data(sequence) } else {
                        Frame::End { sequence, problem: None, summary: Default::default() }
                    });
                }
                sender.on_tick(now);
                to_receiver.extend(sender.take_due(now));
                for frame in network(std::mem::take(&mut to_receiver)) {
                    match receiver.on_frame(number(&frame)) {
                        Arrival::Next => delivered.push(number(&frame)),
                        Arrival::OutOfOrder => to_sender.push(receiver.credit()),
                    }
                }
                let held = delivered.len() as u64 - consumed;
                prop_assert!(held <= WINDOW_FRAMES, "{held} frames held");
                // A slow user: it takes one piece a round.
                consumed = (consumed + 1).min(delivered.len() as u64);
                receiver.on_consumed(consumed);
                if receiver.is_credit_due() || rounds % 5 == 0 {
                    to_sender.push(receiver.credit());
                }
            }
            let expected: Vec<u64> = (1..=total + 1).collect();
            prop_assert_eq!(delivered, expected);
        }
    }
}
