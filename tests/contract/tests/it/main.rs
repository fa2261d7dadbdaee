//! What `lab-bus` promises, tried on a real nats-server with each role's real permissions.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod agent;
mod commit;
mod connection;
mod errands;
mod events;
mod forged;
mod full;
mod handover;
mod leader;
mod lease;
mod pages;
mod permissions;
mod serve;
mod server;
mod streams;
mod transfers;
mod versions;
