//! An OpenID Provider that misbehaves on command. It listens on 127.0.0.1, approves every authorization request at once,
//! validates the client strictly (code, PKCE, redirect URI, client authentication), and records the requests that it
//! receives.
//!
//! Other test crates include it with `#[cfg(test)] #[path = "../hostile_provider/op.rs"] mod op;`. Usage:
//! `HostileOp::start(clock)`, `op.behave(|b| …)` to misbehave, `op.authorize(&url)` for the redirect that a browser
//! receives.

#![expect(dead_code, reason = "each test crate uses its own part")]

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatepost::ports::Clock;
pub(crate) use gatepost::testing::signing::{self, Key};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use url::{Url, form_urlencoded};

#[path = "op_credentials.rs"]
mod credentials;
#[path = "op_refresh.rs"]
mod refresh;

/// The client that is always registered. Its secret needs form-encoding and is long enough for HS512.
pub(crate) const CLIENT_ID: &str = "wiki:1";
pub(crate) const CLIENT_SECRET: &str = "p%s+w & rd:äö/0123456789012345678901234567890123456789012345678901234567890";
/// The user who always signs in.
pub(crate) const SUBJECT: &str = "248289761001";

/// In changes: a member whose value is `null`.
pub(crate) const NULL: &str = "<null>";

/// The provider's behaviour; the default is correct.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    pub(crate) callback: Callback,
    pub(crate) discovery: Reply,
    pub(crate) keys: Reply,
    pub(crate) token: Reply,
    pub(crate) user_info: Reply,
    pub(crate) introspection: Reply,
    pub(crate) revocation: Reply,
    /// Changes of the metadata; `null` removes a member, [`NULL`] writes it as `null`. This applies to all `Value`s here.
    pub(crate) metadata: Value,
    /// The published keys.
    pub(crate) key_set: Value,
    /// Changes of the ID Token's header.
    pub(crate) header: Value,
    /// Changes of the ID Token's claims.
    pub(crate) claims: Value,
    /// Omits the user's claims from the ID Token, so that only UserInfo has them.
    pub(crate) sparse: bool,
    /// Edits the ID Token's payload as text, before it is signed.
    pub(crate) payload_text: fn(String) -> String,
    /// The key that signs it.
    pub(crate) key: Key,
    /// Edits the whole ID Token, after it was signed.
    pub(crate) id_token_text: fn(String) -> String,
    /// Changes of the token answer.
    pub(crate) answer: Value,
    /// Changes of the introspection answer.
    pub(crate) introspected: Value,
    /// Changes of the UserInfo answer.
    pub(crate) user: Value,
    /// Signs UserInfo with this key and these changes of its header.
    pub(crate) signed_user_info: Option<(Key, Value)>,
    /// Seconds by which its clock is ahead.
    pub(crate) clock_skew: i64,
    /// How clients have to authenticate.
    pub(crate) client: ClientCheck,
}

/// How a client has to authenticate; any other way is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ClientCheck {
    /// With its secret, in the header or in the form.
    #[default]
    Secret,
    /// With its client id alone.
    Public,
    /// With an assertion about itself, which is new; the tests verify its signature.
    Assertion,
    /// With its client id and a certificate.
    Certificate,
}

