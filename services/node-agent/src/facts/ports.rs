//! Host ports that something outside the lab holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lab_types::{ForeignPort, PortProtocol};

/// A port of the host.
pub type Port = (PortProtocol, u16);

/// The name of the engine's process that listens for a published port.
const PROXY: &str = "docker-proxy";

/// What the engine says of published ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Ports that the lab's containers hold, or will hold when they run.
    pub ours: BTreeSet<Port>,
    /// Ports that other running containers hold, with the container's name.
    pub others: BTreeMap<Port, String>,
}

/// A process, as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Holder {
    pid: u32,
    name: String,
}

/// Lists the host's ports in use by something outside the lab: what listens, as the kernel tells in
/// `proc` (`/proc`), and what other containers publish.
///
/// Blocks for some milliseconds: it reads the open files of processes to name the holder of a
/// socket that no container explains. Processes of other users stay unnamed without root's rights.
#[must_use]
pub fn foreign(proc: &Path, published: &Published) -> Vec<ForeignPort> {
    let listening = listening(proc);
    let unexplained = listening
        .iter()
        .filter(|(port, _)| !published.others.contains_key(port));
    let holders = holders(proc, &unexplained.map(|(_, inode)| *inode).collect());
    let mut found: BTreeMap<Port, Option<String>> = BTreeMap::new();
    for (port, inode) in &listening {
        let holder = holders.get(inode);
        // The engine's proxy may outlive the container that it serves by a moment.
        let is_proxy = holder.is_none_or(|holder| holder.name == PROXY);
        if published.ours.contains(port) && is_proxy {
            continue;
        }
        let holder = holder.map(|holder| format!("{} (pid {})", holder.name, holder.pid));
        let known = found.entry(*port).or_default();
        *known = known.take().or(holder);
    }
    for (port, container) in &published.others {
        found.insert(*port, Some(format!("container {container}")));
    }
    let row = |((protocol, port), holder)| ForeignPort {
        port,
        protocol,
        holder,
    };
    found.into_iter().map(row).collect()
}

/// Every bound port with the inode of its socket.
fn listening(proc: &Path) -> BTreeSet<(Port, u64)> {
    let tables = [
        ("net/tcp", PortProtocol::Tcp),
        ("net/tcp6", PortProtocol::Tcp),
        ("net/udp", PortProtocol::Udp),
        ("net/udp6", PortProtocol::Udp),
    ];
    let mut all = BTreeSet::new();
    for (file, protocol) in tables {
        let table = std::fs::read_to_string(proc.join(file)).unwrap_or_default();
        all.extend(
            table
                .lines()
                .skip(1)
                .filter_map(|line| socket(line, protocol)),
        );
    }
    all
}

/// Reads one line of the kernel's table. Source: `Documentation/networking/proc_net_tcp.rst`.
fn socket(line: &str, protocol: PortProtocol) -> Option<(Port, u64)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, local, remote, state, ..] = fields[..] else {
        return None;
    };
    let listens = match protocol {
        PortProtocol::Tcp => state == "0A",
        // A UDP socket that is connected to a peer takes no datagrams from others.
        PortProtocol::Udp => state == "07" && port_of(remote)? == 0,
    };
    let inode = fields.get(9)?.parse().ok()?;
    listens.then_some(((protocol, port_of(local)?), inode))
}

fn port_of(address: &str) -> Option<u16> {
    u16::from_str_radix(address.rsplit(':').next()?, 16).ok()
}

/// The processes that hold the sockets in `wanted`.
fn holders(proc: &Path, wanted: &BTreeSet<u64>) -> BTreeMap<u64, Holder> {
    let mut holders = BTreeMap::new();
    if wanted.is_empty() {
        return holders;
    }
    for entry in std::fs::read_dir(proc).into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        for file in std::fs::read_dir(entry.path().join("fd"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let inode = std::fs::read_link(file.path())
                .ok()
                .and_then(|link| inode_of(&link));
            if let Some(inode) = inode.filter(|inode| wanted.contains(inode)) {
                holders.entry(inode).or_insert_with(|| Holder {
                    pid,
                    name: name_of(&entry.path()),
                });
            }
        }
        if holders.len() == wanted.len() {
            break;
        }
    }
    holders
}

/// `socket:[4711]`.
fn inode_of(link: &Path) -> Option<u64> {
    link.to_str()?
        .strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

fn name_of(process: &Path) -> String {
    let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
    match name.trim() {
        "" => "a process".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lab_types::PortProtocol::{Tcp, Udp};

    use super::{Published, foreign, socket};

    const PROC: &str = "/proc";

    fn holder(
        published: &Published,
        protocol: lab_types::PortProtocol,
        port: u16,
    ) -> Option<String> {
        let all = foreign(Path::new(PROC), published);
        let found = all
            .into_iter()
            .find(|row| (row.protocol, row.port) == (protocol, port))?;
        Some(found.holder.unwrap_or_default())
    }

    #[test]
    fn a_port_this_process_listens_on_is_foreign_and_names_it() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = std::net::UdpSocket::bind("[::1]:0").unwrap();
        let (tcp_port, udp_port) = (
            tcp.local_addr().unwrap().port(),
            udp.local_addr().unwrap().port(),
        );
        let own = format!("(pid {})", std::process::id());
        let nothing = Published::default();
        assert!(holder(&nothing, Tcp, tcp_port).unwrap().ends_with(&own));
        assert!(holder(&nothing, Udp, udp_port).unwrap().ends_with(&own));
        drop(tcp);
        assert_eq!(holder(&nothing, Tcp, tcp_port), None);
    }

    #[test]
    fn a_process_on_a_port_of_ours_is_foreign_all_the_same() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        let published = Published {
            ours: [(Tcp, port)].into(),
            ..Published::default()
        };
        assert!(holder(&published, Tcp, port).is_some());
    }

    #[test]
    fn another_containers_port_counts_by_the_containers_name_whether_or_not_a_proxy_listens() {
        let published = Published {
            others: [((Tcp, 9), "other-web-1".to_owned())].into(),
            ..Published::default()
        };
        assert_eq!(holder(&published, Tcp, 9).unwrap(), "container other-web-1");
    }

    #[test]
    fn connections_are_no_listeners() {
        let line = |state: &str, remote: &str| {
            format!(
                "  0: 0100007F:1F90 {remote} {state} 00000000:00000000 00:00000000 00000000 0 0 42 1"
            )
        };
        let found = socket(&line("0A", "00000000:0000"), Tcp);
        assert_eq!(found, Some(((Tcp, 8080), 42)));
        assert_eq!(socket(&line("01", "0100007F:A000"), Tcp), None);
        assert_eq!(socket(&line("07", "0100007F:A000"), Udp), None);
        assert_eq!(socket("garbage", Tcp), None);
    }
}
