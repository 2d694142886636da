//! Envoy's way in: `CheckRequest` to request head, decision to `CheckResponse`.

mod allowed;
mod body;
mod cookie_line;
mod health;
mod question;
mod request;
mod response;
mod service;
mod steering;
mod wire;

pub use health::Health;
pub use service::{CHECKS, CheckService, Deadlines};
