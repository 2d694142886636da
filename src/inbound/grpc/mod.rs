//! gRPC listeners: HTTP/2 with every limit set explicitly, tower's layers, and tonic's services within.

mod admission;
mod codec;
mod deadline_body;
mod inline_executor;
mod layers;
mod limits;
mod server;
mod small_frames;

pub use admission::CallBody;
pub use codec::BytesCodec;
pub use inline_executor::release_permit;
pub use layers::{Calls, ListenerService};
pub use limits::GrpcLimits;
pub use server::{GrpcServer, server};
