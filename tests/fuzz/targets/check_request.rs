//! Any bytes that decode as a `CheckRequest`.

use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use prost::Message as _;

use super::house::House;
use super::oracle;

/// Asks the service what the bytes say.
pub fn run(input: &[u8]) {
    let Ok(request) = CheckRequest::decode(input) else { return };
    let response = House::new().check(request.clone());
    oracle::judge(&request, &response);
}
