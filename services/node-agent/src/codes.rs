//! The error codes of this crate: `cargo xtask codes` makes their paragraphs in the documentation.
//! `AGT0101` and above are `lab-converge`'s.

/// Code, title, what to do.
pub const ALL: &[(&str, &str, &str)] = &[
    (
        "AGT0001",
        "No Docker engine answers",
        "The agent needs the Docker engine of its node. Start it, for example with `systemctl \
         start docker`; the agent keeps trying and goes on by itself. If the engine listens \
         elsewhere, set `engine.socket` in the agent's configuration or `DOCKER_HOST` to the \
         path of its socket.",
    ),
    (
        "AGT0002",
        "The Docker engine may not be used",
        "The engine's socket exists, but the user the agent runs as may not open it. Run the \
         agent as root, or add its user to the group that owns the socket (usually `docker`).",
    ),
    (
        "AGT0003",
        "The Docker engine is too old",
        "The agent speaks version 1.41 of the engine's API and newer. Install Docker Engine \
         20.10 or newer on the node.",
    ),
    (
        "AGT0004",
        "DOCKER_HOST is not a socket of this node",
        "An agent works with the engine of its own node, through a socket. Unset `DOCKER_HOST`, \
         or set `engine.socket` to the path of the socket. Other machines get an agent of their \
         own.",
    ),
    (
        "AGT0005",
        "The Docker engine did not answer in time",
        "The engine took a request and did not answer. It may be overloaded or hang: look at \
         its log (`journalctl -u docker`). The agent tries again by itself.",
    ),
    (
        "AGT0010",
        "An image does not exist",
        "Neither the node nor the image's registry has it under this name and tag, or the \
         registry wants you to log in. Check the name; build the image, or load it on the node.",
    ),
    (
        "AGT0011",
        "A container's name is taken",
        "A container that is not the lab's has the name. Tercio never touches it: rename or \
         remove it yourself, or give the project another name.",
    ),
    (
        "AGT0012",
        "A port of the node is in use",
        "Something listens on the port already; the message names it where the node can tell. \
         Stop it, or publish another port.",
    ),
    (
        "AGT0013",
        "Something the engine was asked about does not exist",
        "A network, volume or container was removed meanwhile, by someone else. The agent makes \
         what the assignment needs again by itself.",
    ),
    (
        "AGT0014",
        "Something is in use",
        "A network with containers attached, or a volume that a container mounts, cannot be \
         removed. Remove those containers first.",
    ),
    (
        "AGT0015",
        "A container cannot be made or started as described",
        "The engine refuses the service's description; the message holds its words: a program \
         that the image does not have, a path that does not exist, a value out of range. \
         Correct the Compose file.",
    ),
    (
        "AGT0016",
        "The engine's disk is full",
        "Free some space on the node: `docker system df` shows what Docker keeps, `docker image \
         prune` removes images that nothing uses.",
    ),
    (
        "AGT0017",
        "A registry cannot be reached",
        "The node cannot talk to the image's registry: no network, no name service, a wrong \
         address, a certificate that is not trusted, or too many requests. The agent tries \
         again by itself.",
    ),
    (
        "AGT0018",
        "The Docker engine refused",
        "The message holds the engine's own words. The engine's log (`journalctl -u docker`) \
         often tells more.",
    ),
    (
        "AGT0020",
        "A step of a build failed",
        "The message names the step, and the output above it shows what it printed. Correct the \
         Dockerfile or the files it uses, and try again; the steps before it are kept.",
    ),
    (
        "AGT0030",
        "A task is not on this node",
        "Its log was asked for on a node that does not have it (any longer). `tercio ps` shows \
         where it is; a removed task's log is gone with its container.",
    ),
    (
        "AGT0031",
        "The engine cannot read logs back",
        "The engine's log driver only sends logs away. Use `json-file`, `local` or `journald` \
         in the engine's configuration to read them with Tercio.",
    ),
    (
        "AGT0040",
        "A command came from a leader that was replaced",
        "The node has accepted a later leader and does not obey an earlier one. Nothing was \
         done. Repeat the request: the leader of now answers it.",
    ),
    (
        "AGT0041",
        "The agent does not know such a stream",
        "The agent is older than the control plane. Update it.",
    ),
    (
        "AGT0042",
        "Too many streams are open",
        "The node serves a limited number of logs and builds at once. Close one and try again.",
    ),
    (
        "AGT0043",
        "A command cannot be read",
        "The control plane and the agent may be of versions too far apart; update the older \
         one.",
    ),
    (
        "AGT0044",
        "A stream cannot be opened",
        "The agent has lost its connection to NATS. It joins again by itself; try again.",
    ),
    (
        "AGT0045",
        "The Docker engine is too busy to say what it has",
        "The leader asked which images and ports are there, and the engine did not answer in time. It is \
         asked again by itself; `docker ps` on the node shows how long the engine takes.",
    ),
    (
        "AGT0050",
        "The agent's memory cannot be read",
        "The file in the agent's state directory is damaged, or was written by a newer version. \
         Start that version, or move the file away: the agent finds its containers again by \
         their labels and stops none before it has heard the leader.",
    ),
    (
        "AGT0051",
        "The agent's memory belongs to another node",
        "Two agents must not share a state directory, and a copied one must not be used on \
         another node. Give this agent a directory of its own, or move the file away.",
    ),
    (
        "AGT0053",
        "The agent does not know who it is",
        "Set `lab` and `node` in the agent's configuration.",
    ),
    (
        "AGT0054",
        "The agent's credentials cannot be used",
        "Set `nats.credentials` to the `.creds` file that was made for this node; it must be \
         readable by the user the agent runs as.",
    ),
    (
        "AGT0055",
        "The agent cannot hear commands",
        "NATS refused the agent's subscription: its credentials may be another role's. Make new \
         ones for this node.",
    ),
    (
        "AGT0060",
        "A part of the agent failed",
        "This is a mistake in the program; please report it with the log before the message. \
         Containers go on running, and a service manager starts the agent again.",
    ),
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_stands_once_and_in_order() {
        let codes: Vec<_> = super::ALL.iter().map(|(code, _, _)| code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        assert!(codes.iter().all(|code| **code < "AGT0101"));
    }
}
