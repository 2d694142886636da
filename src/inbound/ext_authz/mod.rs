//! Envoy's `ext_authz` over gRPC: converts a `CheckRequest` to a request head, and a decision to a `CheckResponse`.

mod allowed;
mod backend_metadata;
mod body;
mod cookie_line;
mod fast_decode;
mod field_numbers;
mod fields;
mod health;
mod oversized;
mod request;
mod response;
mod service;

pub use health::Health;
pub use service::{AuthorizationServer, CheckService, Deadlines};
