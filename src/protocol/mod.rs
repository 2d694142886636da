//! Our own gRPC protocols, generated from `proto/`: what doors that serve them and clients that speak them share.

/// `gatepost.admin.v1`: operators list and end sessions.
pub mod admin {
    tonic::include_proto!("gatepost.admin.v1");
}
