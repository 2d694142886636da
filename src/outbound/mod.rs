//! Whom we ask: the OpenID Provider, and the store that keeps sessions.

pub mod provider;
pub mod store;
