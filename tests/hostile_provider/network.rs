//! The way to the provider: redirects of documents, metadata at another address, a base for the back channel, a forward proxy.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatepost::domain::oidc::relying_party::RelyingParty;
use gatepost::domain::session::{Lifetimes, Session};
use gatepost::domain::time::Timestamp;
use gatepost::outbound::provider::{ProviderProxy, ProviderSettings, StartFault};
use gatepost::ports::IdentityProvider as _;
use gatepost::testing::{ManualClock, NOW};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

use crate::authority::authority;
use crate::fixture::application;
use crate::op::{HostileOp, Reply};
use crate::test_client::{Outcome, TestClient, relying_party, settings};

/// Why the metadata of a provider is not accepted.
async fn refused(test_client: &TestClient) -> String {
    loop {
        let fault = test_client.providers.metadata(&test_client.relying_party).await.expect_err("is refused");
        if !fault.cause.contains("being fetched") {
            return fault.cause;
        }
    }
}

async fn with_party(change: impl FnOnce(&HostileOp, &mut RelyingParty)) -> TestClient {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    let mut party = relying_party(op.issuer());
    change(&op, &mut party);
    TestClient::around(op, party, &settings(), clock)
}

/// The metadata itself redirects, so the address to which it leads serves what the test says.
#[tokio::test]
async fn tl_2_one_redirect_of_a_document_is_followed_within_its_origin() {
    let elsewhere = HostileOp::start(ManualClock::new()).await;
    for (name, to, followed) in [
        ("a path", "/moved/metadata", true),
        ("the whole address", "{own}moved/metadata", true),
        ("another port", "{elsewhere}keys", false),
        ("another host", "http://localhost:1/keys", false),
        ("without a scheme", "//127.0.0.1:1/keys", false),
        ("https", "https://127.0.0.1/keys", false),
        ("with a user", "http://user@{authority}/keys", false),
        ("a file", "file:///etc/passwd", false),
        ("nowhere", "", false),
    ] {
        let test_client = with_party(|op, _| {
            let authority = Url::parse(op.issuer()).unwrap().authority().to_owned();
            let to = to.replace("{own}", op.issuer()).replace("{elsewhere}", elsewhere.issuer());
            op.behave(|b| b.discovery = Reply::Redirect(to.replace("{authority}", &authority)));
        })
        .await;
        let told = refused(&test_client).await;
        assert_eq!(told.contains("404"), followed, "{name}: {told}");
        assert_eq!(test_client.asked("/moved/metadata") > 0, followed, "{name}");
    }
    assert!(elsewhere.recorded("").is_empty(), "another origin is not asked");
}

#[tokio::test]
async fn tl_2_a_second_redirect_is_not_followed() {
    let test_client = with_party(|op, _| {
        let to = format!("{}a/openid-configuration", op.issuer());
        op.behave(|b| b.discovery = Reply::Redirect(to));
    })
    .await;
    let told = refused(&test_client).await;
    assert!(told.contains("302") && told.contains("one redirect"), "{told}");
    let paths: Vec<String> = test_client.op.recorded("openid-configuration").into_iter().map(|it| it.path).collect();
    assert_eq!(paths[..2], ["/o/wiki/.well-known/openid-configuration", "/o/wiki/a/openid-configuration"]);
    let test_client = with_party(|op, _| {
        let to = format!("{}b/keys", op.issuer());
        op.behave(|b| b.keys = Reply::Redirect(to));
    })
    .await;
    assert!(refused(&test_client).await.starts_with("keys: status 302"));
}

#[tokio::test]
async fn metadata_at_another_address_names_the_same_issuer() {
    let metadata = |op: &HostileOp| Url::parse(&format!("{}elsewhere/openid-configuration", op.issuer())).unwrap();
    let test_client = with_party(|op, party| party.discovery_url = Some(metadata(op))).await;
    test_client.ready().await;
    assert_eq!(Outcome::from(&test_client.sign_in().await), Outcome::SignedIn);
    let asked = test_client.op.recorded("openid-configuration");
    assert!(asked.iter().all(|request| request.path == "/o/wiki/elsewhere/openid-configuration"), "{asked:?}");

    let other = HostileOp::start(ManualClock::new()).await;
    let test_client = with_party(|_, party| party.discovery_url = Some(metadata(&other))).await;
    let told = refused(&test_client).await;
    assert!(told.contains("another issuer"), "{told}");
}

/// Copies bytes between the back-channel address and the provider, and counts connections.
struct Relay {
    base: Url,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// A relay to the port `target`; `None`: a forward proxy, whose target each `CONNECT` request names.
    async fn start(target: Option<u16>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, target, Arc::clone(&recorded)));
            }
        });
        Self { base: Url::parse(&format!("http://127.0.0.1:{port}")).unwrap(), requests, task }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, target: Option<u16>, requests: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    requests.lock().unwrap().push(text.clone());
    let port = match target {
        Some(port) => port,
        None => text.split_whitespace().nth(1)?.rsplit(':').next()?.parse().ok()?,
    };
    let mut provider = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    match target {
        Some(_) => provider.write_all(&head).await.ok()?,
        None => stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?,
    }
    tokio::io::copy_bidirectional(&mut stream, &mut provider).await.ok().map(drop)
}

