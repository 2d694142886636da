//! A front proxy that does not keep what Gatepost and browsers send through it. The end-to-end tests show the answers of a real Envoy.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

use crate::broken::says;
use crate::fake_provider::{FakeProvider, Flaws};
use crate::run::Setup;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    DropsSetCookie,
    DropsCookie,
    TrustsClients,
    AnswersByItself,
    ServesAnotherClient,
    HasNoProvider,
}

/// The public address: what a front proxy makes of Gatepost's answers.
struct Front {
    address: SocketAddr,
    issuer: String,
    flaw: Flaw,
}

impl Front {
    async fn start(issuer: String, flaw: Flaw) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/outpost.goauthentik.io/ping", get(async || StatusCode::NO_CONTENT))
            .route("/outpost.goauthentik.io/start", get(begin))
            .with_state(Arc::new(Self { address, issuer, flaw }));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        (address, serving)
    }
}

async fn begin(State(front): State<Arc<Front>>, headers: HeaderMap) -> Response {
    let Front { address, issuer, flaw } = &*front;
    let named = headers.get("x-forwarded-host").filter(|_| *flaw == Flaw::TrustsClients);
    if named.is_some() || *flaw == Flaw::AnswersByItself {
        return StatusCode::FORBIDDEN.into_response();
    }
    if *flaw == Flaw::HasNoProvider {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let client = if *flaw == Flaw::ServesAnotherClient { "board" } else { "wiki" };
    let back =
        format!("http://localhost:{}/outpost.goauthentik.io/callback?X-authentik-auth-callback=true", address.port());
    let to =
        Url::parse_with_params(&format!("{issuer}/auth"), [("client_id", client), ("redirect_uri", &back)]).unwrap();
    let redirect = [(header::LOCATION, to.to_string())];
    let comes_back = headers.contains_key(header::COOKIE) && *flaw != Flaw::DropsCookie;
    if comes_back || *flaw == Flaw::DropsSetCookie {
        return (StatusCode::FOUND, redirect).into_response();
    }
    (StatusCode::FOUND, redirect, [(header::SET_COOKIE, "__Host-gatepost-binding=x; Path=/")]).into_response()
}

#[tokio::test]
async fn what_the_front_proxy_does_not_keep_is_named() {
    for (flaw, check, level, words) in [
        (Flaw::None, "cookies", "ok", "comes back to Gatepost"),
        (Flaw::None, "forwarded_headers", "ok", "change nothing"),
        (Flaw::DropsSetCookie, "cookies", "fail", "sets no cookie __Host-gatepost-binding"),
        (Flaw::DropsCookie, "cookies", "fail", "does not come back to Gatepost"),
        (Flaw::TrustsClients, "forwarded_headers", "warn", "403 instead of 302"),
        (Flaw::AnswersByItself, "start", "fail", "answers 403"),
        (Flaw::ServesAnotherClient, "start", "warn", "the client \"board\""),
        (Flaw::HasNoProvider, "start", "warn", "answers 503"),
    ] {
        let provider = FakeProvider::start(Flaws::default()).await;
        let (address, _serving) = Front::start(provider.issuer(), flaw).await;
        let setup = Setup::new(&provider.issuer(), "", "session: { store: memory }\n");
        setup.edit(|text| {
            let text = text.replace("https://wiki.example.com", &format!("http://localhost:{}", address.port()));
            text.replace("metrics: 127.0.0.1:1", &format!("metrics: {address}"))
        });
        let (code, findings) = setup.findings().await;
        says(&findings, check, level, words);
        assert_eq!(code, Some(i32::from(level == "fail")), "{flaw:?}: {findings:#}");
    }
}

#[tokio::test]
async fn another_server_at_the_address_is_named() {
    for (status, words) in
        [(StatusCode::NOT_FOUND, "send /outpost"), (StatusCode::BAD_GATEWAY, "does not reach Gatepost")]
    {
        let provider = FakeProvider::start(Flaws::default()).await;
        let (running, _serving) = Front::start(provider.issuer(), Flaw::None).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving
            .spawn(async move { axum::serve(listener, Router::new().fallback(async move || status)).await.unwrap() });
        let setup = Setup::new(&provider.issuer(), "", "session: { store: memory }\n");
        setup.edit(|text| {
            let text = text.replace("https://wiki.example.com", &format!("http://localhost:{}", other.port()));
            text.replace("metrics: 127.0.0.1:1", &format!("metrics: {running}"))
        });
        let (code, findings) = setup.findings().await;
        says(&findings, "ping", "fail", words);
        assert_eq!(code, Some(1));
    }
}
