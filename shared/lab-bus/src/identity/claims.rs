//! Claims and their signatures. Source: NATS JWT version 2.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use lab_wire::roles::{Permissions, agent};
use lab_wire::{Role, encode_json};
use nkeys::KeyPair;
use serde_json::{Value, json};

/// How long an agent or a service may take to answer a request that it received. A build's stream is
/// opened at once, so the longest is a leader that first has to finish a large pass.
const RESPONSE_TTL: Duration = Duration::from_secs(300);

/// No limit, in the words of NATS.
const UNLIMITED: i64 = -1;

/// Where a user's claims say which kind of inbox it has.
pub(super) const INBOX_TAG: &str = "tercio-inbox:";

fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

/// Signs claims about `subject`.
fn sign(issuer: &KeyPair, subject: &str, name: &str, expires: Option<u64>, nats: &Value) -> String {
    let mut claims = json!({
        "iat": unix_now(),
        "iss": issuer.public_key(),
        "name": name,
        "sub": subject,
        "nats": nats,
    });
    if let Some(expires) = expires {
        claims["exp"] = expires.into();
    }
    claims["jti"] = lab_types::ids::sha256_hex(&encode_json(&claims)).into();
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let signed = format!(
        "{}.{}",
        BASE64URL_NOPAD.encode(&encode_json(&header)),
        BASE64URL_NOPAD.encode(&encode_json(&claims)),
    );
    let signature = issuer.sign(signed.as_bytes());
    let signature = signature.expect("invariant: the lab's own keys have their seeds");
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}

/// The operator's claims about itself.
pub(super) fn operator(operator: &KeyPair, system_account: &KeyPair) -> String {
    let nats = json!({
        "type": "operator",
        "version": 2,
        "system_account": system_account.public_key(),
    });
    sign(operator, &operator.public_key(), "tercio", None, &nats)
}

/// The claims of the server's own account.
pub(super) fn system_account(operator: &KeyPair, account: &KeyPair) -> String {
    let nats = json!({
        "type": "account",
        "version": 2,
        "limits": account_limits(0),
    });
    sign(operator, &account.public_key(), "SYS", None, &nats)
}

/// The claims of the lab's account: streams allowed, and which keys sign whom.
pub(super) fn lab_account(
    operator: &KeyPair,
    account: &KeyPair,
    services: &KeyPair,
    nodes: &KeyPair,
    revoked: &BTreeSet<String>,
) -> String {
    // Void is what was issued before now: all there is of a key that is named here.
    let now = unix_now();
    let revocations: BTreeMap<&String, u64> = revoked.iter().map(|key| (key, now)).collect();
    let mut template = agent("{{name()}}");
    template
        .subscribe
        .push("_INBOX.node.{{name()}}.>".to_owned());
    let nats = json!({
        "type": "account",
        "version": 2,
        "limits": account_limits(UNLIMITED),
        "revocations": revocations,
        "signing_keys": [
            services.public_key(),
            {
                "kind": "user_scope",
                "key": nodes.public_key(),
                "role": "node",
                "template": permissions(&template),
            },
        ],
    });
    sign(operator, &account.public_key(), "LAB", None, &nats)
}

/// Limits of an account; what its streams may take is bounded by the server's configuration.
fn account_limits(jetstream: i64) -> Value {
    json!({
        "subs": UNLIMITED, "data": UNLIMITED, "payload": UNLIMITED,
        "imports": UNLIMITED, "exports": UNLIMITED, "wildcards": true,
        "conn": UNLIMITED, "leaf": UNLIMITED,
        "mem_storage": jetstream, "disk_storage": jetstream,
        "streams": jetstream, "consumer": jetstream,
    })
}

/// What the table grants `role` now, as a user's claims say it; nothing for a node, whose row stands
/// in the account's claims.
pub(super) fn grants(role: &Role) -> Value {
    match role {
        // Claims signed by a scoped key must bring no permissions: the template is the row.
        Role::Node(_) => json!({}),
        Role::Scheduler | Role::Planner | Role::Provisioner | Role::Admin(_) | Role::Viewer(_) => {
            permissions(&role.permissions())
        }
    }
}

fn permissions(permissions: &Permissions) -> Value {
    let mut claims = json!({
        "pub": allowed(&permissions.publish),
        "sub": allowed(&permissions.subscribe),
        "subs": UNLIMITED, "data": UNLIMITED, "payload": UNLIMITED,
    });
    if permissions.respond {
        let nanos = u64::try_from(RESPONSE_TTL.as_nanos()).unwrap_or(u64::MAX);
        claims["resp"] = json!({ "max": 1, "ttl": nanos });
    }
    claims
}

/// NATS reads a missing list as "everything", so an empty one must be said as "nothing".
fn allowed(subjects: &[String]) -> Value {
    if subjects.is_empty() {
        json!({ "deny": [">"] })
    } else {
        json!({ "allow": subjects })
    }
}

/// Who signs a user of the lab's account.
pub(super) struct Issuer<'a> {
    pub(super) account: &'a KeyPair,
    pub(super) services: &'a KeyPair,
    pub(super) nodes: &'a KeyPair,
}

/// A user's claims.
pub(super) fn user(
    issuer: &Issuer<'_>,
    user: &KeyPair,
    role: &Role,
    valid_for: Option<Duration>,
) -> String {
    let key = match role {
        Role::Node(_) => issuer.nodes,
        Role::Scheduler | Role::Planner | Role::Provisioner | Role::Admin(_) | Role::Viewer(_) => {
            issuer.services
        }
    };
    let mut nats = grants(role);
    nats["type"] = "user".into();
    nats["version"] = 2.into();
    nats["issuer_account"] = issuer.account.public_key().into();
    nats["tags"] = json!([format!("{INBOX_TAG}{}", role.inbox_prefix())]);
    let expires = valid_for.map(|duration| unix_now() + duration.as_secs());
    sign(key, &user.public_key(), &role.name(), expires, &nats)
}