/// How the browser is sent back.
#[derive(Clone, Debug)]
pub(crate) enum Callback {
    /// With code, state and issuer.
    Proper,
    /// With this issuer.
    Issuer(String),
    /// Without an issuer.
    NoIssuer,
    /// With this parameter doubled.
    Doubled(&'static str),
    /// With an error instead of a code.
    Error(&'static str, &'static str),
    /// With an error and no issuer.
    ErrorWithoutIssuer(&'static str),
    /// With these parameters added.
    Added(Vec<(&'static str, String)>),
    /// Without this parameter.
    Without(&'static str),
}

/// How an endpoint answers.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Correctly.
    Proper,
    /// With this status and its correct body.
    Status(u16),
    /// With this status, content type and body.
    Text(u16, &'static str, String),
    /// With this many bytes.
    Huge(usize),
    /// With 64 MiB, gzip-compressed to a small body.
    Bomb,
    /// With half of the body, then the connection is closed.
    Truncated,
    /// Correctly, as soon as it gets a permit.
    Held(Arc<Semaphore>),
    /// Never.
    Stall,
    /// By closing the connection.
    Close,
    /// With a redirect to this address.
    Redirect(String),
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            callback: Callback::Proper,
            discovery: Reply::Proper,
            keys: Reply::Proper,
            token: Reply::Proper,
            user_info: Reply::Proper,
            introspection: Reply::Proper,
            revocation: Reply::Proper,
            metadata: json!({}),
            key_set: json!({"keys": [signing::jwk(&Key::RsaA, "a")]}),
            header: json!({}),
            claims: json!({}),
            sparse: false,
            payload_text: |payload| payload,
            key: Key::RsaA,
            id_token_text: |token| token,
            answer: json!({}),
            introspected: json!({}),
            user: json!({}),
            signed_user_info: None,
            clock_skew: 0,
            client: ClientCheck::Secret,
        }
    }
}

/// One request as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// The client's certificate (DER).
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Recorded {
    /// The parameter `name` of the form in the body.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        parameter(&self.body, name)
    }

    /// The `Authorization` header.
    pub(crate) fn authorization(&self) -> Option<&str> {
        self.headers.get(header::AUTHORIZATION)?.to_str().ok()
    }
}

/// The value of the parameter `name`.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The request for which a code was issued.
struct Grant {
    client_id: String,
    redirect_uri: String,
    nonce: Option<String>,
    challenge: String,
}

struct Inner {
    issuer: String,
    clock: Arc<dyn Clock>,
    behaviour: Mutex<Behaviour>,
    clients: Mutex<HashMap<String, String>>,
    grants: Mutex<HashMap<String, Grant>>,
    assertions: Mutex<HashSet<String>>,
    recorded: Mutex<Vec<Recorded>>,
    issued: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

/// An open connection.
struct Open(Arc<Inner>);

impl Open {
    fn one_more(inner: &Arc<Inner>) -> Self {
        let open = inner.open.fetch_add(1, Ordering::Relaxed) + 1;
        inner.most_open.fetch_max(open, Ordering::Relaxed);
        Self(Arc::clone(inner))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The provider; it stops when dropped, connections included.
pub(crate) struct HostileOp {
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Drop for HostileOp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HostileOp {
    /// Starts on a free port.
    pub(crate) async fn start(clock: Arc<dyn Clock>) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), clock).await
    }

    /// Starts on this address.
    pub(crate) async fn start_at(address: SocketAddr, clock: Arc<dyn Clock>) -> Self {
        Self::start_with("http", address, None, clock).await
    }

    /// Starts with TLS, under the name `localhost`.
    pub(crate) async fn start_tls(acceptor: TlsAcceptor, clock: Arc<dyn Clock>) -> Self {
        Self::start_with("https", (Ipv4Addr::LOCALHOST, 0).into(), Some(acceptor), clock).await
    }

    async fn start_with(
        scheme: &str,
        address: SocketAddr,
        acceptor: Option<TlsAcceptor>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = if acceptor.is_some() { "localhost" } else { "127.0.0.1" };
        let inner = Arc::new(Inner {
            issuer: format!("{scheme}://{host}:{port}/o/wiki/"),
            clock,
            behaviour: Mutex::default(),
            clients: Mutex::new(HashMap::from([(CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned())])),
            grants: Mutex::default(),
            assertions: Mutex::default(),
            recorded: Mutex::default(),
            issued: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
        });
        let task = tokio::spawn(serve(listener, acceptor, Arc::clone(&inner)));
        Self { inner, task }
    }

    /// The issuer identifier; it has a path and ends with a slash, as authentik's do.
    pub(crate) fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// The maximum number of connections that were open at once.
    pub(crate) fn most_connections(&self) -> usize {
        self.inner.most_open.load(Ordering::Relaxed)
    }

    /// Registers one more client.
    pub(crate) fn register(&self, client_id: &str, client_secret: &str) {
        self.inner.clients.lock().unwrap().insert(client_id.to_owned(), client_secret.to_owned());
    }

    /// Changes the behaviour from now on.
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.inner.behaviour.lock().unwrap());
    }

    /// Restores the correct behaviour.
    pub(crate) fn reform(&self) {
        *self.inner.behaviour.lock().unwrap() = Behaviour::default();
    }

    /// The requests received so far under paths that end with `suffix`: `/token`, `/keys`, `/userinfo`, `/introspect`,
    /// `/revoke`, `/authorize`, `/end_session`, `openid-configuration`.
    pub(crate) fn recorded(&self, suffix: &str) -> Vec<Recorded> {
        let all = self.inner.recorded.lock().unwrap();
        all.iter().filter(|request| request.path.ends_with(suffix)).cloned().collect()
    }

    /// The address to which a browser that follows the authorization request `url` is sent back. The same happens over HTTP.
    pub(crate) fn authorize(&self, url: &Url) -> Url {
        self.inner.authorize(url.query().unwrap_or_default())
    }

    /// A JWT over `claims` as this provider would sign it now: for logout tokens and for tokens presented at the wrong
    /// place.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let key = self.inner.behaviour().key;
        signing::signed(&merged(json!({"alg": "RS256", "kid": "a"}), header), &claims.to_string(), &key)
    }
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, inner: Arc<Inner>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (inner, acceptor) = (Arc::clone(&inner), acceptor.clone());
        let open = Open::one_more(&inner);
        connections.spawn(async move {
            let _open = open;
            let http = hyper::server::conn::http1::Builder::new();
            // A client that disconnects, or does not trust us, is not an error here.
            match acceptor {
                None => {
                    let service = service_fn(|request| respond(&inner, None, request));
                    drop(http.serve_connection(TokioIo::new(stream), service).await);
                }
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let chain = stream.get_ref().1.peer_certificates();
                        let certificate = chain.and_then(<[_]>::first).map(|leaf| leaf.to_vec());
                        let service = service_fn(|request| respond(&inner, certificate.clone(), request));
                        drop(http.serve_connection(TokioIo::new(stream), service).await);
                    }
                }
            }
        });
    }
}

