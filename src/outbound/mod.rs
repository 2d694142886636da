//! Whom we ask: the identity provider, and the store that keeps sessions.

pub mod store;
