//! A look at the answers before anything is measured.

use std::error::Error;

use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use prost::Message as _;
use std::net::SocketAddr;

use crate::load::Question;
use crate::servers::envoy::get;

/// How many sessions are tried.
const TRIES: usize = 20;
/// Flag and length of a gRPC message.
const PREFIX: usize = 5;

/// Asks by way of a full gRPC client, so that the status counts, too; the first answer.
///
/// # Errors
/// When an answer is wrong.
pub(super) async fn checks(address: SocketAddr, question: &Question) -> Result<CheckResponse, Box<dyn Error>> {
    let mut client = AuthorizationClient::connect(format!("http://{address}")).await?;
    let (mut first, step) = (None, (question.choices() / TRIES).max(1));
    for session in (0..question.choices()).step_by(step) {
        let message = question.message(session);
        let request = CheckRequest::decode(message.get(PREFIX..).unwrap_or_default())?;
        let answer = client.check(request).await?.into_inner();
        question.judge(&answer, session)?;
        first = first.or(Some(answer));
    }
    Ok(first.ok_or("no sessions")?)
}

/// Makes each of these requests over HTTP/1.1; the answer has to hold what stands beside it.
///
/// # Errors
/// When it does not.
pub(super) fn requests(
    address: SocketAddr,
    requests: impl Iterator<Item = (String, String)>,
) -> Result<(), Box<dyn Error>> {
    for (request, expected) in requests {
        let answer = get(address, &request)?;
        if !answer.starts_with("http/1.1 200 ") || !answer.contains(&expected) {
            return Err(format!("no `{expected}` in the answer of {address}:\n{answer}").into());
        }
    }
    Ok(())
}
