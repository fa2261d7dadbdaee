//! One service in its canonical form.

use std::collections::BTreeMap;

use lab_types::{Dependency, DurationMs, ServiceName};

use super::{Fields, Style, escaped};
use crate::doc::Doc;
use crate::project::{
    Attachment, Build, HealthCheck, Port, Project, Service, ServiceMount, ServiceMountSource,
};
use crate::text::duration_text;

impl Project {
    pub(super) fn service_docs(&self, style: Style) -> Doc {
        let services = self.services.iter();
        Doc::Map(
            services
                .map(|(name, one)| (name.to_string(), service(one, style)))
                .collect(),
        )
    }
}

fn service(service: &Service, style: Style) -> Doc {
    let mut fields = Fields::default();
    let list = |list: &Option<Vec<String>>| match list {
        Some(words) => Some(Doc::List(words.iter().map(|word| escaped(word)).collect())),
        // JSON names both even when they are the image's own; YAML does not.
        None => (style == Style::Json).then_some(Doc::Null),
    };
    let profiles = Doc::texts(&service.profiles);
    fields.put_some(
        "profiles",
        (!service.profiles.is_empty()).then_some(profiles),
    );
    fields.put_some("build", service.build.as_ref().map(build));
    fields.put_some("command", list(&service.command));
    fields.put_some("depends_on", depends_on(&service.depends_on));
    fields.put_some("deploy", service.replicas.map(|count| deploy(count, style)));
    fields.put_some("entrypoint", list(&service.entrypoint));
    fields.put_some("environment", pairs(&service.environment));
    fields.put_some(
        "healthcheck",
        service.healthcheck.as_ref().map(health_check),
    );
    fields.put_some("image", service.image.as_ref().map(|image| escaped(image)));
    fields.put_labels(&service.labels);
    fields.put("networks", networks(service));
    if !service.ports.is_empty() {
        fields.put("ports", Doc::List(service.ports.iter().map(port).collect()));
    }
    let restart = service
        .restart
        .map(|restart| Doc::text(restart.to_string()));
    fields.put_some("restart", restart);
    if !service.mounts.is_empty() {
        let mounts = service.mounts.iter().map(mount);
        fields.put("volumes", Doc::List(mounts.collect()));
    }
    match (style, service.exclusive) {
        (Style::Yaml, _) => fields.extend(&service.extensions),
        // Docker Compose leaves a service's own data out of its JSON; this is not only that.
        (Style::Json, Some(exclusive)) => {
            let said = vec![("exclusive".to_owned(), Doc::Bool(exclusive))];
            fields.put("x-tercio", Doc::Map(said));
        }
        (Style::Json, None) => {}
    }
    fields.into_doc()
}

fn pairs(pairs: &BTreeMap<String, Option<String>>) -> Option<Doc> {
    let pair = |(key, value): (&String, &Option<String>)| {
        (
            key.clone(),
            value.as_ref().map_or(Doc::Null, |value| escaped(value)),
        )
    };
    (!pairs.is_empty()).then(|| Doc::Map(pairs.iter().map(pair).collect()))
}

fn build(build: &Build) -> Doc {
    let mut fields = Fields::default();
    fields.put("context", escaped(&build.context));
    fields.put("dockerfile", escaped(&build.dockerfile));
    // An argument without a value anywhere is not passed, so it is not printed.
    let args = build.args.iter().filter(|(_, value)| value.is_some());
    let args = args
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    fields.put_some("args", pairs(&args));
    fields.into_doc()
}

fn depends_on(dependencies: &BTreeMap<ServiceName, Dependency>) -> Option<Doc> {
    let one = |(name, dependency): (&ServiceName, &Dependency)| {
        let mut fields = Fields::default();
        fields.put("condition", Doc::text(dependency.condition.to_string()));
        fields.put("required", Doc::Bool(dependency.required));
        (name.to_string(), fields.into_doc())
    };
    (!dependencies.is_empty()).then(|| Doc::Map(dependencies.iter().map(one).collect()))
}

fn deploy(replicas: u32, style: Style) -> Doc {
    let mut fields = Fields::default();
    fields.put("replicas", Doc::Int(i128::from(replicas)));
    if style == Style::Json {
        fields.put("resources", Doc::Map(Vec::new()));
        fields.put("placement", Doc::Map(Vec::new()));
    }
    fields.into_doc()
}

fn health_check(check: &HealthCheck) -> Doc {
    let duration = |duration: Option<DurationMs>| duration.map(|ms| Doc::text(duration_text(ms.0)));
    let mut fields = Fields::default();
    if !check.test.is_empty() {
        fields.put(
            "test",
            Doc::List(check.test.iter().map(|word| escaped(word)).collect()),
        );
    }
    fields.put_some("timeout", duration(check.timeout));
    fields.put_some("interval", duration(check.interval));
    fields.put_some(
        "retries",
        check.retries.map(|count| Doc::Int(i128::from(count))),
    );
    fields.put_some("start_period", duration(check.start_period));
    fields.put_some("disable", check.disabled.then_some(Doc::Bool(true)));
    fields.into_doc()
}

fn networks(service: &Service) -> Doc {
    let one = |attachment: &Attachment| {
        if attachment.aliases.is_empty() {
            return Doc::Null;
        }
        Doc::Map(vec![(
            "aliases".to_owned(),
            Doc::texts(&attachment.aliases),
        )])
    };
    let networks = service.networks.iter();
    Doc::Map(
        networks
            .map(|(name, attachment)| (name.to_string(), one(attachment)))
            .collect(),
    )
}

fn port(port: &Port) -> Doc {
    let mut fields = Fields::default();
    fields.put("mode", Doc::text("ingress"));
    fields.put_some("host_ip", port.host_ip.as_ref().map(Doc::text));
    fields.put("target", Doc::Int(i128::from(port.target)));
    fields.put_some(
        "published",
        port.published.map(|port| Doc::text(port.to_string())),
    );
    fields.put("protocol", Doc::text(port.protocol.to_string()));
    fields.into_doc()
}

fn mount(mount: &ServiceMount) -> Doc {
    let (kind, source) = match &mount.source {
        ServiceMountSource::Volume(name) => ("volume", Some(Doc::text(name.as_str()))),
        ServiceMountSource::Anonymous => ("volume", None),
        ServiceMountSource::Bind { path, .. } => ("bind", Some(escaped(path))),
    };
    let mut fields = Fields::default();
    fields.put("type", Doc::text(kind));
    fields.put_some("source", source);
    fields.put("target", escaped(&mount.target));
    fields.put_some("read_only", mount.read_only.then_some(Doc::Bool(true)));
    if mount.has_options {
        let options = match mount.source {
            ServiceMountSource::Bind {
                create_host_path: true,
                ..
            } => {
                vec![("create_host_path".to_owned(), Doc::Bool(true))]
            }
            ServiceMountSource::Bind { .. }
            | ServiceMountSource::Volume(_)
            | ServiceMountSource::Anonymous => Vec::new(),
        };
        fields.put(kind, Doc::Map(options));
    }
    fields.into_doc()
}
