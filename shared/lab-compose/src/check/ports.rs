//! Host ports that two containers would want.

use std::collections::BTreeMap;
use std::net::IpAddr;

use lab_types::PortProtocol;

use crate::codes;
use crate::project::Port;
use crate::sink::{Finding, Place, Sink};

/// What a publication listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Listens {
    Everywhere,
    AllV4,
    AllV6,
    On(IpAddr),
}

impl Listens {
    fn of(host_ip: Option<&str>) -> Self {
        match host_ip.and_then(|address| address.parse().ok()) {
            None => Self::Everywhere,
            Some(IpAddr::V4(address)) if address.is_unspecified() => Self::AllV4,
            Some(IpAddr::V6(address)) if address.is_unspecified() => Self::AllV6,
            Some(address) => Self::On(address),
        }
    }

    const fn is_v4(self) -> bool {
        matches!(self, Self::AllV4 | Self::On(IpAddr::V4(_)))
    }

    /// Whether two sockets on one port would collide.
    fn collides(self, other: Self) -> bool {
        match (self, other) {
            (Self::Everywhere, _) | (_, Self::Everywhere) => true,
            (Self::AllV4 | Self::AllV6, _) | (_, Self::AllV4 | Self::AllV6) => {
                self.is_v4() == other.is_v4()
            }
            (Self::On(one), Self::On(two)) => one == two,
        }
    }
}

struct Holder {
    service: String,
    place: Place,
}

/// The host ports published so far.
#[derive(Default)]
pub(crate) struct Published {
    ports: BTreeMap<(u16, PortProtocol), BTreeMap<Listens, Holder>>,
}

impl Published {
    /// Takes a port in and reports what it collides with.
    pub(crate) fn add(
        &mut self,
        port: &Port,
        service: &str,
        place: Place,
        replicas: Option<u32>,
        sink: &mut Sink,
    ) {
        let Some(number) = port.published.filter(|number| *number != 0) else {
            return;
        };
        let protocol = port.protocol;
        if let Some(count) = replicas.filter(|count| *count > 1) {
            let message = format!(
                "the {count} containers of the service `{service}` would all publish the host port {number}/{protocol}"
            );
            sink.add(
                Finding::refusal(codes::PORT_TAKEN_TWICE, place, message).help(format!(
                    "leave out the host port (`{}`), or run one container",
                    port.target
                )),
            );
        }
        let listens = Listens::of(port.host_ip.as_deref());
        let holders = self.ports.entry((number, protocol)).or_default();
        match holders.iter().find(|(other, _)| listens.collides(**other)) {
            Some((_, first)) => {
                let message = if first.service == service {
                    format!(
                        "the service `{service}` publishes the host port {number}/{protocol} twice"
                    )
                } else {
                    format!(
                        "the services `{}` and `{service}` both publish the host port {number}/{protocol}",
                        first.service
                    )
                };
                sink.add(
                    Finding::refusal(codes::PORT_TAKEN_TWICE, place, message)
                        .help("give one of them another host port")
                        .related(first.place),
                );
            }
            None => {
                let service = service.to_owned();
                holders.insert(listens, Holder { service, place });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Listens;

    #[test]
    fn addresses_collide_when_one_socket_would_take_the_other_s_place() {
        let cases = [
            (None, Some("127.0.0.1"), true),
            (Some("0.0.0.0"), Some("127.0.0.1"), true),
            (Some("127.0.0.1"), Some("127.0.0.2"), false),
            (Some("::"), Some("127.0.0.1"), false),
            (Some("::"), Some("::1"), true),
            (Some("0.0.0.0"), Some("::"), false),
            (Some("::1"), Some("::1"), true),
        ];
        for (one, two, expected) in cases {
            let (left, right) = (Listens::of(one), Listens::of(two));
            assert_eq!(left.collides(right), expected, "{one:?} {two:?}");
            assert_eq!(right.collides(left), expected, "{two:?} {one:?}");
        }
    }
}
