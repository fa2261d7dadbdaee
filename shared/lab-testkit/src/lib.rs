//! For tests: a real nats-server each, a proxy that breaks connections, waiting, and a lab of real hosts.
//!
//! Everything here panics with a clear message instead of returning errors: a test that cannot set up
//! its world has failed.
//!
//! Entry points: [`NatsServer::start`], [`Proxy::start`], [`wait_until`],
//! [`hosts::HostLab`].

pub mod hosts;
mod nats;
mod proxy;
mod wait;

pub use nats::NatsServer;
pub use proxy::{Flow, Proxy};
pub use wait::wait_until;

use lab_types::{NodeId, UserName};

/// A node's id from a literal.
///
/// # Panics
/// When it is not one.
#[must_use]
pub fn node_id(text: &str) -> NodeId {
    NodeId::new(text).expect("invariant: a test's literal is a node id")
}

/// A user's name from a literal.
///
/// # Panics
/// When it is not one.
#[must_use]
pub fn user(text: &str) -> UserName {
    UserName::new(text).expect("invariant: a test's literal is a user name")
}
