//! Which host runs what.

use super::unit::Unit;

/// The most hosts of one lab: their numbers are the last part of their addresses.
const HOSTS_MAX: u8 = 200;

/// How many hosts a lab has, and where the parts of its control plane run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    hosts: u8,
    more_schedulers: Vec<u8>,
}

impl Layout {
    /// So many hosts, each with its engine and agent; NATS, scheduler, planner and provisioner on
    /// the first.
    ///
    /// # Panics
    /// With none or too many.
    #[must_use]
    pub fn of(hosts: u8) -> Self {
        assert!(
            (1..=HOSTS_MAX).contains(&hosts),
            "a lab has 1 to {HOSTS_MAX} hosts"
        );
        Self {
            hosts,
            more_schedulers: Vec::new(),
        }
    }

    /// One more scheduler, on this host.
    ///
    /// # Panics
    /// When there is no such host, or it has one.
    #[must_use]
    pub fn scheduler_on(mut self, host: u8) -> Self {
        assert!(
            (2..=self.hosts).contains(&host) && !self.more_schedulers.contains(&host),
            "no scheduler can be added on host {host}"
        );
        self.more_schedulers.push(host);
        self
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = u8> + use<> {
        1..=self.hosts
    }

    /// What runs on a host, in the order in which it is started.
    pub(super) fn units_of(&self, host: u8) -> Vec<Unit> {
        let mut units = match host {
            1 => vec![
                Unit::Nats,
                Unit::Scheduler,
                Unit::Planner,
                Unit::Provisioner,
            ],
            _ => Vec::new(),
        };
        if self.more_schedulers.contains(&host) {
            units.push(Unit::Scheduler);
        }
        units.push(Unit::Agent);
        units
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, Unit};

    #[test]
    fn the_first_host_carries_the_control_plane_and_every_host_an_agent() {
        let layout = Layout::of(3).scheduler_on(2);
        let first = layout.units_of(1);
        assert_eq!(first.len(), 5);
        assert_eq!(layout.units_of(2), [Unit::Scheduler, Unit::Agent]);
        assert_eq!(layout.units_of(3), [Unit::Agent]);
    }

    #[test]
    #[should_panic(expected = "no scheduler can be added on host 4")]
    fn a_scheduler_needs_a_host() {
        let _ = Layout::of(3).scheduler_on(4);
    }
}
