//! The lab's wires: a bridge, a cable to each host, and cuts in them.

use std::fmt::Write as _;

use super::seat::{HostSeat, Seat};
use super::shell::{attempt, attempt_with, run};

/// NATS's port on its host.
pub(super) const NATS_PORT: u16 = 4222;

/// A wire between two hosts that can be cut without either hearing a good-bye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Everything between the two, by their numbers.
    Between(u8, u8),
    /// Between this host and the lab's NATS only.
    ToNats(u8),
}

/// Makes the bridge.
///
/// # Panics
/// When the machine refuses.
pub(super) fn make_bridge(seat: Seat) {
    let name = seat.name();
    run("ip", &["link", "add", &name, "type", "bridge"]);
    let address = format!("{}/24", seat.gateway());
    run("ip", &["addr", "add", &address, "dev", &name]);
    run("ip", &["link", "set", &name, "up"]);
    // A Docker engine on this machine drops what it did not ask for, bridged packets included.
    run("iptables", &accept_rule("-I", &name));
    run("nft", &["add", "table", "bridge", &name]);
    let hook = "{ type filter hook forward priority 0; }";
    run("nft", &["add", "chain", "bridge", &name, "cuts", hook]);
}

/// Removes the bridge with all that belongs to it, as far as it is there.
pub(super) fn remove_bridge(seat: Seat) {
    let name = seat.name();
    let _ = attempt("iptables", &accept_rule("-D", &name));
    let _ = attempt("nft", &["delete", "table", "bridge", &name]);
    let _ = attempt("ip", &["link", "del", &name]);
}

fn accept_rule<'a>(how: &'a str, bridge: &'a str) -> [&'a str; 10] {
    [
        "--wait",
        how,
        "FORWARD",
        "-i",
        bridge,
        "-o",
        bridge,
        "-j",
        "ACCEPT",
        "--verbose",
    ]
}

/// Plugs a host in: a network namespace of its own, and a cable to the bridge.
///
/// # Panics
/// When the machine refuses.
pub(super) fn plug(host: HostSeat) {
    let (space, cable) = (host.name(), host.cable());
    let bridge = host.lab().name();
    run("ip", &["netns", "add", &space]);
    run(
        "ip",
        &[
            "link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &space,
        ],
    );
    run("ip", &["link", "set", &cable, "master", &bridge, "up"]);
    let address = format!("{}/24", host.address());
    let gateway = host.lab().gateway().to_string();
    for words in [
        vec!["link", "set", "lo", "up"],
        vec!["link", "set", "eth0", "up"],
        vec!["addr", "add", &address, "dev", "eth0"],
        vec!["route", "add", "default", "via", &gateway],
    ] {
        run("ip", &[&["-n", &space], words.as_slice()].concat());
    }
}

/// Takes a host's network away, as far as it is there.
pub(super) fn unplug(host: HostSeat) {
    let _ = attempt("ip", &["link", "del", &host.cable()]);
    let _ = attempt("ip", &["netns", "del", &host.name()]);
}

/// Takes a host's cable out of the bridge, or puts it in again. Nobody is told.
///
/// # Panics
/// When the machine refuses.
pub(super) fn set_link(host: HostSeat, state: &str) {
    run("ip", &["link", "set", &host.cable(), state]);
}

/// Makes these the lab's cuts, at once.
///
/// # Panics
/// When the machine refuses.
pub(super) fn set_cuts(seat: Seat, cuts: &[Wire]) {
    let name = seat.name();
    let mut text = format!("flush chain bridge {name} cuts\n");
    for rule in cuts.iter().flat_map(|cut| rules(seat, *cut)) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "add rule bridge {name} cuts {rule} drop");
    }
    attempt_with("nft", &["-f", "-"], &text).unwrap_or_else(|why| panic!("{why}"));
}

fn rules(seat: Seat, cut: Wire) -> [String; 2] {
    let address = |number| seat.host(number).address();
    match cut {
        Wire::Between(one, other) => {
            let way = |from, to| format!("ip saddr {} ip daddr {}", address(from), address(to));
            [way(one, other), way(other, one)]
        }
        Wire::ToNats(host) => {
            let (host, nats) = (address(host), address(1));
            [
                format!("ip saddr {host} ip daddr {nats} tcp dport {NATS_PORT}"),
                format!("ip saddr {nats} ip daddr {host} tcp sport {NATS_PORT}"),
            ]
        }
    }
}
