//! What agents say, taken in.

use lab_types::{
    BeatAnswer, Event, Fence, ForeignPort, Generation, Heartbeat, NodeId, Problem, Report,
    UnixMillis, WriterKind,
};

use super::{LeaderCore, Standing};
use crate::codes;
use crate::event;
use crate::observe::{HeartbeatVerdict, ReportVerdict};

impl LeaderCore {
    /// For some time, until now, the leader took in nothing: what agents said meanwhile waits to be
    /// read, and their silence says nothing.
    pub fn on_deaf(&mut self, now: UnixMillis) {
        self.lab.observed.deaf_until = now;
    }

    /// Takes a report in.
    pub fn on_report(&mut self, report: &Report, now: UnixMillis) -> ReportVerdict {
        let verdict = self.lab.on_report(report, now, &self.policy);
        match &verdict {
            ReportVerdict::Unregistered | ReportVerdict::NotNewer => {}
            ReportVerdict::Applied {
                fence,
                needs_full,
                changed,
                events,
            } => {
                self.tell(events.iter().cloned());
                self.dirty |= changed;
                self.on_fence(&report.node, *fence, now);
                self.asks.heard(&report.node, *needs_full);
                self.ask(now);
            }
        }
        verdict
    }

    /// Takes in what an agent saw happen on its node. It is told with the next pass, by the leader on the
    /// agent's word, as what its reports tell.
    ///
    /// # Errors
    /// This leader writes nothing now.
    pub fn on_agent_event(&mut self, node: &NodeId, event: Event) -> Result<(), Problem> {
        if self.standing != Standing::Leading {
            let message = format!("this leader keeps no event now: {}", event.message);
            let help = "`tercio lab status` says what holds the leader back";
            return Err(Problem::new(codes::NOT_LEADER, message).help(help));
        }
        let mut event = event;
        event.writer_kind = WriterKind::Scheduler;
        event.writer = event::WRITER.to_owned();
        event.scope.node = Some(node.clone());
        self.tell([event]);
        Ok(())
    }

    /// Takes a heartbeat in.
    pub fn on_heartbeat(&mut self, beat: &Heartbeat, now: UnixMillis) -> HeartbeatVerdict {
        let obeyed = self
            .lab
            .observed
            .nodes
            .get(&beat.node)
            .map(|node| node.accepted);
        let (verdict, returned) = self.lab.on_heartbeat(beat, now);
        // A guard that was asked for holds when it is obeyed.
        self.dirty |= obeyed < Some(beat.accepted) && self.lab.awaits_guard(&beat.node);
        if let Some(event) = returned {
            self.tell([event]);
            self.dirty = true;
        }
        match verdict {
            HeartbeatVerdict::Unregistered | HeartbeatVerdict::StaleBoot => {}
            HeartbeatVerdict::Heard { fence, needs_full } => {
                self.on_fence(&beat.node, fence, now);
                if needs_full {
                    self.asks.need(&beat.node);
                    self.ask(now);
                }
            }
        }
        verdict
    }

    /// What a node's sign of life is answered when it asks for an answer: for so long from when it was
    /// sent the node may run exclusive tasks. To be given only after
    /// [`on_heartbeat`](Self::on_heartbeat) has heard it, by a leader whose lease still holds.
    #[must_use]
    pub fn beat_answer(&self, node: &NodeId) -> BeatAnswer {
        let assigned = self.lab.desired.assignments.get(node);
        BeatAnswer {
            leader: Fence {
                incarnation: self.leader.incarnation,
                epoch: self.leader.epoch,
                generation: Generation(0),
            },
            assigned: assigned.map(|assigned| assigned.fence).unwrap_or_default(),
            lease: self.policy.guard,
        }
    }

    /// A node has said which host ports something outside the lab holds there.
    pub fn on_foreign_ports(&mut self, node: &NodeId, ports: Vec<ForeignPort>) {
        if let Some(observed) = self.lab.observed.nodes.get_mut(node)
            && observed.foreign_ports != ports
        {
            observed.foreign_ports = ports;
            self.dirty = true;
        }
    }
}
