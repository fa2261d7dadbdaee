//! A lab of several real hosts on this machine.
//!
//! ```text
//! this machine ── bridge ttX, 10.143.X.254
//!   ├─ host1 10.143.X.1  systemd, dockerd, agent; NATS, scheduler, planner, provisioner
//!   ├─ host2 10.143.X.2  systemd, dockerd, agent
//!   └─ …                 each a systemd-nspawn on an overlay of one Debian root, on a disk of its own
//! ```
//!
//! X is free when the lab is made and belongs to it until it is removed: every name, address and
//! file of the lab follows from it, so several labs can run side by side, and what a killed owner
//! left is found and removed by the next start ([`sweep`]). Nothing else of the machine is touched.
//!
//! Needs root, and what `ops/testbed make` makes.

mod clock;
mod disk;
mod engine;
mod host;
mod image;
mod lab;
mod layout;
mod network;
mod process;
mod removal;
mod seat;
mod shell;
mod unit;

pub use engine::Engine;
pub use host::Host;
pub use image::Image;
pub use lab::{HostLab, binaries};
pub use layout::Layout;
pub use network::Wire;
pub use removal::sweep;
pub use shell::until;
pub use unit::Unit;
