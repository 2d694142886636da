//! Envoy's way in: `CheckRequest` to request head, decision to `CheckResponse`.

mod allowed;
mod body;
mod cookie_line;
mod fields;
mod health;
mod oversized;
mod question;
mod request;
mod response;
mod service;
mod steering;

pub use health::Health;
pub use service::{AuthorizationServer, CheckService, Deadlines};
