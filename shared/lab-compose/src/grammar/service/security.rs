//! What a container may do, and which namespaces it shares.

use crate::grammar::support::WINDOWS;
use crate::grammar::{Field, Names, Object, Own, Pairs, Print, Shape};

pub(super) const CAP_ADD: Field = Field::new("cap_add", Shape::Names(Names::ONCE)).applied();
pub(super) const CAP_DROP: Field = Field::new("cap_drop", Shape::Names(Names::ONCE)).applied();
pub(super) const CGROUP_PARENT: Field = Field::new("cgroup_parent", Shape::Text).applied();
pub(super) const CGROUP: Field =
    Field::new("cgroup", Shape::Choice(&["host", "private"])).applied();
pub(super) const GROUP_ADD: Field =
    Field::new("group_add", Shape::Names(Names::UNIQUE.numbers())).applied();
pub(super) const IPC: Field =
    Field::new("ipc", Shape::Text).partly("`service:` and `container:` are refused");
pub(super) const ISOLATION: Field =
    Field::new("isolation", Shape::Text).refused(WINDOWS, "leave it out");
pub(super) const PID: Field =
    Field::new("pid", Shape::Text).partly("`host`; `service:` and `container:` are refused");
pub(super) const PRIVILEGED: Field = Field::new("privileged", Shape::Boolean).applied();
pub(super) const RUNTIME: Field = Field::new("runtime", Shape::Text).applied();
pub(super) const SECURITY_OPT: Field = Field::new("security_opt", Shape::Names(Names::UNIQUE))
    .partly("a seccomp profile in a file is refused");
pub(super) const SYSCTLS: Field = Field::new("sysctls", Shape::Pairs(Pairs::LABELS)).applied();
pub(super) const USE_API_SOCKET: Field = Field::new("use_api_socket", Shape::StrictBoolean)
    .refused(
        "it gives the container all rights on the engine of whatever node it runs on",
        "run what needs the engine beside the lab",
    );
pub(super) const USERNS_MODE: Field = Field::new("userns_mode", Shape::Text).partly("`host`");
pub(super) const UTS: Field = Field::new("uts", Shape::Text).partly("`host`");

pub(super) const CREDENTIAL_SPEC: Field =
    Field::new("credential_spec", Shape::Object(&CREDENTIALS))
        .print(Print::Given)
        .refused(WINDOWS, "leave it out");

static CREDENTIALS: Object = Object {
    what: "a credential specification",
    keys: &[
        Field::new("config", Shape::Text),
        Field::new("file", Shape::Text),
        Field::new("registry", Shape::Text),
    ],
    required: &[],
    own: Own::Kept,
};
