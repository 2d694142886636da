//! Our own gRPC protocols, generated from `proto/`: what doors that serve them and clients that speak them share.

/// `gatepost.admin.v1`: operators list and end sessions.
#[expect(
    clippy::allow_attributes,
    clippy::default_trait_access,
    clippy::doc_markdown,
    clippy::missing_errors_doc,
    clippy::too_many_lines,
    reason = "generated"
)]
pub mod admin {
    tonic::include_proto!("gatepost.admin.v1");
}
