//! A lab on this machine, driven as its users drive it: by the command, by scripts, by mishaps.
//!
//! Needs a Docker engine, a nats-server and the binaries (`cargo build --workspace --bins`);
//! `ops/test` brings all three.

mod bad_input;
mod changes;
mod commands;
mod compose_file;
mod docker;
mod example;
mod follow;
mod lab;
mod nodes;
mod plans;
mod scripts;
mod survival;
mod wait;
