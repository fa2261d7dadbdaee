//! Names: the container's own, and how it finds others.

use std::net::IpAddr;

use lab_types::{ExtraHost, HostNames};

use crate::decode::{Decoder, text, texts};
use crate::trail::Trail;
use crate::yaml::{Map, Node};

impl Decoder<'_> {
    pub(super) fn host_names(&mut self, map: &Map, trail: &Trail<'_>) -> HostNames {
        let said = |key| text(map, key).filter(|text| !text.is_empty());
        HostNames {
            hostname: said("hostname").map(str::to_owned),
            domainname: said("domainname").map(str::to_owned),
            extra_hosts: self.extra_hosts(map, trail),
            dns_servers: self.dns_servers(map, trail),
            dns_options: texts(map, "dns_opt").unwrap_or_default(),
            dns_search: texts(map, "dns_search").unwrap_or_default(),
        }
    }

    fn extra_hosts(&mut self, map: &Map, trail: &Trail<'_>) -> Vec<ExtraHost> {
        let trail = trail.key("extra_hosts");
        let mut hosts = Vec::new();
        for (index, node) in items(map, "extra_hosts") {
            let host = node.as_text().and_then(|text| text.split_once('='));
            let Some((name, address)) = host else {
                continue;
            };
            if let Some(address) = self.parsed_word(address, node, &trail.item(index)) {
                let name = name.to_owned();
                hosts.push(ExtraHost { name, address });
            }
        }
        hosts
    }

    fn dns_servers(&mut self, map: &Map, trail: &Trail<'_>) -> Vec<IpAddr> {
        let trail = trail.key("dns");
        let mut servers = Vec::new();
        for (index, node) in items(map, "dns") {
            let word = node.as_text().unwrap_or_default();
            servers.extend(self.parsed_word::<IpAddr>(word, node, &trail.item(index)));
        }
        servers
    }
}

fn items<'a>(map: &'a Map, key: &str) -> impl Iterator<Item = (usize, &'a Node)> {
    let items = map.get(key).and_then(Node::as_list).unwrap_or_default();
    items.iter().enumerate()
}
