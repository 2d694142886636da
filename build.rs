//! Compiles the protocols with `protox`, so that no protoc has to be installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, error, fs, io};

use protox::prost::Message as _;
use tonic_prost_build::manual;

const OWN: &str = "proto";
const EXT_AUTHZ: &str = "envoy/service/auth/v3/external_auth.proto";
/// The folders of `envoy-types` in which the imports of [`EXT_AUTHZ`] are found.
const INCLUDES: [&str; 4] = ["data-plane-api", "googleapis", "protoc-gen-validate", "xds"];

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    // It names the version of `envoy-types`.
    println!("cargo:rerun-if-changed=Cargo.lock");

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

    // For gRPC reflection only: the messages themselves come from `envoy-types`, and so do these files.
    let envoy_types = folder_of("envoy-types")?.join("proto");
    let ext_authz = protox::Compiler::new(INCLUDES.map(|folder| envoy_types.join(folder)))?
        .include_imports(true)
        .include_source_info(false)
        .open_file(EXT_AUTHZ)?
        .file_descriptor_set();
    let out = PathBuf::from(variable("OUT_DIR")?);
    fs::write(out.join("envoy_ext_authz_descriptor.bin"), ext_authz.encode_to_vec())?;
    Ok(())
}

/// Where the sources of a dependency lie: in Cargo's registry, in a vendored folder, wherever. Only Cargo knows.
fn folder_of(package: &str) -> Result<PathBuf, Box<dyn error::Error>> {
    // What has been built has been downloaded. Cargo goes online only for what else the lock file names, such as
    // dependencies of tests.
    let metadata = metadata(&["--offline"]).or_else(|_| metadata(&[]))?;
    let packages = metadata.get("packages").and_then(serde_json::Value::as_array);
    let named = packages.into_iter().flatten().filter(|found| found.get("name").is_some_and(|name| name == package));
    let manifests: Vec<&str> = named.filter_map(|found| found.get("manifest_path")?.as_str()).collect();
    match manifests.as_slice() {
        [manifest] => Ok(Path::new(manifest).parent().ok_or("a manifest lies in a folder")?.to_owned()),
        _ => Err(format!("Cargo knows {} packages `{package}`, and one is needed", manifests.len()).into()),
    }
}

fn metadata(options: &[&str]) -> Result<serde_json::Value, Box<dyn error::Error>> {
    let output = Command::new(variable("CARGO")?)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform"])
        .arg(variable("TARGET")?)
        .args(options)
        .current_dir(variable("CARGO_MANIFEST_DIR")?)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let mend = "`cargo fetch --locked` makes everything available that the lock file names";
        return Err(io::Error::other(format!("`cargo metadata` failed; {mend}:\n{said}")).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn variable(name: &str) -> Result<std::ffi::OsString, String> {
    env::var_os(name).ok_or_else(|| format!("{name} is not set"))
}
