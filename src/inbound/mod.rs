//! The protocols by which Gatepost is asked. Each translates a request into a request head, asks the outpost, and renders the
//! decision.

pub mod admin;
pub mod connections;
pub mod ext_authz;
pub mod forward_auth;
pub mod grpc;
pub mod http_response;
pub mod ops;
pub mod router;
pub mod side_listener;
