//! The only user of async-nats: request, serve, commit, lease, events, streams, identity, server.
