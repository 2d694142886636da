//! Verifies the answers before anything is measured.

use std::error::Error;
use std::net::SocketAddr;

use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use futures_util::stream::{StreamExt as _, TryStreamExt as _, iter};
use prost::{DecodeError, Message as _};

use crate::load::Question;
use crate::servers::envoy::get;

/// The number of sessions that are tried.
const TRIES: usize = 20;
/// Length of the flag and length that precede a gRPC message.
const PREFIX: usize = 5;
/// Concurrent requests while a cache is filled, and attempts for each session.
const AT_ONCE: usize = 16;
const ATTEMPTS: usize = 20;

/// Asks with a full gRPC client, so that the gRPC status is checked as well; returns the first answer.
///
/// # Errors
/// When an answer is wrong.
pub(super) async fn checks(address: SocketAddr, question: &Question) -> Result<CheckResponse, Box<dyn Error>> {
    let mut client = AuthorizationClient::connect(format!("http://{address}")).await?;
    let (mut first, step) = (None, (question.choices() / TRIES).max(1));
    for session in (0..question.choices()).step_by(step) {
        let answer = client.check(request(question, session)?).await?.into_inner();
        question.check(&answer, session)?;
        first = first.or(Some(answer));
    }
    Ok(first.ok_or("no sessions")?)
}

/// Asks once for every session, so that the cache holds all of them; retries when the store was too slow at first.
///
/// # Errors
/// When an answer stays wrong.
pub(super) async fn warm(address: SocketAddr, question: &Question) -> Result<(), Box<dyn Error>> {
    let client = &AuthorizationClient::connect(format!("http://{address}")).await?;
    let asked = (0..question.choices()).map(|session| async move {
        let mut verdict = Ok(());
        for _ in 0..ATTEMPTS {
            let request = request(question, session).map_err(|fault| fault.to_string())?;
            let answer = client.clone().check(request).await.map_err(|fault| fault.to_string())?;
            verdict = question.check(&answer.into_inner(), session);
            if verdict.is_ok() {
                break;
            }
        }
        verdict
    });
    Ok(iter(asked).buffer_unordered(AT_ONCE).try_collect().await?)
}

fn request(question: &Question, session: usize) -> Result<CheckRequest, DecodeError> {
    CheckRequest::decode(question.message(session).get(PREFIX..).unwrap_or_default())
}

/// Sends each of these requests over HTTP/1.1; the answer must contain the text beside the request.
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
