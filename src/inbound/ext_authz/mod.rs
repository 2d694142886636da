//! Envoy's way in: `CheckRequest` to request head, decision to `CheckResponse`.

mod health;
mod request;
mod response;
mod service;
mod steering;

pub use health::Health;
pub use service::{CHECKS, CheckService, Deadlines};
