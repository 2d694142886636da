//! Single sign-out started by the provider: the real oidc-provider ends its session and calls through the real Envoy, and
//! the browser's next request leads to the sign-in.

use http::{Method, StatusCode};

use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::settings::{Entry, Mode};
use crate::support::site::{Plan, Site};

const BACK: &str = "/outpost.goauthentik.io/backchannel_logout";
const FRONT: &str = "/outpost.goauthentik.io/frontchannel_logout";

fn plan(scenario: Scenario, mode: Mode) -> Plan {
    let mut plan = Plan::new(scenario, mode);
    plan.settings.backchannel_logout = true;
    plan
}

/// The user ends the session at the provider itself, without a request to Gatepost.
async fn leave_the_provider(browser: &Browser, site: &Site) {
    let question = browser.visit(&format!("{}/session/end", site.plan.provider.issuer())).await;
    browser.confirm_sign_out(&question).await;
}

async fn the_providers_end_is_ours(plan: Plan) {
    let site = plan.start().await;
    let (here, elsewhere) = (site.signed_in(Protocol::Http1).await, site.signed_in(Protocol::Http2).await);
    leave_the_provider(&here, &site).await;
    assert!(!site.is_signed_in(&here).await, "{}", site.gatepost.log().text());
    assert!(site.is_signed_in(&elsewhere).await, "another of the provider's sessions goes on");
    assert!(site.gatepost.log().says("a back-channel logout ended sessions"));
    assert!(
        site.application.seen().iter().all(|seen| !seen.path.contains("logout")),
        "nothing of it reaches the application"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bl_12_inside_the_check_single() {
    the_providers_end_is_ours(plan(Scenario::InsideTheCheck, Mode::Single)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bl_12_inside_the_check_domain() {
    the_providers_end_is_ours(plan(Scenario::InsideTheCheck, Mode::Domain)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bl_12_side_listener_single() {
    the_providers_end_is_ours(plan(Scenario::SideListener, Mode::Single)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bl_12_side_listener_domain() {
    the_providers_end_is_ours(plan(Scenario::SideListener, Mode::Domain)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bl_12_proxy_mode() {
    let mut plan = plan(Scenario::ProxyMode, Mode::Single);
    let backend = crate::support::application::Application::start();
    let line = format!("    internal_host: http://127.0.0.1:{}\n", backend.port);
    plan.settings.entries = vec![Entry::proxy("Wiki", "wiki", &line)];
    let site = plan.start().await;
    let browser = site.signed_in(Protocol::Http1).await;
    leave_the_provider(&browser, &site).await;
    assert!(!site.is_signed_in(&browser).await, "{}", site.gatepost.log().text());
}

fn assert_plain(page: &Page, status: u16) {
    assert_eq!(page.status.as_u16(), status, "{page:#?}");
    assert_eq!(page.header("cache-control"), Some("no-store"), "BL-15");
    assert!(page.sets_cookies().is_empty(), "BL-15: {page:#?}");
}

/// The best forgery of an unauthenticated client is an ID Token that it signed itself.
#[tokio::test(flavor = "multi_thread")]
async fn bl_15_what_is_no_logout_token_gets_400_and_ends_nothing() {
    for scenario in Scenario::BOTH {
        let mut plan = plan(scenario, Mode::Single);
        plan.provider.print_tokens = true;
        let mut site = plan.start().await;
        let browser = site.signed_in(Protocol::Http1).await;
        let tokens = site.provider.as_ref().expect("runs").tokens(2);
        let stranger = Browser::new(Protocol::Http1);
        let post = || Ask::plain(Method::POST, &site.wiki(BACK));
        for token in tokens.iter().map(String::as_str).chain(["x.y.z", ""]) {
            assert_plain(&stranger.ask(post().form(&[("logout_token", token)])).await, 400);
        }
        assert_plain(&stranger.ask(post().form(&[("logout_token", "x"), ("logout_token", "x")])).await, 400);
        assert_plain(&stranger.ask(post().json(&serde_json::json!({ "logout_token": "x" }))).await, 400);
        assert_plain(&stranger.ask(post()).await, 400);
        assert_plain(&stranger.ask(Ask::plain(Method::GET, &site.wiki(BACK))).await, 405);
        let too_much = stranger.ask(post().form(&[("logout_token", &"x".repeat(70_000))])).await;
        match scenario {
            // Envoy itself refuses it, without a check.
            Scenario::InsideTheCheck => assert_eq!(too_much.status, StatusCode::PAYLOAD_TOO_LARGE, "{too_much:#?}"),
            Scenario::SideListener | Scenario::ProxyMode => assert_plain(&too_much, 400),
        }
        let almost = "x".repeat(60_000);
        assert_plain(&stranger.ask(post().form(&[("logout_token", &almost)])).await, 400);
        // Other spellings of the path are not the endpoint.
        for odd in ["/", ";x", "%2f", "//"] {
            let page = stranger.ask(Ask::plain(Method::POST, &site.wiki(&format!("{BACK}{odd}")))).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{odd} {page:#?}");
        }
        assert!(site.is_signed_in(&browser).await);
        site.gatepost.stop();
        let log = site.gatepost.log().text();
        assert!(!tokens.iter().any(|token| log.contains(token.as_str())), "a token stands in the log");
        assert!(site.application.seen().iter().all(|seen| !seen.path.contains("logout")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fl_1_fl_2_a_frame_of_the_providers_ends_its_own_browsers_session() {
    for scenario in Scenario::BOTH {
        let site = plan(scenario, Mode::Single).start().await;
        let (here, elsewhere) = (site.signed_in(Protocol::Http1).await, site.signed_in(Protocol::Http2).await);
        let frame = |query: &str| {
            Ask::navigation(&site.wiki(&format!("{FRONT}{query}")))
                .header("sec-fetch-dest", "iframe")
                .header("sec-fetch-site", "cross-site")
        };
        let image = Ask::navigation(&site.wiki(FRONT)).header("sec-fetch-dest", "image");
        for ask in [frame("?iss=https%3A%2F%2Fother.example&sid=x"), image] {
            assert_eq!(here.ask(ask).await.status, StatusCode::OK);
            assert!(site.is_signed_in(&here).await);
        }
        let page = here.ask(frame("")).await;
        assert_eq!((page.status, page.header("x-frame-options")), (StatusCode::OK, None), "{page:#?}");
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.ends_with(&format!("frame-ancestors {}", site.plan.provider.issuer())), "{policy}");
        assert!(!site.is_signed_in(&here).await);
        assert!(site.is_signed_in(&elsewhere).await);
    }
}
