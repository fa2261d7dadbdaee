//! The adapter to the Docker engine: it looks and it does, and it decides nothing.

pub mod connect;
mod container;
mod create;
pub mod error;
pub mod execute;
pub mod observe;
pub mod published;
pub mod watch;

pub use connect::{BUILD_MAX, Engine, SOCKET_DEFAULT, socket};
pub use error::{Error, Kind};
pub use execute::{action_error, execute, sweep};
pub use observe::{Site, observe};
