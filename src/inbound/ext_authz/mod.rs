//! Envoy's way in: `CheckRequest` to request head, decision to `CheckResponse`.

mod allowed;
mod call;
mod door;
mod health;
mod limits;
mod question;
mod request;
mod response;
mod server;
mod service;
mod steering;
mod streams;
mod wire;

pub use health::Health;
pub use limits::GrpcLimits;
pub use server::GrpcServer;
pub use service::{CheckService, Deadlines};
