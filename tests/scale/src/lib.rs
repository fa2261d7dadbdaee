//! A large lab on one machine, to see what the control plane costs and how it bears faults.
//!
//! Real are: nats-server, the `tercio-scheduler` program under its role's credentials, each agent's
//! decisions (`AgentCore`), its connection with its own credentials, and its link to the bus.
//! Simulated is what lies below observe and execute: the Docker engine, with times drawn from
//! measured starts (`data/docker-starts.tsv`, made by `ops/bench/starts.sh`).
//!
//! ```text
//! starts ── measured times        node ── one agent: its core, its link, its simulated engine
//! lab ───── nats-server, scheduler processes, an administrator     fleet ── all agents
//! figures ─ memory, processor time, messages                       probe ── size, and a restart of each part
//! failover ─ a leader that dies or hangs                           report ─ what came of it
//! ```
//!
//! Entry points: [`probe::run`], [`failover::run`].

pub mod failover;
pub mod figures;
pub mod fleet;
pub mod lab;
pub mod node;
pub mod probe;
pub mod report;
pub mod starts;
