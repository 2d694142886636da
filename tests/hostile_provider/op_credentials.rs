//! The provider's handling of tokens and passwords that are presented to it: introspection (RFC 7662) and authentik's
//! client-credentials grant.

use axum::body::Body;
use http::Response;
use serde_json::json;

use super::{Behaviour, Inner, Recorded, SUBJECT, answer, error, merged, signing, user};

impl Inner {
    /// Every token that begins with `access-` is active, and its user has the scopes of a sign-in.
    pub(super) fn introspection(&self, behaviour: &Behaviour, request: &Recorded) -> Response<Body> {
        if self.authenticated(request).is_none() {
            return error(401, "invalid_client");
        }
        if !request.form("token").is_some_and(|token| token.starts_with("access-")) {
            return answer(200, &json!({"active": false}));
        }
        let now = self.now(behaviour);
        let about = json!({
            "active": true, "iss": self.issuer, "sub": SUBJECT, "client_id": "ci", "token_type": "Bearer",
            "scope": "openid profile email read", "aud": "https://wiki.example", "iat": now, "exp": now + 300,
        });
        answer(200, &merged(about, &behaviour.introspected))
    }

    /// App passwords begin with `good`; the client is named but does not authenticate.
    pub(super) fn app_password(&self, behaviour: &Behaviour, request: &Recorded) -> Response<Body> {
        let Some(client_id) = request.form("client_id") else { return error(401, "invalid_client") };
        if !self.clients.lock().unwrap().contains_key(&client_id) {
            return error(401, "invalid_client");
        }
        if !request.form("password").is_some_and(|password| password.starts_with("good")) {
            return error(400, "invalid_grant");
        }
        let now = self.now(behaviour);
        let mut claims = json!({"iss": self.issuer, "sub": SUBJECT, "aud": client_id, "iat": now, "exp": now + 300});
        if !behaviour.sparse {
            claims = merged(claims, &user());
        }
        let claims = merged(claims, &behaviour.claims);
        let header = merged(json!({"alg": "RS256", "kid": "a", "typ": "JWT"}), &behaviour.header);
        let id_token = signing::signed(&header, &claims.to_string(), &behaviour.key);
        let body = json!({
            "access_token": "access-of-an-app-password", "token_type": "Bearer", "expires_in": 300,
            "id_token": (behaviour.id_token_text)(id_token),
        });
        answer(200, &merged(body, &behaviour.answer))
    }
}
