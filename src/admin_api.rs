//! `gatepost.admin.v1`, generated from `proto/`: the gRPC service by which operators list and end sessions, its messages and its
//! client.

#![expect(
    clippy::allow_attributes,
    clippy::default_trait_access,
    clippy::doc_markdown,
    clippy::missing_errors_doc,
    clippy::too_many_lines,
    reason = "generated"
)]

tonic::include_proto!("gatepost.admin.v1");
