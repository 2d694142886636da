//! Whom we ask: identity providers, and the places where sessions are kept.

pub mod provider;
