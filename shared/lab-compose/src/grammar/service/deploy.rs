//! How a service is spread over the nodes, and what it needs there.

use super::devices::RESERVED;
use crate::grammar::support::{NOT_YET, SCHEDULER};
use crate::grammar::{
    Field, Items, Names, Numbers, Object, Own, Pairs, Print, Range, Shape, Support,
};

pub(super) const ATTRIBUTE: Field = Field::new("deploy", Shape::Object(&DEPLOY))
    .print(Print::Given)
    .applied();

static DEPLOY: Object = Object {
    what: "a deployment",
    keys: &[
        Field::new("mode", Shape::Text).partly("`replicated`; `global` and jobs are refused"),
        Field::new("replicas", Shape::Integer(Range::SIGNED))
            .print(Print::Given)
            .applied(),
        Field::new("labels", Shape::Pairs(Pairs::LABELS)).refused(
            NOT_YET,
            "write `labels` of the service; its containers get them",
        ),
        Field::new("update_config", Shape::Object(&UPDATE))
            .print(Print::Given)
            .refused(
                SCHEDULER,
                "leave it out; tasks are replaced one after another",
            ),
        Field::new("rollback_config", Shape::Object(&UPDATE))
            .print(Print::Given)
            .refused(SCHEDULER, "leave it out, and apply the earlier file again"),
        Field::new("resources", Shape::Object(&RESOURCES))
            .print(Print::AlwaysInJson)
            .applied(),
        Field::new("restart_policy", Shape::Object(&RESTART))
            .print(Print::Given)
            .refused(NOT_YET, "write `restart` of the service"),
        Field::new("placement", Shape::Object(&PLACEMENT))
            .print(Print::AlwaysInJson)
            .applied(),
        Field::new("endpoint_mode", Shape::Text).refused(
            NOT_YET,
            "leave it out; the service's name leads to all of its tasks",
        ),
    ],
    required: &[],
    own: Own::Kept,
};

static UPDATE: Object = Object {
    what: "how a service is updated",
    keys: &[
        Field::new("parallelism", Shape::Integer(Range::COUNT)).print(Print::Given),
        Field::new("delay", Shape::Duration),
        Field::new("failure_action", Shape::Text),
        Field::new("monitor", Shape::Duration),
        Field::new("max_failure_ratio", Shape::Float),
        Field::new("order", Shape::Choice(&["start-first", "stop-first"])),
    ],
    required: &[],
    own: Own::Kept,
};

static RESTART: Object = Object {
    what: "a restart policy",
    keys: &[
        Field::new("condition", Shape::Text),
        Field::new("delay", Shape::Duration).print(Print::Given),
        Field::new("max_attempts", Shape::Integer(Range::COUNT)).print(Print::Given),
        Field::new("window", Shape::Duration).print(Print::Given),
    ],
    required: &[],
    own: Own::Kept,
};

static RESOURCES: Object = Object {
    what: "the resources of a service",
    keys: &[
        Field::new("limits", Shape::Object(&LIMITS))
            .print(Print::Given)
            .applied(),
        Field::new("reservations", Shape::Object(&RESERVATIONS))
            .print(Print::Given)
            .applied(),
    ],
    required: &[],
    own: Own::Kept,
};

static LIMITS: Object = Object {
    what: "the limits of a service",
    keys: &[
        Field::new("cpus", Shape::Float).applied(),
        Field::new("memory", Shape::Size(Numbers::None)).applied(),
        Field::new("pids", Shape::Integer(Range::SIGNED)).applied(),
    ],
    required: &[],
    own: Own::Kept,
};

const ROOM: Support = Support::Constraint("a task goes only where so much is free");

static RESERVATIONS: Object = Object {
    what: "what a service reserves",
    keys: &[
        Field::new("cpus", Shape::Float).support(ROOM),
        Field::new("memory", Shape::Size(Numbers::None)).support(ROOM),
        Field::new("devices", Shape::Items(&RESERVED))
            .refused(SCHEDULER, "run what needs the device beside the lab"),
        Field::new("generic_resources", Shape::Items(&GENERIC)).refused(SCHEDULER, "leave it out"),
    ],
    required: &[],
    own: Own::Kept,
};

static GENERIC: Items = Items::of(&Object {
    what: "a generic resource",
    keys: &[Field::new("discrete_resource_spec", Shape::Object(&DISCRETE)).print(Print::Given)],
    required: &[],
    own: Own::Kept,
});

static DISCRETE: Object = Object {
    what: "a discrete resource",
    keys: &[
        Field::new("kind", Shape::Text).print(Print::Always),
        Field::new("value", Shape::Integer(Range::SIGNED.cut())).print(Print::Always),
    ],
    required: &[],
    own: Own::Kept,
};

static PLACEMENT: Object = Object {
    what: "where a service may be placed",
    keys: &[
        Field::new("constraints", Shape::Names(Names::PLAIN)).refused(
            SCHEDULER,
            "take nodes out of use: `tercio node update NODE --availability pause`",
        ),
        Field::new("preferences", Shape::Items(&PREFERENCES)).refused(
            SCHEDULER,
            "leave them out; tasks are spread evenly over the nodes",
        ),
        Field::new("max_replicas_per_node", Shape::Integer(Range::COUNT)).refused(
            SCHEDULER,
            "leave it out; tasks are spread evenly over the nodes",
        ),
    ],
    required: &[],
    own: Own::Kept,
};

static PREFERENCES: Items = Items::of(&Object {
    what: "a preference",
    keys: &[Field::new("spread", Shape::Text)],
    required: &[],
    own: Own::Kept,
});