async fn respond(
    inner: &Inner,
    certificate: Option<Vec<u8>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let recorded = Recorded {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        certificate,
    };
    inner.recorded.lock().unwrap().push(recorded.clone());
    let behaviour = inner.behaviour();
    match recorded.path.rsplit('/').next().unwrap_or_default() {
        "openid-configuration" => reply(&behaviour.discovery, answer(200, &inner.metadata(&behaviour))).await,
        "keys" => reply(&behaviour.keys, answer(200, &behaviour.key_set)).await,
        "authorize" => Ok(redirect(inner.authorize(&recorded.query).as_str())),
        "token" => reply(&behaviour.token, inner.token(&behaviour, &recorded)).await,
        "introspect" => reply(&behaviour.introspection, inner.introspection(&behaviour, &recorded)).await,
        "revoke" => {
            let status = if inner.authenticated(&recorded).is_some() { 200 } else { 401 };
            reply(&behaviour.revocation, text(status, "text/plain", String::new())).await
        }
        "userinfo" => reply(&behaviour.user_info, inner.user_info(&behaviour, &recorded)).await,
        "end_session" => {
            let to = parameter(&recorded.query, "post_logout_redirect_uri").unwrap_or_default();
            let state = parameter(&recorded.query, "state");
            let Ok(mut to) = Url::parse(&to) else { return Ok(text(200, "text/plain", "signed out".into())) };
            if let Some(state) = state {
                to.query_pairs_mut().append_pair("state", &state);
            }
            Ok(redirect(to.as_str()))
        }
        _ => Ok(text(404, "text/plain", "nothing here".into())),
    }
}

async fn reply(how: &Reply, proper: Response<Body>) -> Result<Response<Body>, io::Error> {
    match how {
        Reply::Proper => Ok(proper),
        Reply::Status(status) => {
            let mut response = proper;
            *response.status_mut() = StatusCode::from_u16(*status).unwrap();
            Ok(response)
        }
        Reply::Text(status, kind, body) => Ok(text(*status, kind, body.clone())),
        Reply::Huge(bytes) => Ok(text(200, "application/json", format!("{{\"x\":\"{}\"}}", "x".repeat(*bytes)))),
        Reply::Bomb => {
            let mut response = Response::new(Body::from(include_bytes!("bomb.json.gz").as_slice()));
            response.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
            response.headers_mut().insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
            Ok(response)
        }
        Reply::Truncated => {
            let body = proper.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
            let half = body.slice(..body.len() / 2);
            let chunks = futures_util::stream::iter([Ok(half), Err(io::Error::other("cut off"))]);
            Ok(Response::new(Body::from_stream(chunks)))
        }
        Reply::Held(permits) => {
            let _permit = permits.acquire().await;
            Ok(proper)
        }
        Reply::Stall => std::future::pending().await,
        Reply::Close => Err(io::Error::other("closed")),
        Reply::Redirect(to) => Ok(redirect(to)),
    }
}

