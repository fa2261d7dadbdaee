//! A clock of its own for one process.
//!
//! The kernel has no namespace for the wall clock: all hosts share this machine's. So a library is
//! loaded into the process (libfaketime) that adds what a file says to every look at the wall clock.
//! The monotonic clocks stay true, as they do when a real machine's wall clock is set.

use std::path::Path;

use super::unit::Unit;

/// The library; the loader knows what `$LIB` is on this machine.
const LIBRARY: &str = "/usr/$LIB/faketime/libfaketime.so.1";

/// Where a process's offset stands in its host.
pub(super) fn offset_file(unit: Unit) -> String {
    format!("/etc/tercio/{}.clock", unit.name())
}

/// What is added to a unit so that it obeys the file.
pub(super) fn settings(unit: Unit) -> (String, String) {
    let path = format!("/etc/systemd/system/{}.service.d/clock.conf", unit.name());
    let file = offset_file(unit);
    let text = format!(
        "[Service]\nEnvironment=LD_PRELOAD={LIBRARY} FAKETIME_TIMESTAMP_FILE={file} \
         FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1\n"
    );
    (path, text)
}

/// Replaces the offset, whole: a process may read it at any moment.
///
/// # Panics
/// When the host's disk does not take it.
pub(super) fn write_offset(root: &Path, unit: Unit, seconds: i64) {
    let path = root.join(offset_file(unit).trim_start_matches('/'));
    let unfinished = path.with_extension("new");
    let written = std::fs::write(&unfinished, format!("{seconds:+}\n"))
        .and_then(|()| std::fs::rename(&unfinished, &path));
    written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}
