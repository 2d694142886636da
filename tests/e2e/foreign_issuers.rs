//! Programs with tokens of a second provider, beside the one at which users sign in, and the way on which they find it.

use http::{Method, StatusCode};

use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::ports::free_port;
use crate::support::provider::{Provider, ProviderSettings};
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

const PASSWORD: &str = "a-password-of-a-program";

/// The second provider, with a client for programs. Its tokens are what issuers such as Kubernetes and GitLab hand out: signed,
/// for an audience, without the profile of access tokens.
fn second_provider(client: &'static str) -> (ProviderSettings, Provider) {
    let settings = ProviderSettings {
        clients: vec![serde_json::json!({
            "client_id": client, "client_secret": "x", "redirect_uris": ["https://agents.example/callback"],
        })],
        app_passwords: vec![("alice", PASSWORD), ("bob", PASSWORD)],
        ..ProviderSettings::on(free_port())
    };
    let provider = Provider::start(&settings);
    (settings, provider)
}

/// The settings of applications that accept tokens of this issuer for the audience `agents`.
fn accepting(issuer: &str, users: &str) -> &'static str {
    let text = format!(
        "    bearer:\n      verify: introspection\n      scopes: [openid]\n      issuers:\n        - issuer: {issuer}\n          \
         audiences: [agents]\n          token_type: none\n          username_claim: preferred_username\n          \
         username_prefix: 'agent:'\n          trusted_claims: [groups]\n      resource_metadata:\n        \
         authorization_servers: ['{issuer}']\n        scopes_supported: [openid, profile]\n    allow:\n      - anyone: true\n      \
         - issuers: ['{issuer}']\n        {users}\n"
    );
    // Each test has its own, for its whole life.
    Box::leak(text.into_boxed_str())
}

async fn site(scenario: Scenario, mode: Mode, users: &str) -> (Site, ProviderSettings, Provider) {
    let (settings, provider) = second_provider("agents");
    let mut plan = Plan::new(scenario, mode);
    plan.settings.for_entries = accepting(&settings.issuer(), users);
    (plan.start().await, settings, provider)
}

/// A token of this user from the token endpoint that the issuer's metadata names.
async fn token(program: &Browser, issuer: &str, client: &str, user: &str) -> String {
    let metadata = program.ask(Ask::plain(Method::GET, &format!("{issuer}/.well-known/openid-configuration"))).await;
    let endpoint = metadata.json().text("token_endpoint").expect("an endpoint").to_owned();
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("username", user),
        ("password", PASSWORD),
        ("scope", "openid profile"),
    ];
    let answer = program.ask(Ask::plain(Method::POST, &endpoint).form(&fields)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:#?}");
    answer.json().text("id_token").expect("a token").to_owned()
}

async fn call(program: &Browser, url: &str, token: &str) -> Page {
    let ask = Ask::plain(Method::GET, url).header("accept", "application/json");
    program.ask(ask.header("authorization", &format!("Bearer {token}"))).await
}

