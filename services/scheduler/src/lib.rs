//! Owns desired state: leader election, passes, node liveness.
