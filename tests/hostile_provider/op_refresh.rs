//! The provider's handling of refresh tokens (OpenID Connect Core section 12). They begin with `refresh-`; a sign-in returns
//! one when `Behaviour::answer` says so.

use axum::body::Body;
use http::Response;
use serde_json::json;

use super::{Behaviour, Grant, Inner, Recorded, answer, error, merged};

impl Inner {
    /// New tokens each time; the ID Token has no nonce.
    pub(super) fn refreshed(&self, behaviour: &Behaviour, request: &Recorded, client_id: String) -> Response<Body> {
        if !request.form("refresh_token").is_some_and(|token| token.starts_with("refresh-")) {
            return error(400, "invalid_grant");
        }
        let grant = Grant { client_id, redirect_uri: String::new(), nonce: None, challenge: String::new() };
        let mut behaviour = behaviour.clone();
        if behaviour.claims.get("nonce").is_none() {
            behaviour.claims["nonce"] = serde_json::Value::Null;
        }
        let body = json!({
            "access_token": "access-refreshed", "token_type": "Bearer", "expires_in": 300,
            "refresh_token": "refresh-second", "id_token": self.id_token(&behaviour, &grant),
        });
        answer(200, &merged(body, &behaviour.answer))
    }
}