fn text(status: u16, kind: &str, body: String) -> Response<Body> {
    Response::builder().status(status).header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()
}

fn answer(status: u16, value: &Value) -> Response<Body> {
    text(status, "application/json; charset=utf-8", value.to_string())
}

fn error(status: u16, code: &str) -> Response<Body> {
    answer(status, &json!({"error": code}))
}

fn redirect(to: &str) -> Response<Body> {
    Response::builder().status(302).header(header::LOCATION, to).body(Body::empty()).unwrap()
}

/// `value` with `changes` applied; `null` removes a member, [`NULL`] writes it as `null`.
pub(crate) fn merged(mut value: Value, changes: &Value) -> Value {
    for (name, change) in changes.as_object().unwrap_or(&Map::new()) {
        if change.is_null() {
            value.as_object_mut().unwrap().remove(name);
        } else if change == NULL {
            value[name] = Value::Null;
        } else {
            value[name] = change.clone();
        }
    }
    value
}

/// The provider's data about its user.
fn user() -> Value {
    json!({
        "preferred_username": "alice", "name": "Alice Doe", "email": "alice@example.test", "email_verified": true,
        "groups": ["admins", "staff"],
    })
}

impl Inner {
    fn behaviour(&self) -> Behaviour {
        self.behaviour.lock().unwrap().clone()
    }

