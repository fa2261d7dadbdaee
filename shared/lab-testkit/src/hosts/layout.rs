//! Which host runs what.

use super::unit::Unit;

/// The most hosts of one lab: their numbers are the last part of their addresses.
const HOSTS_MAX: u8 = 200;

/// How many hosts a lab has, and where the parts of its control plane run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    hosts: u8,
    more_schedulers: Vec<u8>,
    planner: u8,
    provisioner: u8,
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
            planner: 1,
            provisioner: 1,
        }
    }

    /// The planner runs on the second host and the provisioner on the last, as far as there are so many.
    #[must_use]
    pub fn spread(mut self) -> Self {
        self.planner = self.hosts.min(2);
        self.provisioner = self.hosts;
        self
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
        let parts = [
            (host == 1, Unit::Nats),
            (
                host == 1 || self.more_schedulers.contains(&host),
                Unit::Scheduler,
            ),
            (host == self.planner, Unit::Planner),
            (host == self.provisioner, Unit::Provisioner),
            (true, Unit::Agent),
        ];
        let here = parts.into_iter().filter(|(is_here, _)| *is_here);
        here.map(|(_, unit)| unit).collect()
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
    fn a_control_plane_can_be_spread() {
        let layout = Layout::of(3).scheduler_on(2).spread();
        assert_eq!(
            layout.units_of(1),
            [Unit::Nats, Unit::Scheduler, Unit::Agent]
        );
        assert_eq!(
            layout.units_of(2),
            [Unit::Scheduler, Unit::Planner, Unit::Agent]
        );
        assert_eq!(layout.units_of(3), [Unit::Provisioner, Unit::Agent]);
        assert_eq!(Layout::of(1).spread(), Layout::of(1));
    }

    #[test]
    #[should_panic(expected = "no scheduler can be added on host 4")]
    fn a_scheduler_needs_a_host() {
        let _ = Layout::of(3).scheduler_on(4);
    }
}
