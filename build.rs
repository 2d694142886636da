//! Compiles `proto/` with `protox`, so that no protoc has to be installed.

use std::path::PathBuf;
use std::{env, error, fs};

use protox::prost::Message as _;
use tonic_prost_build::manual;

const OWN: &str = "proto";
const ENVOY: &str = "proto/envoy-api";

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed=proto");

    let records = protox::compile(["gatepost/store/v1/session_record.proto"], [OWN])?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(false)
        // Records hold tokens; a derived `Debug` would print them.
        .skip_debug(["."])
        .compile_fds(records)?;

    // The server of the admin port, and the client of `gatepost sessions`. No message holds a secret.
    let administration = protox::compile(["gatepost/admin/v1/sessions.proto"], [OWN])?;
    tonic_prost_build::configure().build_transport(false).compile_fds(administration)?;

    // The server of Envoy's Checks takes and returns the bytes of messages: nearly all of them can be read without the
    // generated types, and answers are kept as bytes.
    let check = manual::Method::builder()
        .name("check")
        .route_name("Check")
        .input_type("prost::bytes::Bytes")
        .output_type("Vec<u8>")
        .codec_path("crate::inbound::grpc::BytesCodec")
        .build();
    let authorization =
        manual::Service::builder().package("envoy.service.auth.v3").name("Authorization").method(check).build();
    manual::Builder::new().build_client(false).compile(&[authorization]);

    // For gRPC reflection only: the messages themselves come from `envoy-types`.
    let ext_authz = protox::Compiler::new([ENVOY])?
        .include_imports(true)
        .include_source_info(false)
        .open_file("envoy/service/auth/v3/external_auth.proto")?
        .file_descriptor_set();
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    fs::write(out.join("envoy_ext_authz_descriptor.bin"), ext_authz.encode_to_vec())?;
    Ok(())
}