#[tokio::test]
async fn the_back_channel_goes_to_its_base_and_browsers_to_the_public_address() {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    let public = Url::parse(op.issuer()).unwrap();
    let relay = Relay::start(public.port()).await;
    let mut party = relying_party(op.issuer());
    party.backchannel_base = Some(relay.base.clone());
    op.behave(|b| {
        b.sparse = true;
        b.answer = json!({ "refresh_token": "refresh-first" });
    });
    let test_client = TestClient::around(op, party, &settings(), clock);
    let metadata = test_client.ready().await;
    let is_public = |url: &Url| url.origin() == public.origin();
    assert!(
        is_public(&metadata.authorization_endpoint) && is_public(&metadata.jwks_uri),
        "as browsers and others see it"
    );
    assert!(metadata.end_session_endpoint.as_ref().is_some_and(is_public));
    let signed_in = test_client.sign_in().await.unwrap();
    let (application, day) = (application(&test_client), Duration::from_secs(86_400));
    let lifetimes = Lifetimes { absolute: day, idle: day };
    let session = Session::begin(signed_in, &application, Timestamp::from_unix(NOW), lifetimes);
    test_client.providers.refresh(&test_client.relying_party, session.record()).await.unwrap();
    test_client.providers.revoke(&test_client.relying_party, &"refresh-1".into());
    test_client.providers.settled().await;
    let authority = relay.base.authority();
    for suffix in ["/keys", "/token", "/userinfo", "/revoke"] {
        let requests = test_client.op.recorded(suffix);
        let at_base = |request: &crate::op::Recorded| request.headers["host"] == authority;
        assert!(!requests.is_empty() && requests.iter().all(at_base), "{suffix}");
    }
    for request in test_client.op.recorded("openid-configuration") {
        assert_eq!(request.headers["host"], public.authority(), "metadata has a key of its own");
    }
}

/// An endpoint at another origin was not moved.
#[tokio::test]
async fn an_endpoint_at_another_origin_is_asked_there() {
    let clock = ManualClock::new();
    let (op, keys) = (HostileOp::start(clock.clone()).await, HostileOp::start(clock.clone()).await);
    let relay = Relay::start(Url::parse(op.issuer()).unwrap().port()).await;
    let mut party = relying_party(op.issuer());
    party.backchannel_base = Some(relay.base.clone());
    let jwks_uri = format!("{}keys", keys.issuer());
    op.behave(|b| b.metadata = json!({ "jwks_uri": jwks_uri }));
    let test_client = TestClient::around(op, party, &settings(), clock);
    test_client.ready().await;
    assert_eq!(Outcome::from(&test_client.sign_in().await), Outcome::SignedIn);
    assert_eq!((keys.recorded("/keys").len(), test_client.asked("/keys")), (1, 0));
}

#[tokio::test]
async fn applications_of_one_issuer_agree_about_its_addresses() {
    let test_client = TestClient::new().await;
    let mut other = test_client.relying_party.clone();
    other.backchannel_base = Some(Url::parse("http://127.0.0.1:1").unwrap());
    let fault = test_client.providers.update(&settings(), [&test_client.relying_party, &other]).unwrap_err();
    assert_eq!(fault, StartFault::Endpoints(other.issuer.clone()));
    // A changed base is used, and what was known from elsewhere is fetched again.
    test_client.providers.update(&settings(), [&other]).unwrap();
    let fault = test_client.providers.metadata(&other).await;
    assert!(fault.is_err(), "{fault:?}");
}

#[tokio::test]
async fn tl_1_a_proxy_gets_a_tunnel_and_no_request() {
    let (ca_certificates, acceptor) = authority("localhost", |_| {});
    let clock = ManualClock::new();
    let op = HostileOp::start_tls(acceptor, clock.clone()).await;
    let relay = Relay::start(None).await;
    let mut url = relay.base.clone();
    url.set_username("user").unwrap();
    url.set_password(Some("p@ss")).unwrap();
    let authority = Url::parse(op.issuer()).unwrap().authority().to_owned();
    let settings = |exceptions: Option<&str>| ProviderSettings {
        ca_certificates: ca_certificates.clone(),
        proxy: Some(ProviderProxy::new(url.clone(), exceptions.map(str::to_owned))),
        timeout: Duration::from_secs(5),
        ..settings()
    };
    assert!(!format!("{:?}", settings(None)).contains("p@ss"));
    let party = relying_party(op.issuer());
    let test_client = TestClient::around(op, party, &settings(None), clock);
    test_client.ready().await;
    assert_eq!(Outcome::from(&test_client.sign_in().await), Outcome::SignedIn);
    let requests = relay.requests();
    assert!(!requests.is_empty());
    for request in &requests {
        assert!(request.starts_with(&format!("CONNECT {authority} HTTP/1.1\r\n")), "{request}");
        assert!(request.to_ascii_lowercase().contains("proxy-authorization: basic dxnlcjpwqhnz"), "{request}");
    }
    for request in test_client.op.recorded("") {
        assert!(!request.headers.contains_key("proxy-authorization"), "the provider does not learn it");
    }
    test_client.providers.update(&settings(Some("localhost")), [&test_client.relying_party]).unwrap();
    assert_eq!(Outcome::from(&test_client.sign_in().await), Outcome::SignedIn);
    assert_eq!(relay.requests().len(), requests.len(), "an exception is called directly");
    drop(relay);
    test_client.providers.update(&settings(None), [&test_client.relying_party]).unwrap();
    assert_eq!(Outcome::from(&test_client.sign_in().await), Outcome::Unavailable, "never around the proxy");
}

/// Plain http is for this machine, where a proxy has no business.
#[tokio::test]
async fn plain_http_does_not_pass_the_proxy() {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    let relay = Relay::start(None).await;
    let proxy = Some(ProviderProxy::new(relay.base.clone(), None));
    let party = relying_party(op.issuer());
    let test_client = TestClient::around(op, party, &ProviderSettings { proxy, ..settings() }, clock);
    test_client.ready().await;
    assert_eq!(Outcome::from(&test_client.sign_in().await), Outcome::SignedIn);
    assert!(relay.requests().is_empty());
}
