//! Outbound adapters: the OpenID Provider, the session stores, authentik's outpost API, the audit stream, and checks of the setup.

pub mod audit;
pub mod authentik;
mod connecting;
pub mod finding;
pub mod front_proxy;
mod http_answer;
pub mod otlp;
mod private_file;
pub mod provider;
pub mod store;
pub mod trusted_certificates;
