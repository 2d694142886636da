//! Outbound adapters: the OpenID Provider, the session stores, and authentik's outpost API.

pub mod authentik;
mod http_answer;
pub mod otlp;
mod private_file;
pub mod provider;
pub mod store;
pub mod trusted_certificates;