    fn metadata(&self, behaviour: &Behaviour) -> Value {
        let at = |name: &str| format!("{}{name}", self.issuer);
        let metadata = json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "userinfo_endpoint": at("userinfo"),
            "introspection_endpoint": at("introspect"),
            "revocation_endpoint": at("revoke"),
            "jwks_uri": at("keys"),
            "end_session_endpoint": at("end_session"),
            "authorization_response_iss_parameter_supported": true,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["sub", "name", "email", "groups"],
        });
        merged(metadata, &behaviour.metadata)
    }

    fn authorize(&self, query: &str) -> Url {
        let asked = |name: &str| parameter(query, name);
        let mut to = Url::parse(&asked("redirect_uri").unwrap()).unwrap();
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let code = format!("c0de {number}+/=");
        let grant = Grant {
            client_id: asked("client_id").unwrap(),
            redirect_uri: to.to_string(),
            nonce: asked("nonce"),
            challenge: asked("code_challenge")
                .filter(|_| asked("code_challenge_method").as_deref() == Some("S256"))
                .unwrap(),
        };
        self.grants.lock().unwrap().insert(code.clone(), grant);
        let mut pairs = vec![("code", code), ("state", asked("state").unwrap()), ("iss", self.issuer.clone())];
        match self.behaviour().callback {
            Callback::Proper => {}
            Callback::Issuer(other) => pairs[2].1 = other,
            Callback::NoIssuer => drop(pairs.pop()),
            Callback::Doubled(name) => {
                let again = pairs.iter().find(|(key, _)| *key == name).unwrap().clone();
                pairs.push(again);
            }
            Callback::Error(code, description) => {
                pairs[0] = ("error", code.to_owned());
                pairs.push(("error_description", description.to_owned()));
            }
            Callback::ErrorWithoutIssuer(code) => {
                pairs[0] = ("error", code.to_owned());
                pairs.pop();
            }
            Callback::Added(more) => pairs.extend(more),
            Callback::Without(name) => pairs.retain(|(key, _)| *key != name),
        }
        to.query_pairs_mut().extend_pairs(pairs);
        to
    }

    /// The token endpoint (RFC 6749 section 5): it rejects every mistake of a client.
    fn token(&self, behaviour: &Behaviour, request: &Recorded) -> Response<Body> {
        if request.form("grant_type").as_deref() == Some("client_credentials") {
            return self.app_password(behaviour, request);
        }
        let Some(client_id) = self.authenticated(request) else { return error(401, "invalid_client") };
        if request.form("grant_type").as_deref() == Some("refresh_token") {
            return self.refreshed(behaviour, request, client_id);
        }
        if request.form("grant_type").as_deref() != Some("authorization_code") {
            return error(400, "unsupported_grant_type");
        }
        let code = request.form("code").unwrap_or_default();
        let Some(grant) = self.grants.lock().unwrap().remove(&code) else { return error(400, "invalid_grant") };
        let verifier = request.form("code_verifier").unwrap_or_default();
        let challenge = URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes()));
        let proper = grant.client_id == client_id
            && request.form("redirect_uri") == Some(grant.redirect_uri.clone())
            && challenge == grant.challenge;
        if !proper {
            return error(400, "invalid_grant");
        }
        let body = json!({
            "access_token": format!("access-{code}").replace([' ', '+', '/', '='], "_"),
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self.id_token(behaviour, &grant),
        });
        answer(200, &merged(body, &behaviour.answer))
    }

    /// Requires exactly one method of client authentication, and a valid one.
    fn authenticated(&self, request: &Recorded) -> Option<String> {
        let check = self.behaviour().client;
        if check == ClientCheck::Secret {
            return self.authenticated_by_secret(request);
        }
        let (assertion, kind) = (request.form("client_assertion"), request.form("client_assertion_type"));
        let sends_secret = request.authorization().is_some() || request.form("client_secret").is_some();
        let id = request.form("client_id").filter(|id| self.clients.lock().unwrap().contains_key(id))?;
        let authenticates = match check {
            ClientCheck::Secret => false,
            ClientCheck::Public => assertion.is_none() && kind.is_none(),
            ClientCheck::Certificate => assertion.is_none() && kind.is_none() && request.certificate.is_some(),
            ClientCheck::Assertion => {
                let assertion = assertion?;
                let claims = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1)?).ok()?;
                let claims: Value = serde_json::from_slice(&claims).ok()?;
                kind.as_deref() == Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                    && claims["sub"] == *id
                    && self.assertions.lock().unwrap().insert(assertion)
            }
        };
        (authenticates && !sends_secret).then_some(id)
    }

    fn authenticated_by_secret(&self, request: &Recorded) -> Option<String> {
        let decode = |text: &str| parameter(&format!("x={text}"), "x");
        let basic = request.authorization().and_then(|value| value.strip_prefix("Basic ")).and_then(|encoded| {
            let credentials = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
            let (id, secret) = credentials.split_once(':')?;
            Some((decode(id)?, decode(secret)?))
        });
        let post = request.form("client_id").zip(request.form("client_secret"));
        let (id, secret) = match (basic, post) {
            (Some(basic), None) => basic,
            (None, Some(post)) => post,
            _ => return None,
        };
        (self.clients.lock().unwrap().get(&id) == Some(&secret)).then_some(id)
    }

    fn now(&self, behaviour: &Behaviour) -> u64 {
        self.clock.now().as_unix().saturating_add_signed(behaviour.clock_skew)
    }

    fn id_token(&self, behaviour: &Behaviour, grant: &Grant) -> String {
        let now = self.now(behaviour);
        let mut claims = json!({
            "iss": self.issuer, "sub": SUBJECT, "aud": grant.client_id, "nonce": grant.nonce,
            "iat": now, "exp": now + 300, "sid": "provider-session",
        });
        if !behaviour.sparse {
            claims = merged(claims, &user());
        }
        let payload = (behaviour.payload_text)(merged(claims, &behaviour.claims).to_string());
        let header = merged(json!({"alg": "RS256", "kid": "a", "typ": "JWT"}), &behaviour.header);
        (behaviour.id_token_text)(signing::signed(&header, &payload, &behaviour.key))
    }

    fn user_info(&self, behaviour: &Behaviour, request: &Recorded) -> Response<Body> {
        if !request.authorization().is_some_and(|value| value.starts_with("Bearer access-")) {
            return error(401, "invalid_token");
        }
        let user = merged(user(), &json!({"sub": SUBJECT}));
        let Some((key, header)) = &behaviour.signed_user_info else {
            return answer(200, &merged(user, &behaviour.user));
        };
        let user = merged(user, &json!({"iss": self.issuer, "aud": CLIENT_ID}));
        let header = merged(json!({"alg": "RS256", "kid": "a"}), header);
        text(200, "application/jwt", signing::signed(&header, &merged(user, &behaviour.user).to_string(), key))
    }
}
