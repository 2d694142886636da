//! Outbound adapters: the OpenID Provider, and the session stores.

pub mod provider;
pub mod store;
