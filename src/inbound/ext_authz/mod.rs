//! Envoy's way in: `CheckRequest` to request head, decision to `CheckResponse`.

mod door;
mod health;
mod limits;
mod request;
mod response;
mod server;
mod service;
mod steering;
mod streams;

pub use health::Health;
pub use limits::GrpcLimits;
pub use server::GrpcServer;
pub use service::{CheckService, Deadlines};
