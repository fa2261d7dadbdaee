//! What every service has though its file does not say it.

use super::Normaliser;
use crate::path;
use crate::trail::Trail;
use crate::yaml::{Map, Node, Value};

impl Normaliser<'_> {
    pub(super) fn services(&mut self, root: &mut Map) {
        let trail = Trail::ROOT.key("services");
        let Some(services) = root.map_mut("services") else {
            return;
        };
        for entry in &mut services.0 {
            let trail = trail.key(&entry.key);
            if let Some(service) = entry.node.map_mut() {
                self.service(service, &trail);
            }
        }
    }

    fn service(&mut self, service: &mut Map, trail: &Trail<'_>) {
        if let Some(policy) = service.value_mut("pull_policy")
            && policy.as_text() == Some("if_not_present")
        {
            *policy = Node::text(policy.place, "missing");
        }
        self.build(service);
        self.variables(service, trail);
        self.labels(service, trail);
        super::depends::complete(service);
        self.mounts(service);
        each(service, "ports", |port, place| {
            port.set_default("protocol", Node::text(place, "tcp"));
            port.set_default("mode", Node::text(place, "ingress"));
        });
        each(service, "secrets", |secret, place| {
            let source = secret.text("source").unwrap_or_default();
            let target = format!("/run/secrets/{source}");
            secret.set_default("target", Node::text(place, target));
        });
        each(service, "gpus", all_devices);
        let deploy = service.map_mut("deploy");
        let resources = deploy.and_then(|map| map.map_mut("resources"));
        if let Some(reservations) = resources.and_then(|map| map.map_mut("reservations")) {
            each(reservations, "devices", all_devices);
        }
        self.watches(service);
        scale(service);
    }

    fn build(&mut self, service: &mut Map) {
        let Some(node) = service.value_mut("build") else {
            return;
        };
        let place = node.place;
        let Some(build) = node.map_mut() else { return };
        build.set_default("context", Node::text(place, "."));
        if build.get("dockerfile_inline").is_none() {
            build.set_default("dockerfile", Node::text(place, "Dockerfile"));
        }
        if let Some(args) = build.map_mut("args") {
            for arg in &mut args.0 {
                self.take_from_environment(&arg.key, &mut arg.node);
            }
            // An argument without a value anywhere is not passed.
            args.0.retain(|arg| arg.node.value != Value::Null);
        }
        self.build_paths(build);
    }

    /// A value that is not given, from the project's environment.
    pub(super) fn take_from_environment(&self, key: &str, node: &mut Node) {
        if node.value == Value::Null
            && let Some(value) = self.scope.env.get(key)
        {
            *node = Node::text(node.place, value.as_str());
        }
    }

    fn mounts(&mut self, service: &mut Map) {
        let Some(mounts) = service.value_mut("volumes").and_then(Node::list_mut) else {
            return;
        };
        for mount in mounts.iter_mut().filter_map(Node::map_mut) {
            if let Some(target) = mount.value_mut("target")
                && let Some(text) = target.as_text()
            {
                *target = Node::text(target.place, path::clean(text));
            }
            if mount.text("type") == Some("bind")
                && let Some(source) = mount.value_mut("source")
            {
                self.host_path(source);
            }
        }
    }
}

/// Does something to each item of a list that is a mapping.
fn each(map: &mut Map, key: &str, change: impl Fn(&mut Map, crate::sink::Place)) {
    let Some(items) = map.value_mut(key).and_then(Node::list_mut) else {
        return;
    };
    for item in items {
        let place = item.place;
        if let Some(map) = item.map_mut() {
            change(map, place);
        }
    }
}

/// A request that names neither a count nor devices is for all there are.
fn all_devices(request: &mut Map, place: crate::sink::Place) {
    if request.get("device_ids").is_none() {
        request.set_default("count", Node::new(place, Value::Int(-1)));
    }
}

/// `scale` and `deploy.replicas` are one thing.
fn scale(service: &mut Map) {
    let Some(scale) = service.get("scale").cloned() else {
        return;
    };
    if let Some(deploy) = service.map_mut("deploy") {
        deploy.set_default("replicas", scale);
    }
}
