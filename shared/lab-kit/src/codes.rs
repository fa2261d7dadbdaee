//! The error codes of this crate: `cargo xtask codes` makes their paragraphs in the documentation.

/// Code, title, what to do.
pub const ALL: &[(&str, &str, &str)] = &[
    (
        "KIT0001",
        "The configuration was refused",
        "Every problem is listed below the message with its source and key. Correct them all; nothing \
         was started. The service's `--dump-config` prints the configuration it would use.",
    ),
    (
        "KIT0002",
        "The configuration file cannot be read",
        "A file named with `--config` must exist and be readable by the user the service runs as. \
         Without `--config`, `/etc/tercio/<service>.toml` is read if it exists.",
    ),
    (
        "KIT0003",
        "The configuration file is not TOML",
        "The message names line and column of the first mistake. Text needs quotes, a section starts \
         with `[name]`, and a key stands once.",
    ),
    (
        "KIT0004",
        "A key of the configuration is unknown",
        "No service ignores a key it does not know, because a misspelt one would silently do nothing. \
         Use the suggested name, or one of the keys the message lists.",
    ),
    (
        "KIT0005",
        "A value has the wrong form",
        "The message says what was found and what was expected. Durations are written `\"10s\"` or \
         `\"1m 30s\"`, sizes `\"64MiB\"`.",
    ),
    (
        "KIT0006",
        "A key is missing",
        "This key has no default. Set it in the file, in the environment or on the command line.",
    ),
    (
        "KIT0007",
        "A value is not allowed",
        "The value has the right form but cannot work, alone or together with another. The message \
         says what must hold.",
    ),
    (
        "KIT0008",
        "An environment variable looks like a misspelt one",
        "Variables are named `TERCIO_<SERVICE>__<SECTION>__<KEY>`, with the service in capitals and \
         `_` for `-`. Correct the name or remove the variable.",
    ),
    (
        "KIT0010",
        "The log filter cannot be read",
        "Write levels as in `info` or `info,lab_bus=debug`, in the configuration or in `TERCIO_LOG`.",
    ),
    (
        "KIT0011",
        "Logging was set up twice",
        "This is a mistake in the program: a process calls `telemetry::init` once. Please report it.",
    ),
    (
        "KIT0012",
        "The process cannot start",
        "The system refused something every process needs: threads or signal handlers; the message says \
         what. Look at the limits the service runs with.",
    ),
    (
        "KIT0013",
        "The configuration cannot be shown",
        "This is a mistake in the program: its configuration holds something TOML cannot say. Please \
         report it.",
    ),
    (
        "KIT0020",
        "There is no place for the state directory",
        "Neither `TERCIO_STATE_DIR`, `XDG_STATE_HOME` nor `HOME` is set to an absolute path. Set one.",
    ),
    (
        "KIT0021",
        "The state directory is in use",
        "Another process holds it; the message names it if it can be known. Stop that process, or give \
         this one a directory of its own with `TERCIO_STATE_DIR`.",
    ),
    (
        "KIT0022",
        "A file cannot be read or written",
        "The message names the file and the step. Check that the directory exists, belongs to the user \
         the service runs as, and that the disk is neither full nor read-only.",
    ),
    (
        "KIT0023",
        "The disk is too full",
        "The message says how much is free and how much is needed. Free some space, or put the state \
         directory on another disk with `TERCIO_STATE_DIR`. Nothing was changed.",
    ),
    (
        "KIT0030",
        "A part of the process failed",
        "The task named in the message ended with an error or a panic, so the process stopped. The log \
         before this message tells more; a service manager starts the process again.",
    ),
    (
        "KIT0031",
        "The process did not stop in time",
        "The tasks named in the message were still busy at the deadline and were cut off. What was \
         acknowledged is safe. If it happens again, look at what they last logged.",
    ),
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_stands_once_and_in_order() {
        let codes: Vec<_> = super::ALL.iter().map(|(code, _, _)| code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    }
}
