//! What a container's processes may do, and which namespaces they share.

use lab_types::{
    CgroupNamespace, Devices, IpcNamespace, Isolation, Namespace, Privileges, RootFilesystem,
    Security,
};

use crate::decode::{Decoder, boolean, labels, text, texts};
use crate::trail::Trail;
use crate::yaml::Map;

/// Seccomp profiles that the engine knows by name; any other word is a file of the client's.
const SECCOMP_WORDS: &[&str] = &["unconfined", "builtin"];

pub(super) fn devices(map: &Map) -> Devices {
    Devices {
        cgroup_rules: texts(map, "device_cgroup_rules").unwrap_or_default(),
        ..Devices::default()
    }
}

impl Decoder<'_> {
    pub(super) fn security(&mut self, map: &Map, trail: &Trail<'_>) -> Security {
        let set = |key| texts(map, key).unwrap_or_default().into_iter().collect();
        Security {
            privileges: match boolean(map, "privileged") {
                Some(true) => Privileges::All,
                Some(false) | None => Privileges::Usual,
            },
            cap_add: set("cap_add"),
            cap_drop: set("cap_drop"),
            options: self.security_options(map, trail),
            groups: set("group_add"),
            sysctls: labels(map, "sysctls"),
            root: match boolean(map, "read_only") {
                Some(true) => RootFilesystem::ReadOnly,
                Some(false) | None => RootFilesystem::Writable,
            },
        }
    }

    fn security_options(&mut self, map: &Map, trail: &Trail<'_>) -> Vec<String> {
        let options = texts(map, "security_opt").unwrap_or_default();
        for option in &options {
            let profile = option.split_once(['=', ':']);
            let profile = profile.filter(|(key, _)| *key == "seccomp");
            if let Some((_, file)) = profile.filter(|(_, word)| !SECCOMP_WORDS.contains(word)) {
                let known = "the engine's own profile, and `unconfined`";
                self.refuse_other(
                    map,
                    "security_opt",
                    &format!("seccomp={file}"),
                    known,
                    trail,
                );
            }
        }
        options
    }

    pub(super) fn isolation(&mut self, map: &Map, trail: &Trail<'_>) -> Isolation {
        let runtime = text(map, "runtime").filter(|runtime| !runtime.is_empty());
        Isolation {
            ipc: self.ipc(map, trail),
            pid: self.namespace(map, "pid", trail),
            uts: self.namespace(map, "uts", trail),
            user: self.namespace(map, "userns_mode", trail),
            cgroup: match text(map, "cgroup") {
                Some("host") => Some(CgroupNamespace::Host),
                Some("private") => Some(CgroupNamespace::Private),
                // The table lets nothing else through.
                _ => None,
            },
            runtime: runtime.map(str::to_owned),
        }
    }

    fn ipc(&mut self, map: &Map, trail: &Trail<'_>) -> Option<IpcNamespace> {
        match text(map, "ipc")? {
            "" => None,
            "none" => Some(IpcNamespace::None),
            "private" => Some(IpcNamespace::Private),
            "shareable" => Some(IpcNamespace::Shareable),
            "host" => Some(IpcNamespace::Host),
            other => {
                let known = "none, private, shareable and host";
                self.refuse_other(map, "ipc", other, known, trail);
                None
            }
        }
    }

    fn namespace(&mut self, map: &Map, key: &str, trail: &Trail<'_>) -> Namespace {
        match text(map, key) {
            None | Some("") => Namespace::Own,
            Some("host") => Namespace::Host,
            Some(other) => {
                self.refuse_other(map, key, other, "host", trail);
                Namespace::Own
            }
        }
    }
}
