//! Opening a WebSocket (RFC 6455 section 4.1), with the client, TLS and token of the API.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use reqwest::Response;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::outbound::authentik::connection::Connection;
use crate::outbound::authentik::model::OutpostId;
use crate::outbound::http_answer::cause;

/// A connection that has become a WebSocket.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Opens WebSockets.
#[async_trait]
pub(super) trait Dial: Send + Sync + 'static {
    /// Opens one; a failure is a text for the operator.
    async fn dial(&self, attempt: u64) -> Result<Box<dyn Transport>, String>;
}

/// The handshake with authentik.
pub(super) struct Handshake {
    pub(super) connection: Arc<Connection>,
    pub(super) outpost: OutpostId,
    pub(super) instance: String,
}

#[async_trait]
impl Dial for Handshake {
    async fn dial(&self, attempt: u64) -> Result<Box<dyn Transport>, String> {
        let url = self.connection.host.websocket(self.outpost.as_str(), &self.instance, attempt);
        let key = key(&self.instance, attempt);
        let request = self
            .connection
            .get(url)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, &key);
        let response = request.send().await.map_err(cause)?;
        check(&response, &key)?;
        let transport = response.upgrade().await.map_err(cause)?;
        Ok(Box::new(transport))
    }
}

/// A nonce for each attempt of each process: caches on the way must not answer. It protects nothing else.
fn key(instance: &str, attempt: u64) -> String {
    let hash = digest(&SHA256, format!("{instance} {attempt}").as_bytes());
    STANDARD.encode(hash.as_ref().first_chunk::<16>().unwrap_or(&[0; 16]))
}

/// The proof that the server speaks WebSocket (section 4.2.2).
fn accepted(key: &str) -> String {
    const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()))
}

fn check(response: &Response, key: &str) -> Result<(), String> {
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => {}
        StatusCode::FORBIDDEN => {
            return Err("authentik refuses the token for this outpost (403)".to_owned());
        }
        status => {
            let problem = "no WebSocket is offered there; a proxy in front of authentik may not pass `Upgrade` on";
            return Err(format!("{problem} ({status})"));
        }
    }
    let proof = response.headers().get(header::SEC_WEBSOCKET_ACCEPT);
    let is_proof = proof.is_some_and(|proof| proof.as_bytes() == accepted(key).as_bytes());
    if is_proof {
        Ok(())
    } else {
        Err("the answer is not that of a WebSocket server (`Sec-WebSocket-Accept`)".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_the_standard() {
        assert_eq!(accepted("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn each_attempt_has_a_key_of_its_own() {
        let keys: std::collections::BTreeSet<String> =
            [("a", 0), ("a", 1), ("b", 0)].map(|(instance, attempt)| key(instance, attempt)).into();
        assert_eq!(keys.len(), 3);
        assert!(keys.iter().all(|key| STANDARD.decode(key).unwrap().len() == 16));
    }
}
