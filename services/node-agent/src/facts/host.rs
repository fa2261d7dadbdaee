//! Facts of the node that change only with a reboot.

use std::path::Path;

use lab_types::{EngineFacts, NodeFacts, Resources};

/// How many billionths make one CPU.
const NANO: u64 = 1_000_000_000;

/// The node's host name.
#[must_use]
pub fn hostname() -> String {
    text(rustix::system::uname().nodename())
}

/// What the node is; what cannot be read is left at zero or empty. These are small files of the
/// kernel's, read without waiting.
#[must_use]
pub fn facts(engine: Option<EngineFacts>) -> NodeFacts {
    let uname = rustix::system::uname();
    NodeFacts {
        architecture: goarch(&text(uname.machine())),
        os: "linux".to_owned(),
        kernel: text(uname.release()),
        capacity: Resources {
            nano_cpus: cpus(&read("/sys/devices/system/cpu/online")).saturating_mul(NANO),
            memory_bytes: memory_bytes(&read("/proc/meminfo")),
        },
        engine,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn text(value: &std::ffi::CStr) -> String {
    value.to_string_lossy().into_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(path)).unwrap_or_default()
}

/// The kernel's name of an architecture as images name it. Source: Go's `GOARCH`.
fn goarch(machine: &str) -> String {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "armv6l" | "armv7l" | "armv8l" => "arm",
        "i386" | "i486" | "i586" | "i686" => "386",
        "loongarch64" => "loong64",
        other => other,
    }
    .to_owned()
}

/// Counts a list such as `0-3,6`.
fn cpus(online: &str) -> u64 {
    let count = |part: &str| -> Option<u64> {
        match part.split_once('-') {
            Some((first, last)) => {
                let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
                last.checked_sub(first)?.checked_add(1)
            }
            None => part.parse::<u64>().ok().map(|_| 1),
        }
    };
    online.trim().split(',').filter_map(count).sum()
}

fn memory_bytes(meminfo: &str) -> u64 {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes =
        total.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::{cpus, facts, goarch, memory_bytes};

    #[test]
    fn the_kernels_lists_are_counted() {
        assert_eq!([cpus("0-3,6\n"), cpus("0"), cpus("")], [5, 1, 0]);
        assert_eq!(
            memory_bytes("MemTotal:       16384 kB\nMemFree: 1 kB\n"),
            16 << 20
        );
        assert_eq!([goarch("x86_64"), goarch("riscv64")], ["amd64", "riscv64"]);
    }

    #[test]
    fn this_machine_has_cpus_and_memory() {
        let facts = facts(None);
        let parallel = std::thread::available_parallelism().unwrap().get() as u64;
        assert!(
            facts.capacity.nano_cpus >= parallel * 1_000_000_000,
            "{facts:?}"
        );
        assert!(facts.capacity.memory_bytes > 64 << 20, "{facts:?}");
        assert!(!facts.kernel.is_empty() && facts.engine.is_none());
    }
}
