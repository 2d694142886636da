//! Any bytes, valid as a `CheckRequest` or not: the service and the full decoder agree on which are.

use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use prost::Message as _;

use super::oracle;
use super::test_outpost::TestOutpost;

/// Sends the bytes to the service as a Check.
pub fn run(input: &[u8]) {
    match (CheckRequest::decode(input), TestOutpost::new().answer(input)) {
        (Ok(request), Ok(response)) => oracle::check(&request, &response),
        (Err(_), Err(_)) => {}
        (Ok(_), Err(refused)) => panic!("a check is always answered: {refused}"),
        (Err(fault), Ok(_)) => panic!("these bytes are no question: {fault}"),
    }
}
