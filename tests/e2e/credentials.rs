//! Programs that present their own credentials: bearer tokens that the provider introspects, and app passwords.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};

use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

const PASSWORD: &str = "an-app-password-of-alice";

/// A site that accepts both kinds, and whose provider prints the tokens that it issues.
fn plan() -> Plan {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.for_entries =
        "    bearer: { verify: introspection, clients: [wiki, board], scopes: [openid] }\n    basic: {}\n";
    plan.provider.print_tokens = true;
    plan.provider.app_passwords = vec![("alice", PASSWORD)];
    plan
}

/// Access token and ID Token of alice, who signed in at the board: another client of the same provider.
async fn tokens_of_alice(site: &Site) -> [String; 2] {
    let page = Browser::new(Protocol::Http1).sign_in(&site.at("board", "/"), "alice").await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    let handed_out = site.provider.as_ref().expect("a provider").tokens(2);
    let (access_token, id_token) = (handed_out[0].clone(), handed_out[1].clone());
    assert!(!access_token.is_empty() && id_token.split('.').count() == 3, "{handed_out:?}");
    [access_token, id_token]
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

async fn call(site: &Site, path: &str, authorization: &str) -> Page {
    let ask = Ask::script(Method::GET, &site.wiki(path)).header("authorization", authorization);
    Browser::new(Protocol::Http2).ask(ask).await
}

/// Asserts that the request was allowed as alice; nothing of the credential reaches the application, and nothing is stored.
fn assert_alice(page: &Page) {
    assert_eq!(page.status, StatusCode::OK, "{page:#?}");
    let seen = page.seen();
    assert_eq!(seen.header("x-authentik-username"), Some("alice"));
    assert_eq!(seen.header("x-authentik-groups"), Some("admins|staff"));
    assert_eq!(seen.header("x-authentik-email"), Some("alice@example.test"));
    assert_eq!(seen.header("x-authentik-uid"), Some("alice"));
    assert_eq!(seen.header("authorization"), None);
    assert!(page.sets_cookies().is_empty(), "{page:#?}");
}

fn assert_refused(page: &Page, challenge: &str) {
    assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{page:#?}");
    assert!(page.header("www-authenticate").is_some_and(|it| it.starts_with(challenge)), "{page:#?}");
    assert!(page.header("location").is_none() && page.sets_cookies().is_empty(), "{page:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn br_1_a_bearer_token_is_valid_or_401() {
    let site = plan().start().await;
    let [access_token, id_token] = tokens_of_alice(&site).await;
    assert_alice(&call(&site, "/api?x=1", &bearer(&access_token)).await);
    for method in [Method::POST, Method::DELETE] {
        let ask = Ask::script(method, &site.wiki("/api")).header("authorization", &bearer(&access_token));
        assert_alice(&Browser::new(Protocol::Http1).ask(ask).await);
    }
    let reached = site.application.seen().len();
    for junk in ["junk", id_token.as_str(), &access_token[1..], ""] {
        assert_refused(&call(&site, "/api", &bearer(junk)).await, "Bearer ");
    }
    let navigation = Ask::navigation(&site.wiki("/")).header("authorization", "Bearer junk");
    let page = Browser::new(Protocol::Http1).ask(navigation).await;
    assert_refused(&page, "Bearer ");
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{page:#?}");
    let doubled = Ask::script(Method::GET, &site.wiki("/api"))
        .header("authorization", &bearer(&access_token))
        .also("authorization", &bearer(&access_token));
    assert_refused(&Browser::new(Protocol::Http2).ask(doubled).await, "Bearer ");
    assert_eq!(site.application.seen().len(), reached, "none of them reached the application");

    let public = call(&site, "/public/page", "Bearer junk").await.seen();
    assert_eq!((public.identity(), public.header("authorization")), (vec![], Some("Bearer junk")));
    let foreign = Ask::navigation(&site.wiki("/")).header("authorization", "Digest junk");
    let foreign = Browser::new(Protocol::Http1).ask(foreign).await;
    assert_eq!(foreign.status, StatusCode::FOUND, "a scheme that is not configured changes nothing: {foreign:#?}");
}

/// The application receives the provider's tokens under names that the operator chose, and never a client's own.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_the_session_are_sent_to_the_application() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.settings.for_entries = "    claim_headers: [{ header: Authorization, token: access_token }, { header: X-Id-Token, token: id_token }]\n";
        let site = plan.start().await;
        let browser = site.signed_in(Protocol::Http2).await;
        let ask =
            Ask::navigation(&site.wiki("/")).header("authorization", "Bearer forged").also("x-id-token", "forged");
        for _ in 0..2 {
            let seen = browser.ask(ask.clone()).await.seen();
            let sent = seen.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).expect("a token");
            assert!(sent != "forged" && !sent.is_empty(), "{sent}");
            assert!(seen.header("x-id-token").is_some_and(|token| token.split('.').count() == 3), "{seen:?}");
        }
        let public = Ask::plain(Method::GET, &site.wiki("/public/page")).header("authorization", "Bearer forged");
        let public = Browser::new(Protocol::Http1).ask(public.also("x_id_token", "forged")).await.seen();
        assert_eq!((public.header("authorization"), public.header("x_id_token")), (None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_1_a_signed_access_token_needs_no_provider() {
    let mut plan = plan();
    plan.provider.audience = Some("https://wiki.example");
    plan.settings.for_entries = "    bearer: { verify: jwt, audience: 'https://wiki.example' }\n";
    let mut site = plan.start().await;
    let [access_token, id_token] = tokens_of_alice(&site).await;
    assert_eq!(access_token.split('.').count(), 3, "a signed one");
    site.stop_provider();
    let seen = call(&site, "/api", &bearer(&access_token)).await.seen();
    assert_eq!((seen.header("x-authentik-uid"), seen.header("authorization")), (Some("alice"), None));
    let (signed, _) = access_token.rsplit_once('.').expect("a signature");
    let (_, other_signature) = id_token.rsplit_once('.').expect("a signature");
    for forged in [id_token.clone(), format!("{signed}.{other_signature}"), format!("{signed}.")] {
        assert_refused(&call(&site, "/api", &bearer(&forged)).await, "Bearer ");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn app_passwords_and_authentiks_token_user_sign_programs_in() {
    let site = plan().start().await;
    let [access_token, _] = tokens_of_alice(&site).await;
    assert_alice(&call(&site, "/api", &basic("alice", PASSWORD)).await);
    assert_alice(&call(&site, "/api", &basic("goauthentik.io/token", &access_token)).await);
    for (user, password) in
        [("alice", "wrong"), ("bob", PASSWORD), ("__proto__", "x"), ("goauthentik.io/token", PASSWORD)]
    {
        assert_refused(&call(&site, "/api", &basic(user, password)).await, "Basic ");
    }

    let mut plan = plan();
    plan.settings.for_entries = "    basic: { pass_on: true }\n";
    let site = plan.start().await;
    let sent = basic("alice", PASSWORD);
    let seen = call(&site, "/api", &sent).await.seen();
    assert_eq!((seen.header("x-authentik-username"), seen.header("authorization")), (Some("alice"), Some(&*sent)));
    let left_alone = call(&site, "/public/", "Bearer junk").await.seen();
    assert_eq!(left_alone.header("authorization"), Some("Bearer junk"));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_3_without_the_provider_known_credentials_pass_for_a_while_and_others_wait() {
    let mut site = plan().start().await;
    let [access_token, id_token] = tokens_of_alice(&site).await;
    assert_alice(&call(&site, "/", &bearer(&access_token)).await);
    site.stop_provider();
    assert_alice(&call(&site, "/", &bearer(&access_token)).await);
    for other in [bearer(&id_token), basic("alice", PASSWORD)] {
        let page = call(&site, "/", &other).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{page:#?}");
        assert!(page.header("retry-after").is_some(), "{page:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_is_logged_at_any_level() {
    let mut plan = plan();
    plan.settings.log_level = "trace";
    let mut site = plan.start().await;
    let tokens = tokens_of_alice(&site).await;
    let wrong = "a-wrong-password";
    let mut sent: Vec<String> = tokens.iter().map(|token| bearer(token)).collect();
    sent.extend([basic("alice", PASSWORD), basic("alice", wrong), basic("goauthentik.io/token", &tokens[0])]);
    sent.extend([bearer("neither~this one"), "Basic not+base64".to_owned()]);
    for authorization in &sent {
        call(&site, "/api", authorization).await;
    }
    site.stop_provider();
    sent.extend([bearer("a-token-for-nobody"), basic("alice", "a-password-for-nobody")]);
    for authorization in &sent {
        call(&site, "/api", authorization).await;
    }
    site.gatepost.stop();

    let log = site.gatepost.log().text();
    assert!(log.contains("credential refused") && log.contains("credential_accepted"), "the log was read: {log}");
    let mut secrets: Vec<&str> =
        sent.iter().filter_map(|line| line.split_once(' ')).map(|(_, secret)| secret).collect();
    secrets.extend([PASSWORD, wrong, "a-password-for-nobody"]);
    secrets.extend(tokens.iter().map(String::as_str));
    for (place, text) in [("Gatepost's log", log), ("Envoy's access log", site.envoy.access_log())] {
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} stands in {place}");
        }
    }
}
