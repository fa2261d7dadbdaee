//! The error codes of the planner; what it finds in files has codes of `lab-compose`.

/// Code, title, what to do.
pub const ALL: &[(&str, &str, &str)] = &[
    (
        "PLN0001",
        "The planner cannot serve",
        "It has no usable credentials, or nats-server refuses them. `tercio lab init` makes one \
         `.creds` file for each role; name it with `nats.credentials` and check `nats.urls`.",
    ),
    (
        "PLN0002",
        "The planner does not know the request",
        "The sender is newer than the planner. Run both in the same version.",
    ),
    (
        "PLN0003",
        "The planner could not learn what the lab has",
        "A plan compares the files with the lab's desired state, which the scheduler's leader tells. \
         `tercio lab status` says whether one leads; without one, start a scheduler.",
    ),
    (
        "PLN0004",
        "The planner failed on these files",
        "Reading files never fails in this way: it is a fault of Tercio. Keep the files and report \
         them with the planner's log.",
    ),
    (
        "PLN0005",
        "The request names no project",
        "A plan that brings a project back to a revision is asked for under that project's name: \
         `tercio.v1.req.USER.PROJECT.plan.restore`.",
    ),
];
