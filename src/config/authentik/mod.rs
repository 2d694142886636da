//! Settings of the place that authentik's own outpost leaves.

mod environment;
mod reference;

pub use environment::{AuthentikEnvironment, DEFAULT_TRUSTED_PROXIES, environment};
