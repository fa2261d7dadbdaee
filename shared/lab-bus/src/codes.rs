//! The error codes of this crate: `cargo xtask codes` makes their paragraphs in the documentation.

/// Code, title, what to do.
pub const ALL: &[(&str, &str, &str)] = &[
    (
        "BUS0001",
        "A request's body cannot be read",
        "The message says what is wrong with it and how long it was. A body is a JSON object, beginning \
         with `{`, or a MessagePack map with named fields; a field that the request does not have is \
         refused by name. An empty body is `{}`. Nothing was changed.",
    ),
    (
        "BUS0002",
        "A request's subject or header is not valid",
        "Subjects are `tercio.v1.req.<user>.<project or _>.<noun>.<verb>`, names without dots. The \
         header `Tercio-Request-Id` takes letters, digits, `_` and `-`. Nothing was changed.",
    ),
    (
        "BUS0003",
        "Not now",
        "The service is busy or is handing over to another. Send the same request again in a moment, \
         with the same request id; `tercio` does so by itself.",
    ),
    (
        "BUS0004",
        "Nobody answers",
        "NATS knows of no one who serves this request: the part that does is not running, or a new \
         leader is being chosen, which takes seconds. `tercio lab status` tells what runs.",
    ),
    (
        "BUS0005",
        "No answer in time",
        "The request was sent and not answered, so it may have been carried out or not. Look at the \
         lab, or send it again with the same request id: it is carried out once.",
    ),
    (
        "BUS0006",
        "Not permitted",
        "NATS refuses the message because the credentials' role may not send it. A viewer may only \
         read; use an admin's credentials to change the lab.",
    ),
    (
        "BUS0007",
        "A message cannot be sent",
        "A subject holds no white space and no empty part; a message is at most 1 MiB.",
    ),
    (
        "BUS0008",
        "An answer cannot be read",
        "The other side answered with something this version does not understand. Update the older of \
         the two.",
    ),
    (
        "BUS0009",
        "An answer is too large",
        "It does not fit one message of 1 MiB. Ask for less at once: of one project, or by pages.",
    ),
    (
        "BUS0010",
        "NATS cannot be reached",
        "No nats-server answers at the addresses named. Check that the lab runs (`tercio lab status`), \
         that the address is right, and that no firewall is in between.",
    ),
    (
        "BUS0011",
        "NATS does not accept the identity",
        "The credentials have expired, were revoked, or were made by another lab. Have new ones made.",
    ),
    (
        "BUS0012",
        "An address of NATS is not valid",
        "Write it as `nats://host:port`.",
    ),
    (
        "BUS0019",
        "The state is kept by a later version",
        "A scheduler of a later version has changed how the state is kept, and this one would spoil it. It \
         stands by; update it.",
    ),
    (
        "BUS0020",
        "The state cannot be reached",
        "The stream that holds the lab's desired state does not answer. It is tried again; if it stays \
         so, look at nats-server's log and at the disk.",
    ),
    (
        "BUS0021",
        "The head of the state cannot be read",
        "What stands there was not written by this version of Tercio. Nothing is changed. Start the \
         version that wrote it, or restore a backup.",
    ),
    (
        "BUS0022",
        "Events were not stored",
        "nats-server did not acknowledge them. They are kept and sent again; each is stored once.",
    ),
    (
        "BUS0023",
        "Events cannot be read",
        "The leader was asked for events, and the stream of nats-server that keeps them does not \
         answer. Look at nats-server's log and at the disk.",
    ),
    (
        "BUS0030",
        "A stream broke off",
        "The other end of a log, build or pull stream has gone: its node is lost, its agent was \
         stopped, or NATS was away for longer than half a minute. Ask again.",
    ),
    (
        "NAT0001",
        "No nats-server was found",
        "Tercio needs nats-server 2.15.1 or newer. `ops/quickstart` fetches one, `ops/lib/nats.sh` does \
         only that. Or put one in the `PATH`, or name it in `TERCIO_NATS_SERVER`.",
    ),
    (
        "NAT0002",
        "nats-server is too old",
        "The message says which was found where. Older versions lack atomic batches or do not sync \
         them, and silently ignore what they lack; Debian's own package is too old. `ops/quickstart` \
         fetches a new one beside it.",
    ),
    (
        "NAT0003",
        "The nats-server named cannot be run",
        "`TERCIO_NATS_SERVER` or the configuration names a file that is not a working nats-server. \
         Correct it, or remove the setting so that the usual places are searched.",
    ),
    (
        "NAT0004",
        "nats-server does not start",
        "The message shows the end of its log. A port that is in use, a full disk and a damaged store \
         are the usual causes.",
    ),
    (
        "NAT0005",
        "nats-server cannot keep the state",
        "It answers, but it is too old, its JetStream is off or it ignores a setting that the state \
         needs. Let Tercio start its own, or set up the one in use as `ops/nats` says.",
    ),
    (
        "NAT0010",
        "A file of nats-server's or of the lab's identity cannot be used",
        "The message names the file and the step. Check owner and permissions of the directory, and \
         that the disk is neither full nor read-only.",
    ),
    (
        "NAT0011",
        "A key or a credentials file is damaged",
        "The message names it. Put back a copy. Without one, remove the credentials and have new ones \
         made; keys of the lab itself cannot be made again without every node joining anew.",
    ),
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_stands_once_and_in_order() {
        let codes: Vec<_> = super::ALL.iter().map(|(code, _, _)| code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    }
}
