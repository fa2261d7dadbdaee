//! The few words a service's program takes.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Program;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Run { file: Option<PathBuf> },
    DumpConfig { file: Option<PathBuf> },
    Help,
    Version,
}

/// Reads the command line; a sentence says what is wrong with it.
pub(super) fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Ask, String> {
    let mut file = None;
    let mut dumps = false;
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        match text.as_ref() {
            "--config" => file = Some(words.next().ok_or("--config needs a file")?.into()),
            "--dump-config" => dumps = true,
            "--help" | "-h" => return Ok(Ask::Help),
            "--version" | "-V" => return Ok(Ask::Version),
            other => match other.strip_prefix("--config=") {
                Some(path) => file = Some(PathBuf::from(path)),
                None => return Err(format!("{other:?} is not known here")),
            },
        }
    }
    Ok(match dumps {
        true => Ask::DumpConfig { file },
        false => Ask::Run { file },
    })
}

/// The text of `--help`.
pub(super) fn help(program: &Program<'_>) -> String {
    let Program { service, about, .. } = program;
    let variable = service.to_ascii_uppercase().replace('-', "_");
    format!(
        "\
tercio-{service}: {about}

Usage: tercio-{service} [--config FILE] [--dump-config]

  --config FILE   read this file in place of /etc/tercio/{service}.toml
  --dump-config   print the configuration it would use, without secrets, and end
  --help          print this
  --version       print the version

Every key of the configuration can also be set in the environment, as in
TERCIO_{variable}__LOG__FORMAT=json. TERCIO_LOG sets the log's filter, as in info,lab_bus=debug.
"
    )
}
