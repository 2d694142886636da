//! The OpenID Provider of each application: every user is signed in, and every mistake of a client is refused.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost::testing::signing::{self, Key};
use http::{Response, header};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{Inner, Recorded, SID, SUBJECT, State, json_answer, text};

/// A code that was issued, and the access token that it became.
#[derive(Clone)]
pub(super) struct Grant {
    code: Option<String>,
    access_token: Option<String>,
    client_id: String,
    redirect_uri: String,
    nonce: Option<String>,
    challenge: Option<String>,
}

fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

impl Inner {
    pub(super) fn oidc(&self, request: &Recorded, path: &str) -> Option<Response<Body>> {
        // The issuer is built from it, so there has to be one.
        if request.headers.get_all(header::HOST).iter().count() != 1 {
            return Some(text(400, "text/plain", "there has to be one Host".to_owned()));
        }
        let base = format!("{}{}/application/o/", request.origin(self.scheme), self.prefix);
        let mut state = self.state.lock().unwrap();
        Some(match path {
            "authorize/" => state.authorize(request)?,
            "token/" => state.token(request, &base),
            "introspect/" => state.introspection(request, &base),
            "userinfo/" => state.user_info(request),
            _ => match path.split_once('/')? {
                (_, "jwks/") => json_answer(200, &json!({})),
                (slug, "end-session/") => state.end_session(request, slug, &base),
                _ => return None,
            },
        })
    }
}

impl State {
    fn client(&self, client_id: &str) -> Option<&Value> {
        self.providers.iter().find(|provider| provider["client_id"] == client_id)
    }

    fn authorize(&mut self, request: &Recorded) -> Option<Response<Body>> {
        let asked = |name: &str| parameter(&request.query, name);
        let client = self.client(&asked("client_id")?)?;
        let external_host = Url::parse(client["external_host"].as_str()?).ok()?;
        let mut registered = external_host.join("outpost.goauthentik.io/callback").ok()?;
        registered.set_query(Some("X-authentik-auth-callback=true"));
        if asked("redirect_uri")? != registered.as_str() {
            return Some(text(400, "text/html", "Redirect URI Error".to_owned()));
        }
        let code = format!("code-{}", self.grants.len());
        let grant = Grant {
            code: Some(code.clone()),
            access_token: None,
            client_id: asked("client_id")?,
            redirect_uri: asked("redirect_uri")?,
            nonce: asked("nonce"),
            challenge: asked("code_challenge"),
        };
        self.grants.push(grant);
        registered
            .query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &asked("state").unwrap_or_default());
        Some(Response::builder().status(302).header(header::LOCATION, registered.as_str()).body(Body::empty()).unwrap())
    }

    /// Whether the client authenticates in the body, which is how outposts do it.
    fn is_authenticated(&self, request: &Recorded) -> bool {
        let form = |name: &str| parameter(&request.body, name);
        let client = form("client_id").and_then(|id| self.client(&id).cloned());
        let secret = form("client_secret");
        client.is_some_and(|client| secret.is_some() && client["client_secret"].as_str() == secret.as_deref())
            && request.header("authorization").is_none()
    }

    fn token(&mut self, request: &Recorded, base: &str) -> Response<Body> {
        let form = |name: &str| parameter(&request.body, name);
        let error = |status, code: &str| json_answer(status, &json!({ "error": code }));
        if !self.is_authenticated(request) {
            return error(401, "invalid_client");
        }
        let now = self.now;
        let Some(client) = form("client_id").and_then(|id| self.client(&id).cloned()) else {
            return error(401, "invalid_client");
        };
        let code = form("code");
        let Some(grant) = self.grants.iter_mut().find(|grant| code.is_some() && grant.code == code) else {
            return error(400, "invalid_grant");
        };
        let verifier = form("code_verifier").unwrap_or_default();
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let is_proven = grant.challenge.as_ref().is_none_or(|expected| *expected == challenge);
        let is_same =
            form("redirect_uri").as_ref() == Some(&grant.redirect_uri) && client["client_id"] == grant.client_id;
        if form("grant_type").as_deref() != Some("authorization_code") || !is_proven || !is_same {
            return error(400, "invalid_grant");
        }
        let code = grant.code.take().unwrap_or_default();
        let access_token = format!("access-{code}");
        grant.access_token = Some(access_token.clone());
        let slug = client["assigned_application_slug"].as_str().unwrap_or_default();
        let claims = json!({
            "iss": format!("{base}{slug}/"), "sub": SUBJECT, "aud": client["client_id"], "exp": now + 3600, "iat": now,
            "auth_time": now, "nonce": grant.nonce, "sid": SID, "email": "alice@example.test", "email_verified": true,
            "name": "Alice Doe", "preferred_username": "alice", "groups": ["admins"],
            "ak_proxy": { "user_attributes": {}, "is_superuser": false },
        });
        let secret = Key::Secret(client["client_secret"].as_str().unwrap_or_default().as_bytes().to_vec());
        let id_token = signing::signed(&json!({ "alg": "HS256", "typ": "JWT" }), &claims.to_string(), &secret);
        let answer = json!({
            "access_token": access_token, "token_type": "Bearer", "scope": "openid", "expires_in": 3600, "id_token": id_token,
        });
        json_answer(200, &answer)
    }

    fn holder(&self, token: Option<&str>) -> Option<&Grant> {
        self.grants.iter().find(|grant| token.is_some() && grant.access_token.as_deref() == token)
    }

    fn introspection(&self, request: &Recorded, base: &str) -> Response<Body> {
        if !self.is_authenticated(request) {
            return json_answer(401, &json!({ "error": "invalid_client" }));
        }
        let Some(grant) = self.holder(parameter(&request.body, "token").as_deref()) else {
            return json_answer(200, &json!({ "active": false }));
        };
        let client = self.client(&grant.client_id);
        let slug = client.and_then(|client| client["assigned_application_slug"].as_str()).unwrap_or_default();
        let (id, now) = (&grant.client_id, self.now);
        let answer = json!({
            "active": true, "scope": "openid", "client_id": id, "sub": SUBJECT, "iss": format!("{base}{slug}/"), "aud": id,
            "exp": now + 3600, "iat": now, "preferred_username": "alice", "groups": ["admins"],
        });
        json_answer(200, &answer)
    }

    fn user_info(&self, request: &Recorded) -> Response<Body> {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        match self.holder(token) {
            Some(_) => {
                json_answer(200, &json!({ "sub": SUBJECT, "preferred_username": "alice", "groups": ["admins"] }))
            }
            None => json_answer(401, &json!({ "error": "invalid_token" })),
        }
    }

    /// The hint has to be an ID Token of this application, expired or not; the access tokens of the session end with it.
    fn end_session(&mut self, request: &Recorded, slug: &str, base: &str) -> Response<Body> {
        if let Some(hint) = parameter(&request.query, "id_token_hint") {
            let payload = hint.split('.').nth(1).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
            let claims: Value = payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
            if claims["iss"] != format!("{base}{slug}/") {
                return text(400, "text/html", "Bad Request".to_owned());
            }
        }
        for grant in &mut self.grants {
            grant.access_token = None;
        }
        // `post_logout_redirect_uri` is ignored: proxy providers have none registered.
        text(200, "text/html", "signed out".to_owned())
    }
}
