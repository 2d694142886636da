//! A provider that publishes metadata and keys, shows a sign-in form, and refuses random codes; with one thing wrong at a time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use gatepost::ports::Clock as _;
use gatepost::server::SystemClock;
use gatepost::testing::signing::{self, Key};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What is wrong; by default nothing.
#[derive(Clone, Default)]
pub(crate) struct Flaws {
    /// Members of the metadata that are replaced; null removes one.
    pub(crate) metadata: Option<Value>,
    /// By how many seconds its clock is slow.
    pub(crate) slow: u64,
    /// The token endpoint refuses every client.
    pub(crate) refuses_clients: bool,
}

pub(crate) struct FakeProvider {
    pub(crate) address: SocketAddr,
    _serving: JoinSet<()>,
}

struct Served {
    issuer: String,
    flaws: Flaws,
}

impl FakeProvider {
    pub(crate) async fn start(flaws: Flaws) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::new(Served { issuer: format!("http://{address}"), flaws });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(async || json!({ "keys": [signing::jwk(&Key::RsaA, "one")] }).to_string()))
            .route("/auth", get(async || Html("<form method=post><input type=password></form>")))
            .route("/token", post(token))
            .with_state(served);
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, _serving: serving }
    }

    /// A server at which TLS can be begun, and nothing more.
    pub(crate) async fn with_tls(tls: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The client refuses the certificate.
                drop(tls.accept(stream).await);
            }
        });
        Self { address, _serving: serving }
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn metadata(State(served): State<Arc<Served>>) -> Response {
    let Served { issuer, flaws } = &*served;
    let mut metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"),
        "end_session_endpoint": format!("{issuer}/end"),
        "jwks_uri": format!("{issuer}/keys"),
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "profile", "email"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
    });
    for (name, value) in flaws.metadata.iter().filter_map(Value::as_object).flatten() {
        metadata[name] = value.clone();
    }
    let now = Duration::from_secs(SystemClock.now().as_unix() - flaws.slow);
    let date = httpdate::fmt_http_date(UNIX_EPOCH + now);
    ([(header::DATE, date)], metadata.to_string()).into_response()
}

async fn token(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let is_known = headers.contains_key(header::AUTHORIZATION) && !served.flaws.refuses_clients;
    let (status, error) = if is_known {
        (StatusCode::BAD_REQUEST, "invalid_grant")
    } else {
        (StatusCode::UNAUTHORIZED, "invalid_client")
    };
    (status, [(header::CONTENT_TYPE, "application/json")], json!({ "error": error }).to_string()).into_response()
}
