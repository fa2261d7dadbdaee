//! The error codes of the provisioner.

/// Code, title, what to do.
pub const ALL: &[(&str, &str, &str)] = &[
    (
        "PRV0001",
        "The provisioner cannot serve",
        "It has lost its connection for good, or nats-server refuses its identity. Check `nats.urls` \
         and that the credentials were made by this lab.",
    ),
    (
        "PRV0002",
        "The provisioner does not know the request",
        "The sender is newer than the provisioner. Run both in the same version.",
    ),
];
