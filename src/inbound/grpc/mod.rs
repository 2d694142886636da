//! gRPC listeners: HTTP/2 with every limit set by hand around tonic's routes, for every door that speaks gRPC.

mod call;
mod direct;
mod door;
mod limits;
mod oversized;
mod server;
mod streams;

pub use direct::{Direct, NoneDirect};
pub use limits::GrpcLimits;
pub use server::{Calls, GrpcServer};
pub use streams::leave_seat;
