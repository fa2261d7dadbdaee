//! Everything here needs the machine's Docker engine; `.config/nextest.toml` runs it one by one.

mod bed;
mod containers;
mod images;
mod logs;
mod others;
