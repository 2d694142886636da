//! The descriptor set for gRPC reflection: it is complete and describes the service that Envoy calls.

const EXT_AUTHZ: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/envoy_ext_authz_descriptor.bin"));

#[test]
fn reflection_accepts_the_descriptors() {
    let reflection =
        tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(EXT_AUTHZ).build_v1();
    assert!(reflection.is_ok(), "{:?}", reflection.err());
}

#[test]
fn the_descriptors_hold_the_service_and_its_whole_closure() {
    let holds = |text: &str| EXT_AUTHZ.windows(text.len()).any(|window| window == text.as_bytes());
    for name in [
        "envoy/service/auth/v3/external_auth.proto",
        "envoy.service.auth.v3",
        "Authorization",
        "CheckRequest",
        "envoy/type/v3/http_status.proto",
        "google/rpc/status.proto",
        "google/protobuf/struct.proto",
    ] {
        assert!(holds(name), "{name}");
    }
}
