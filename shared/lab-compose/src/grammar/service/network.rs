//! How a service is reached, and what it reaches.

use crate::grammar::support::{NOT_CARRIED, NOT_YET, PLAIN_NETWORK, TOGETHER};
use crate::grammar::{
    Field, Items, Names, Object, Own, Pairs, Range, Shape, Support, Table, short,
};
use crate::yaml::Value;

const DNS_OF_ENGINE: &str = "set it for the engine: /etc/docker/daemon.json";

pub(super) const DNS: Field = Field::new("dns", Shape::Names(Names::ONCE.lone().filled()))
    .refused(NOT_CARRIED, DNS_OF_ENGINE);

pub(super) const DNS_OPT: Field =
    Field::new("dns_opt", Shape::Names(Names::ONCE)).refused(NOT_CARRIED, DNS_OF_ENGINE);

pub(super) const DNS_SEARCH: Field =
    Field::new("dns_search", Shape::Names(Names::ONCE.lone())).refused(NOT_CARRIED, DNS_OF_ENGINE);

pub(super) const DOMAINNAME: Field = Field::new("domainname", Shape::Text).refused(
    NOT_CARRIED,
    "add the full name as an alias: `networks: {default: {aliases: [NAME]}}`",
);

pub(super) const EXPOSE: Field = Field::new("expose", Shape::Names(Names::ONCE.numbers())).support(
    Support::Note("containers of one network reach every port of each other, named here or not"),
);

pub(super) const EXTERNAL_LINKS: Field = Field::new("external_links", Shape::Names(Names::UNIQUE))
    .refused(
        TOGETHER,
        "join a network that the other container is on, and use its name",
    );

pub(super) const EXTRA_HOSTS: Field = Field::new("extra_hosts", Shape::Hosts).refused(
    NOT_CARRIED,
    "give the address to the program as a variable, or put the name into your DNS",
);

pub(super) const HOSTNAME: Field = Field::new("hostname", Shape::Text).refused(
    NOT_CARRIED,
    "leave it out; the service is found by its name and its network aliases",
);

pub(super) const LINKS: Field = Field::new("links", Shape::Names(Names::ONCE)).refused(
    TOGETHER,
    "services of one network find each other by name; write `depends_on`, and aliases on the other service",
);

pub(super) const MAC_ADDRESS: Field = Field::new("mac_address", Shape::Text)
    .refused(NOT_CARRIED, "leave it out; the engine chooses one");

pub(super) const NETWORK_MODE: Field = Field::new("network_mode", Shape::Text).refused(
    "containers are joined to networks of the project; sharing another's network ties the two to one node",
    "leave it out and publish the ports that are needed",
);

pub(super) const NETWORKS: Field = Field::new("networks", Shape::Table(&ATTACHMENTS)).applied();

static ATTACHMENTS: Table = Table {
    entry: Shape::Object(&Object {
        what: "a service's network",
        keys: &[
            Field::new("aliases", Shape::Names(Names::ONCE)).applied(),
            Field::new("driver_opts", Shape::Pairs(Pairs::OPTIONS))
                .refused(PLAIN_NETWORK, "leave them out"),
            Field::new("gw_priority", Shape::Integer(Range::SIGNED.cut())).refused(
                "it needs an engine with API 1.48",
                "leave it out; the engine chooses the gateway",
            ),
            Field::new("interface_name", Shape::Text).refused(
                "it needs an engine with API 1.49",
                "leave it out; the engine names the interfaces",
            ),
            Field::new("ipv4_address", Shape::Text).refused(
                PLAIN_NETWORK,
                "use the service's name, which always leads to it",
            ),
            Field::new("ipv6_address", Shape::Text).refused(
                PLAIN_NETWORK,
                "use the service's name, which always leads to it",
            ),
            Field::new("link_local_ips", Shape::Names(Names::ONCE))
                .refused(PLAIN_NETWORK, "leave them out"),
            Field::new("mac_address", Shape::Text)
                .refused(NOT_CARRIED, "leave it out; the engine chooses one"),
            Field::new("priority", Shape::Integer(Range::SIGNED.cut())).refused(
                NOT_YET,
                "leave it out; networks are joined in the order of their names",
            ),
        ],
        required: &[],
        own: Own::Kept,
    }),
    bare: true,
    listed: |_| Value::Null,
    plain_names: true,
};

pub(super) const PORTS: Field = Field::new("ports", Shape::Items(&PORT_LIST)).support(
    Support::Constraint(
        "a host port is published on the node that runs the task, so that no two tasks of it fit on one node",
    ),
);

static PORT_LIST: Items = Items {
    expand: Some(short::ports),
    identity: Some(short::port_identity),
    numbers: true,
    ..Items::of(&Object {
        what: "a port",
        keys: &[
            Field::new("name", Shape::Text).refused(NOT_YET, "write the name as a comment"),
            Field::new("mode", Shape::Text).partly("`host` is refused"),
            Field::new("host_ip", Shape::Text).applied(),
            Field::new("target", Shape::Integer(Range::from(0, u32::MAX as i128))).applied(),
            Field::new("published", Shape::TextOrNumber)
                .partly("a range for one container port is refused"),
            Field::new("protocol", Shape::Text).partly("tcp and udp; sctp is refused"),
            Field::new("app_protocol", Shape::Text)
                .refused(NOT_YET, "write the protocol as a comment"),
        ],
        required: &["target"],
        own: Own::Kept,
    })
};
