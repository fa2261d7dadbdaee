//! What `lab-bus` promises, tried on a real nats-server with each role's real permissions.

mod commit;
mod events;
mod lease;
mod permissions;
mod serve;
mod server;
mod streams;
