//! Everything here needs the machine's Docker engine; `.config/nextest.toml` runs it one by one.

mod agent;
mod bed;
mod containers;
mod exclusive;
mod faults;
mod images;
mod leader;
mod logs;
mod others;
mod program;
mod proxy;
mod recall;
mod spec;
mod spec_inside;
mod spec_limits;
mod spec_mounts;
mod spec_networks;
mod spec_refused;
mod spec_security;
mod streams;
mod transfer;
