//! Which attributes of a service differ, by the names users know.

use lab_types::TaskSpec;

/// The attributes in which two specs differ, as a Compose file calls them.
pub(super) fn attributes(current: &TaskSpec, desired: &TaskSpec) -> Vec<String> {
    // Taken apart so that a new field cannot be forgotten here.
    let TaskSpec {
        image,
        image_id,
        platforms,
        command,
        entrypoint,
        environment,
        labels,
        mounts,
        ports,
        networks,
        healthcheck,
        restart,
        stop_grace,
        reservation,
        exclusive: _,
        process: _,
        host_names: _,
        limits: _,
        security: _,
        isolation: _,
        devices: _,
        storage: _,
        logging: _,
        annotations: _,
        network_mode: _,
        expose: _,
    } = desired;
    let compared = [
        ("image", image == &current.image),
        (
            "build",
            (image_id, platforms) == (&current.image_id, &current.platforms),
        ),
        ("command", command == &current.command),
        ("entrypoint", entrypoint == &current.entrypoint),
        ("environment", environment == &current.environment),
        ("labels", labels == &current.labels),
        ("volumes", mounts == &current.mounts),
        ("ports", ports == &current.ports),
        ("networks", networks == &current.networks),
        ("healthcheck", healthcheck == &current.healthcheck),
        ("restart", restart == &current.restart),
        ("stop_grace_period", stop_grace == &current.stop_grace),
        ("deploy.resources", reservation == &current.reservation),
        (
            "x-tercio.exclusive",
            desired.is_exclusive() == current.is_exclusive(),
        ),
    ];
    let differing = compared.into_iter().filter(|(_, equal)| !equal);
    let differing = differing.map(|(name, _)| name);
    let settings = current.differing_settings(desired);
    differing.chain(settings).map(str::to_owned).collect()
}
