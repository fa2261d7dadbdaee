//! What is mounted, in the engine's two notations.

use bollard::models::{
    HostConfig, Mount as EngineMount, MountBindOptions, MountBindOptionsPropagationEnum,
    MountTmpfsOptions, MountType, MountVolumeOptions,
};
use lab_types::{
    BindOptions, Mount, MountSource, MountsBelow, Propagation, SelinuxSharing, VolumeFilling,
    VolumeOptions,
};

use super::{Error, Kind, said_map, signed};

enum Mounted {
    /// The old notation: the only one by which engines before 23.0 make a missing folder, and the only
    /// one that knows SELinux.
    Bind(String),
    Mount(Box<EngineMount>),
}

/// Adds the mounts.
pub(super) fn add(config: HostConfig, all: &[Mount]) -> Result<HostConfig, Error> {
    let (mut binds, mut mounts) = (Vec::new(), Vec::new());
    for mount in all {
        match mounted(mount)? {
            Mounted::Bind(bind) => binds.push(bind),
            Mounted::Mount(mount) => mounts.push(*mount),
        }
    }
    Ok(HostConfig {
        binds: Some(binds),
        mounts: Some(mounts),
        ..config
    })
}

fn mounted(mount: &Mount) -> Result<Mounted, Error> {
    let plain = EngineMount {
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        ..EngineMount::default()
    };
    let engine = match &mount.source {
        MountSource::Volume {
            volume: _,
            engine_name,
            options,
        } => EngineMount {
            typ: Some(MountType::VOLUME),
            source: Some(engine_name.to_string()),
            volume_options: volume_options(options),
            ..plain
        },
        MountSource::Anonymous { filling, labels } => {
            let options = MountVolumeOptions {
                no_copy: no_copy(*filling),
                labels: said_map(labels),
                ..MountVolumeOptions::default()
            };
            EngineMount {
                typ: Some(MountType::VOLUME),
                volume_options: (options != MountVolumeOptions::default()).then_some(options),
                ..plain
            }
        }
        MountSource::Bind {
            path,
            create_host_path,
            options,
        } => match notation(mount, *create_host_path, options)? {
            Notation::Bind => return bind(path, mount, options).map(Mounted::Bind),
            Notation::Mount => EngineMount {
                typ: Some(MountType::BIND),
                source: Some(path.clone()),
                bind_options: bind_options(*create_host_path, options),
                ..plain
            },
        },
        MountSource::Tmpfs { size_bytes, mode } => {
            let options = MountTmpfsOptions {
                size_bytes: size_bytes.map(signed),
                mode: mode.map(i64::from),
                options: None,
            };
            EngineMount {
                typ: Some(MountType::TMPFS),
                tmpfs_options: (options != MountTmpfsOptions::default()).then_some(options),
                ..plain
            }
        }
    };
    Ok(Mounted::Mount(Box::new(engine)))
}

fn volume_options(options: &VolumeOptions) -> Option<MountVolumeOptions> {
    let VolumeOptions { filling, subpath } = options;
    (*options != VolumeOptions::default()).then(|| MountVolumeOptions {
        no_copy: no_copy(*filling),
        subpath: subpath.clone(),
        ..MountVolumeOptions::default()
    })
}

fn no_copy(filling: VolumeFilling) -> Option<bool> {
    (filling == VolumeFilling::Empty).then_some(true)
}

enum Notation {
    Bind,
    Mount,
}

/// Which notation can say it.
fn notation(mount: &Mount, makes_path: bool, options: &BindOptions) -> Result<Notation, Error> {
    let says_below = options.below != MountsBelow::Shown;
    let conflict = match (options.selinux, says_below, makes_path) {
        (None, true, _) | (None, false, false) => return Ok(Notation::Mount),
        (None, false, true) | (Some(_), false, true) => return Ok(Notation::Bind),
        (Some(_), true, _) => "SELinux and what becomes of mounts below it",
        (Some(_), false, false) => "SELinux and that a missing path is not made",
    };
    let message = format!(
        "cannot mount {}: the engine cannot be told both of {conflict}",
        mount.target
    );
    Err(Error::new(Kind::BadSpec, message))
}

fn bind_options(makes_path: bool, options: &BindOptions) -> Option<MountBindOptions> {
    let BindOptions {
        propagation,
        below,
        selinux: _,
    } = options;
    let options = MountBindOptions {
        propagation: propagation.map(engine_propagation),
        non_recursive: (*below == MountsBelow::Hidden).then_some(true),
        create_mountpoint: makes_path.then_some(true),
        read_only_non_recursive: (*below == MountsBelow::ShownWritable).then_some(true),
        read_only_force_recursive: (*below == MountsBelow::ShownReadOnly).then_some(true),
    };
    (options != MountBindOptions::default()).then_some(options)
}

const fn engine_propagation(propagation: Propagation) -> MountBindOptionsPropagationEnum {
    match propagation {
        Propagation::Private => MountBindOptionsPropagationEnum::PRIVATE,
        Propagation::Rprivate => MountBindOptionsPropagationEnum::RPRIVATE,
        Propagation::Shared => MountBindOptionsPropagationEnum::SHARED,
        Propagation::Rshared => MountBindOptionsPropagationEnum::RSHARED,
        Propagation::Slave => MountBindOptionsPropagationEnum::SLAVE,
        Propagation::Rslave => MountBindOptionsPropagationEnum::RSLAVE,
    }
}

fn bind(path: &str, mount: &Mount, options: &BindOptions) -> Result<String, Error> {
    if [path, &mount.target].iter().any(|part| part.contains(':')) {
        let message = format!(
            "cannot mount {path} at {}: with a colon in it, a path must exist already \
             (`create_host_path: false`)",
            mount.target
        );
        return Err(Error::new(Kind::BadSpec, message));
    }
    let mut mode = if mount.read_only { "ro" } else { "rw" }.to_owned();
    if let Some(propagation) = options.propagation {
        mode = format!("{mode},{propagation}");
    }
    match options.selinux {
        Some(SelinuxSharing::Shared) => mode.push_str(",z"),
        Some(SelinuxSharing::Private) => mode.push_str(",Z"),
        None => {}
    }
    Ok(format!("{path}:{}:{mode}", mount.target))
}
