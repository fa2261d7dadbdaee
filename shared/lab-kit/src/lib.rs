//! What every service needs to be a good process, and nothing of what it decides.
//!
//! It reads the configuration, says what happens, supervises tasks, stops in time, and keeps the
//! files of the state directory whole. It knows no NATS, no engine and no noun of the lab beyond
//! [`lab_types`]; it never ends the process itself: failures come back as values.
//!
//! ```text
//! config ──── defaults → file → environment → flags, all problems at once
//! telemetry ─ events for people or for machines, on stderr
//! task ────── named, supervised tasks      shutdown ─ signal → stop → drain → who was late
//! retry ───── back-off with jitter         clock ──── the time of day, and one that counts suspend
//! process ─── all of it together: a service's `main`
//! paths, lock, file, disk ── the state directory and what is written there
//! ```
//!
//! Entry points: [`config::Loader`], [`telemetry::init`], [`task::Tasks`], [`shutdown::run`],
//! [`process::run`].

pub mod clock;
pub mod codes;
pub mod config;
pub mod disk;
pub mod file;
pub mod lock;
pub mod paths;
pub mod process;
pub mod retry;
pub mod shutdown;
pub mod task;
pub mod telemetry;
