//! What this machine says of itself, without asking its engine.

use std::path::Path;

use lab_wire::row::MachineRow;

/// The driver of a machine that was there before the lab and that the lab does not power.
pub const DRIVER_NONE: &str = "none";

/// The machine's host name.
#[must_use]
pub fn hostname() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// This machine's row. It runs, since it answers; whether its engine does is the agent's to say.
#[must_use]
pub fn this(engine_socket: &Path) -> MachineRow {
    let url = format!("unix://{}", engine_socket.display());
    let missing = !engine_socket.exists();
    MachineRow {
        name: hostname(),
        driver: DRIVER_NONE.to_owned(),
        state: "Running".to_owned(),
        url,
        engine_version: None,
        error: missing.then(|| format!("there is no {}", engine_socket.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{hostname, this};

    #[test]
    fn the_name_is_the_kernels_host_name() {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(hostname(), kernel.trim_end());
    }

    #[test]
    fn a_missing_engine_socket_is_said_and_a_present_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let missing = this(&socket);
        assert!(missing.error.unwrap().contains("docker.sock"));
        let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let present = this(&socket);
        assert_eq!(present.error, None);
        assert_eq!(present.url, format!("unix://{}", socket.display()));
        assert_eq!(this(Path::new("/x")).driver, "none");
    }
}