/// The address in `resource_metadata` of the first challenge.
fn metadata_address(page: &Page) -> String {
    let challenge = page.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer realm="), "{page:#?}");
    let (_, rest) = challenge.split_once("resource_metadata=\"").unwrap_or_else(|| panic!("{page:#?}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// From a refusal to the metadata, to the authorization server, to a token, to the application; as an MCP client does it.
async fn walk(scenario: Scenario, mode: Mode) {
    let (site, settings, _provider) =
        site(scenario, mode, "claims: [{ claim: preferred_username, values: [alice] }]").await;
    let (program, wiki) = (Browser::new(Protocol::Http1), site.wiki("/api?x=1"));
    let refused = program.ask(Ask::plain(Method::GET, &wiki).header("accept", "application/json")).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{refused:#?}");
    let address = metadata_address(&refused);
    assert_eq!(address, site.wiki("/.well-known/oauth-protected-resource"));

    let metadata = program.ask(Ask::plain(Method::GET, &address).header("origin", "https://agent.example")).await;
    assert_eq!(metadata.status, StatusCode::OK, "{metadata:#?}");
    assert_eq!(metadata.header("content-type"), Some("application/json"));
    assert_eq!(metadata.header("access-control-allow-origin"), Some("*"));
    let caching: Vec<_> = metadata.headers.get_all("cache-control").iter().collect();
    assert_eq!(caching, ["public, max-age=300"]);
    let document = metadata.json();
    assert_eq!(document.text("resource"), Some(site.wiki("").as_str()));
    let servers: serde_json::Value = serde_json::from_str(&metadata.body).expect("JSON");
    assert_eq!(servers["authorization_servers"], serde_json::json!([settings.issuer()]));
    let preflight = Ask::plain(Method::OPTIONS, &address)
        .header("origin", "https://agent.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "mcp-protocol-version");
    let preflight = program.ask(preflight).await;
    assert_eq!(
        (preflight.status, preflight.header("access-control-allow-headers")),
        (StatusCode::NO_CONTENT, Some("*"))
    );
    let posted = program.ask(Ask::plain(Method::POST, &address).form(&[])).await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED, "{posted:#?}");

    let of_alice = token(&program, &settings.issuer(), "agents", "alice").await;
    let seen = call(&program, &wiki, &of_alice).await.seen();
    assert_eq!(seen.header("x-authentik-username"), Some("agent:alice"));
    assert_eq!(seen.header("x-authentik-uid"), Some("agent:alice"));
    assert_eq!((seen.header("x-authentik-email"), seen.header("authorization")), (None, None));
    let of_bob = token(&program, &settings.issuer(), "agents", "bob").await;
    let forbidden = call(&program, &wiki, &of_bob).await;
    assert_eq!(forbidden.status, StatusCode::FORBIDDEN, "{forbidden:#?}");
    assert!(forbidden.body.contains("agent:bob"), "{forbidden:#?}");

    let (signed, _) = of_alice.rsplit_once('.').expect("a signature");
    let (_, other_signature) = of_bob.rsplit_once('.').expect("a signature");
    let forged = call(&program, &wiki, &format!("{signed}.{other_signature}")).await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED, "{forged:#?}");
    assert_eq!(metadata_address(&forged), address);
    assert!(forged.header("www-authenticate").is_some_and(|it| it.contains("error=\"invalid_token\"")), "{forged:#?}");

    let user = Browser::new(Protocol::Http1).sign_in(&wiki, "bob").await;
    assert_eq!(user.seen().header("x-authentik-username"), Some("bob"), "users of the provider sign in as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn rs_1_at_5_a_program_finds_its_way_behind_envoy() {
    walk(Scenario::InsideTheCheck, Mode::Single).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rs_1_at_5_a_program_finds_its_way_at_each_host_of_a_domain() {
    walk(Scenario::InsideTheCheck, Mode::Domain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rs_1_at_5_a_program_finds_its_way_beside_the_side_listener() {
    walk(Scenario::SideListener, Mode::Single).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_5_a_foreign_token_is_for_its_audience_and_goes_with_its_issuer() {
    let (mut site, settings, _provider) = site(Scenario::InsideTheCheck, Mode::Single, "anyone: true").await;
    let (other, _other) = second_provider("others");
    let program = Browser::new(Protocol::Http2);
    let url = site.wiki("/api");
    let good = token(&program, &settings.issuer(), "agents", "alice").await;
    call(&program, &url, &good).await.seen();
    // Of an issuer that is not listed: the application's provider is asked about it, and does not know it.
    let unknown = token(&program, &other.issuer(), "others", "alice").await;
    assert_eq!(call(&program, &url, &unknown).await.status, StatusCode::UNAUTHORIZED);

    // A reload accepts another issuer in place of the first one, at once.
    let replaced = accepting(&other.issuer(), "anyone: true");
    let mark = site.gatepost.log().count();
    site.edit(|settings| settings.for_entries = Box::leak(replaced.replace("[agents]", "[others]").into_boxed_str()));
    site.gatepost.logs_after(mark, "configuration reloaded");
    let accepted = call(&program, &url, &unknown).await;
    accepted.seen();
    assert_eq!(call(&program, &url, &good).await.status, StatusCode::UNAUTHORIZED);
}
