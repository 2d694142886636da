//! Providers that start late, fail, or are another product.

use http::{Method, StatusCode};

use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::glewlwyd::Glewlwyd;
use crate::support::ports::free_port;
use crate::support::process::eventually;
use crate::support::settings::Mode;
use crate::support::site::Plan;

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_at_start_is_found_when_it_comes() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.provider_is_up = false;
        let mut site = plan.start().await;
        let browser = Browser::new(Protocol::Http1);
        let page = browser.open(&site.wiki("/")).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{page:#?}");
        let seconds = page.header("retry-after").and_then(|value| value.parse::<u32>().ok());
        assert!(seconds.is_some_and(|seconds| seconds > 0), "{page:#?}");
        assert!(!page.body.is_empty(), "a page that says what is going on");
        assert_eq!(
            browser.open(&site.wiki("/public/")).await.seen().identity(),
            [],
            "public paths do not depend on it"
        );

        site.start_provider();
        eventually("sign-ins work by themselves", async || {
            let page = browser.open(&site.wiki("/")).await;
            (page.status == StatusCode::FOUND).then_some(())
        })
        .await;
        site.signed_in(Protocol::Http1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_do_not_need_the_provider() {
    let mut site = crate::support::site::Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http2).await;
    site.stop_provider();
    site.gatepost.stop();
    site.start_gatepost();
    eventually("Envoy reaches Gatepost again", async || {
        let page = browser.open(&site.wiki("/public/")).await;
        page.status.is_success().then_some(())
    })
    .await;
    let page = browser.open(&site.wiki("/")).await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    let script = Browser::new(Protocol::Http1).ask(Ask::script(Method::GET, &site.wiki("/"))).await;
    assert_eq!(script.status, StatusCode::UNAUTHORIZED, "{script:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_dies_between_form_and_callback_gives_503_and_no_session() {
    let mut site = crate::support::site::Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = Browser::new(Protocol::Http1);
    let form = browser.visit(&site.wiki("/")).await;
    let callback = browser.fill_in_until_callback(&form, "alice").await;
    site.stop_provider();
    let page = browser.open(callback.as_str()).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{page:#?}");
    assert!(page.header("retry-after").is_some() && !page.body.is_empty(), "{page:#?}");
    assert!(page.sets_cookies().is_empty(), "{page:#?}");
}

/// The second product: glewlwyd, with ES256, the secret in the form, an issuer with a path, and no `iss` in the callback.
#[tokio::test(flavor = "multi_thread")]
async fn glewlwyd_signs_in_too() {
    let port = free_port();
    let folder = tempfile::tempdir().expect("a folder");
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.entries.truncate(1);
    plan.settings.for_entries =
        "    id_token_signed_response_alg: ES256\n    token_endpoint_auth_method: client_secret_post\n";
    plan.issuer = Some(Glewlwyd::issuer_at(port));
    let client = plan.settings.clients(plan.front()).remove(0);
    let glewlwyd = Glewlwyd::start(port, folder.path(), &client).await;
    let site = plan.start().await;

    let browser = Browser::new(Protocol::Http1);
    let address = site.wiki("/pages?x=1");
    let first = eventually("Gatepost knows the provider", async || {
        let page = browser.open(&address).await;
        (page.status == StatusCode::FOUND).then_some(page)
    })
    .await;
    let granted = glewlwyd.sign_in(&browser, &first.location()).await;
    let page = browser.follow(granted).await;
    assert_eq!(page.url.as_str(), address);
    let seen = page.seen();
    assert_eq!(seen.header("x-authentik-username"), Some("alice"));
    assert_eq!(seen.header("x-authentik-groups"), Some("admins|staff"));
    assert_eq!(seen.header("x-authentik-email"), Some("alice@example.test"));
    assert!(seen.header("x-authentik-uid").is_some_and(|uid| uid != "alice" && !uid.is_empty()), "{seen:?}");

    let left = browser.ask(Ask::navigation(&site.wiki("/outpost.goauthentik.io/sign_out"))).await;
    assert!(left.location().path().ends_with("/api/oidc/end_session"), "{left:#?}");
    assert_eq!(browser.open(&site.wiki("/")).await.status, StatusCode::FOUND, "asked again");
}
