//! Gatepost in the place of authentik's outpost: its applications come from a (fake) authentik.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{Method, StatusCode};
use serde_json::Value;

use crate::chromium::run_script;
use crate::fake_authentik::answers::{FakeCertificate, provider};
use crate::fake_authentik::{FakeAuthentik, Push, Reply, SID, TOKEN};
use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::certificates::is_served;
use crate::support::envoy::Scenario;
use crate::support::front_proxy::{FrontProxy, FrontSite};
use crate::support::process::eventually;
use crate::support::raw;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

const IN_SERVICE: &str = "the applications of authentik are in service";

/// A fake with the application `wiki` for browsers at this port.
async fn authentik(front: u16) -> FakeAuthentik {
    let fake = FakeAuthentik::start().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    fake.change(|state| {
        state.now = now;
        state.providers = vec![application("wiki", front)];
    });
    fake
}

fn application(slug: &str, front: u16) -> Value {
    provider(7, slug, &format!("http://{slug}.demo.localhost:{front}"))
}

/// A plan with nothing but the address and the token of an authentik, and that authentik.
async fn planned(scenario: Scenario) -> (FakeAuthentik, Plan) {
    let mut plan = Plan::new(scenario, Mode::Single);
    let fake = authentik(plan.front()).await;
    plan.settings.authentik = vec![("HOST", fake.url()), ("TOKEN", TOKEN.to_owned())];
    plan.provider_is_up = false;
    (fake, plan)
}

pub(crate) async fn started(scenario: Scenario) -> (FakeAuthentik, Site) {
    let (fake, plan) = planned(scenario).await;
    let site = plan.start().await;
    site.gatepost.logs_after(0, IN_SERVICE);
    (fake, site)
}

/// Whether a script of this browser's is let in.
async fn is_let_in(browser: &Browser, site: &Site) -> bool {
    let status = browser.ask(Ask::script(Method::GET, &site.wiki("/"))).await.status;
    assert!(matches!(status, StatusCode::OK | StatusCode::UNAUTHORIZED), "{status}");
    status == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn users_sign_in_at_applications_that_come_from_authentik() {
    for scenario in Scenario::BOTH {
        let (fake, site) = started(scenario).await;
        let browser = Browser::new(Protocol::Http2);
        let seen = browser.visit(&site.wiki("/page")).await.seen();
        for (name, value) in [
            ("x-authentik-username", "alice"),
            ("x-authentik-email", "alice@example.test"),
            ("x-authentik-groups", "admins"),
            ("x-authentik-meta-outpost", "edge"),
            ("x-authentik-meta-provider", "Provider for wiki"),
            ("x-authentik-meta-app", "wiki"),
        ] {
            assert_eq!(seen.header(name), Some(value), "{name}");
        }
        assert!(seen.header("x-authentik-jwt").is_some(), "it is on by default");
        let public = Browser::new(Protocol::Http1).visit(&site.wiki("/public/page")).await;
        assert_eq!(public.seen().header("x-authentik-username"), None);
        // The client authenticates in the body, and one Host arrives.
        fake.log(|log| assert_eq!(log.requests_to("/token/").len(), 1));
    }
}

/// The dialects of front proxies are on by default, for front proxies in private networks.
#[tokio::test(flavor = "multi_thread")]
async fn users_sign_in_behind_other_front_proxies() {
    for front_proxy in [FrontProxy::Nginx, FrontProxy::Caddy, FrontProxy::Haproxy] {
        let fake = authentik(0).await;
        fake.change(|state| state.providers.clear());
        let url = fake.url();
        let site = FrontSite::start_with(front_proxy, Mode::Single, |settings, provider| {
            settings.authentik = vec![("HOST", url), ("TOKEN", TOKEN.to_owned())];
            settings.sections = "";
            provider.is_up = false;
        })
        .await;
        fake.until(|log| log.hellos() > 0).await;
        fake.change(|state| state.providers = vec![application("wiki", site.front)]);
        fake.push(Push::TriggerUpdate);
        let is_served = |line: &str| (line.contains(IN_SERVICE) && line.contains("wiki")).then_some(());
        assert!(site.gatepost.log().find(is_served).is_some(), "{}", site.gatepost.log().text());
        let seen = Browser::new(Protocol::Http1).visit(&site.wiki("/page?a=1")).await.seen();
        assert_eq!((seen.path.as_str(), seen.header("x-authentik-username")), ("/page?a=1", Some("alice")));
        assert_eq!(seen.header("x-authentik-meta-outpost"), Some("edge"), "{front_proxy:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_signs_in_and_out_at_an_application_that_comes_from_authentik() {
    let (_fake, site) = started(Scenario::InsideTheCheck).await;
    run_script("authentik.mjs", &[&site.wiki("/"), &site.wiki("/second"), "alice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_authentik_reports_takes_effect_and_sessions_go_on() {
    let (fake, site) = started(Scenario::InsideTheCheck).await;
    let browser = Browser::new(Protocol::Http1);
    browser.visit(&site.wiki("/")).await.seen();
    fake.until(|log| log.hellos() > 0).await;

    let mark = site.gatepost.log().count();
    fake.change(|state| state.providers[0]["name"] = "Renamed".into());
    fake.push(Push::TriggerUpdate);
    site.gatepost.logs_after(mark, IN_SERVICE);
    let seen = browser.visit(&site.wiki("/")).await.seen();
    assert_eq!(seen.header("x-authentik-meta-provider"), Some("Renamed"));
    fake.log(|log| assert_eq!(log.requests_to("/token/").len(), 1, "nobody signed in again"));

    // A broken provider keeps its last good form.
    let mark = site.gatepost.log().count();
    fake.change(|state| state.providers[0]["external_host"] = "nonsense".into());
    fake.push(Push::TriggerUpdate);
    site.gatepost.logs_after(mark, "authentik");
    assert!(is_let_in(&browser, &site).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_at_authentik_ends_here() {
    let (fake, site) = started(Scenario::InsideTheCheck).await;
    let (alice, stranger) = (Browser::new(Protocol::Http1), Browser::new(Protocol::Http1));
    alice.visit(&site.wiki("/")).await.seen();
    assert!(is_let_in(&alice, &site).await && !is_let_in(&stranger, &site).await);
    fake.until(|log| log.hellos() > 0).await;
    let mark = site.gatepost.log().count();
    fake.push(Push::SessionEnd("0".repeat(64)));
    fake.push(Push::SessionEnd(SID.to_owned()));
    site.gatepost.logs_after(mark, "sessions ended, because their session at authentik ended");
    assert!(!is_let_in(&alice, &site).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_while_authentik_is_away_serves_the_last_answer() {
    let (fake, mut site) = started(Scenario::InsideTheCheck).await;
    let browser = Browser::new(Protocol::Http1);
    browser.visit(&site.wiki("/")).await.seen();
    site.gatepost.stop();
    fake.reply("", Reply::Close);
    site.start_gatepost();
    site.gatepost.logs_after(0, "authentik's last answer is used until it answers again");
    site.gatepost.logs_after(0, IN_SERVICE);
    assert!(is_let_in(&browser, &site).await);
    site.gatepost.logs_after(0, "authentik gives no answer; its last one stays in service");
    let ready = raw::get(site.gatepost.port("metrics"), "/readyz").await.expect("an answer");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("authentik: "), "{ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_and_the_service_is_not_ready_before_authentik_answers() {
    let (fake, plan) = planned(Scenario::InsideTheCheck).await;
    fake.reply("", Reply::Text(503, "text/html", "starting".to_owned()));
    let site = plan.start().await;
    let line = site.gatepost.logs_after(0, "authentik gives no answer; nothing is served yet");
    assert!(line.text("fault").expect("a fault").contains("503"), "{:?}", line.text("fault"));
    let ready = raw::get(site.gatepost.port("metrics"), "/readyz").await.expect("an answer");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("not ready: authentik"), "{ready}");
    assert_eq!(Browser::new(Protocol::Http1).visit(&site.wiki("/")).await.status, StatusCode::FORBIDDEN);

    fake.change(|state| state.replies.clear());
    site.gatepost.logs_after(0, IN_SERVICE);
    Browser::new(Protocol::Http1).visit(&site.wiki("/")).await.seen();
    let ready = raw::get(site.gatepost.port("metrics"), "/readyz").await.expect("an answer");
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_know_authentik_by_another_name() {
    let (fake, mut plan) = planned(Scenario::InsideTheCheck).await;
    let browsers = format!("http://sso.demo.localhost:{}", fake.address().port());
    plan.settings.authentik.push(("HOST_BROWSER", browsers.clone()));
    let site = plan.start().await;
    site.gatepost.logs_after(0, IN_SERVICE);
    let browser = Browser::new(Protocol::Http1);
    let seen = browser.visit(&site.wiki("/")).await.seen();
    assert_eq!(seen.header("x-authentik-username"), Some("alice"));
    assert!(browser.trail().iter().any(|url| url.as_str().starts_with(&browsers)), "{:?}", browser.trail());
    // The fake refuses two `Host`, and makes the issuer of the one that it gets.
    let host = browsers.trim_start_matches("http://");
    fake.log(|log| assert_eq!(log.requests_to("/token/")[0].header("host"), Some(host)));
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_authentik_are_served_by_server_name() {
    const UUID: &str = "8a3b1c0e-5a55-4d7c-9d0e-0c6f6f0f2a11";
    let make = || rcgen::generate_simple_self_signed(["wiki.demo.localhost".to_owned()]).expect("a certificate");
    let certificate = |made: &rcgen::CertifiedKey<rcgen::KeyPair>, fingerprint: &str| FakeCertificate {
        uuid: UUID.to_owned(),
        name: "wiki".to_owned(),
        fingerprint: Some(fingerprint.to_owned()),
        chain: made.cert.pem(),
        private_key: Some(made.signing_key.serialize_pem()),
    };
    let (fake, mut plan) = planned(Scenario::InsideTheCheck).await;
    let (first, second) = (make(), make());
    fake.change(|state| {
        state.certificates = vec![certificate(&first, "1")];
        state.providers[0]["certificate"] = UUID.into();
    });
    plan.settings.https = "127.0.0.1:0";
    let site = plan.start().await;
    site.gatepost.logs_after(0, IN_SERVICE);
    assert!(is_served(&site, "wiki.demo.localhost", &first.cert.pem()).await);
    assert!(!is_served(&site, "board.demo.localhost", &first.cert.pem()).await);

    fake.until(|log| log.hellos() > 0).await;
    let mark = site.gatepost.log().count();
    fake.change(|state| state.certificates = vec![certificate(&second, "2")]);
    fake.push(Push::TriggerUpdate);
    site.gatepost.logs_after(mark, IN_SERVICE);
    assert!(is_served(&site, "wiki.demo.localhost", &second.cert.pem()).await);
    assert!(!is_served(&site, "wiki.demo.localhost", &first.cert.pem()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_revoked_changes_nothing_and_an_empty_list_ends_everything() {
    let (fake, site) = started(Scenario::InsideTheCheck).await;
    let browser = Browser::new(Protocol::Http1);
    browser.visit(&site.wiki("/")).await.seen();
    fake.until(|log| log.hellos() > 0).await;
    let mark = site.gatepost.log().count();
    fake.change(|state| state.token = "another".to_owned());
    fake.push(Push::TriggerUpdate);
    let line = site.gatepost.logs_after(mark, "authentik gives no answer; its last one stays in service");
    let fault = line.text("fault").expect("a fault");
    assert!(fault.contains("refuses the token") && !fault.contains(TOKEN), "{fault}");
    assert!(is_let_in(&browser, &site).await);

    let mark = site.gatepost.log().count();
    fake.change(|state| {
        state.token = TOKEN.to_owned();
        state.providers.clear();
    });
    site.gatepost.logs_after(
        mark,
        "authentik lists no application that can be served for this outpost; every request is denied",
    );
    assert_eq!(browser.visit(&site.wiki("/")).await.status, StatusCode::FORBIDDEN);
}

/// By the variable of authentik's outpost, and by a file that the configuration names.
#[tokio::test(flavor = "multi_thread")]
async fn another_token_is_used_without_a_restart() {
    for is_variable in [true, false] {
        let (fake, mut plan) = planned(Scenario::InsideTheCheck).await;
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("token");
        std::fs::write(&path, TOKEN).expect("a file");
        if is_variable {
            plan.settings.authentik[1].1 = format!("file://{}", path.display());
        } else {
            plan.settings.authentik.pop();
            let text = format!("authentik: {{ host: '{}', token_file: '{}' }}\n", fake.url(), path.display());
            plan.settings.sections = Box::leak(text.into_boxed_str());
        }
        let site = plan.start().await;
        site.gatepost.logs_after(0, IN_SERVICE);
        let browser = Browser::new(Protocol::Http1);
        browser.visit(&site.wiki("/")).await.seen();
        fake.until(|log| log.hellos() > 0).await;

        let mark = site.gatepost.log().count();
        fake.change(|state| {
            state.token = "another".to_owned();
            state.providers[0]["name"] = "Renamed".into();
        });
        std::fs::write(&path, "another\n").expect("a file");
        site.gatepost.logs_after(mark, "authentik is reached with changed settings from now on");
        // The session goes on, with what authentik says to the new token.
        eventually("the provider is read", async || {
            let seen = browser.visit(&site.wiki("/")).await.seen();
            (seen.header("x-authentik-meta-provider") == Some("Renamed")).then_some(())
        })
        .await;
        // The WebSocket has the new token, too.
        site.gatepost.logs_after(mark, "the WebSocket of authentik is connected");
        fake.push(Push::SessionEnd(SID.to_owned()));
        site.gatepost.logs_after(mark, "sessions ended, because their session at authentik ended");
        assert!(!is_let_in(&browser, &site).await);
    }
}

/// Settings of the operator's that restrict must not wait for authentik, nor get lost.
#[tokio::test(flavor = "multi_thread")]
async fn settings_beside_authentik_apply_while_it_is_asked() {
    let (fake, mut plan) = planned(Scenario::InsideTheCheck).await;
    let section = |applications: &str| {
        let text = format!(
            "authentik: {{ host: '${{AUTHENTIK_HOST}}', token: '${{AUTHENTIK_TOKEN}}', applications: {applications} }}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    plan.settings.sections = section("{}");
    let mut site = plan.start().await;
    site.gatepost.logs_after(0, IN_SERVICE);
    let browser = Browser::new(Protocol::Http1);
    browser.visit(&site.wiki("/")).await.seen();
    fake.until(|log| log.hellos() > 0).await;
    let asked = fake.log(|log| log.requests_to("/instances/").len());
    fake.reply("/outposts/", Reply::Stall);
    fake.push(Push::TriggerUpdate);
    fake.until(|log| log.requests_to("/instances/").len() > asked).await;
    for (groups, is_let_in) in [("staff", false), ("admins", true), ("others", false)] {
        let mark = site.gatepost.log().count();
        let host = site.wiki("");
        let overlay = format!("{{ wiki: {{ external_host: '{host}', allow: [{{ groups: [{groups}] }}] }} }}");
        site.edit(|settings| settings.sections = section(&overlay));
        site.gatepost.logs_after(mark, IN_SERVICE);
        let status = browser.visit(&site.wiki("/")).await.status;
        assert_eq!(status, if is_let_in { StatusCode::OK } else { StatusCode::FORBIDDEN }, "{groups}");
    }
    fake.change(|state| state.replies.clear());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_also_while_its_application_is_not_listed() {
    let (fake, site) = started(Scenario::InsideTheCheck).await;
    let browser = Browser::new(Protocol::Http1);
    browser.visit(&site.wiki("/")).await.seen();
    fake.until(|log| log.hellos() > 0).await;
    let wiki = application("wiki", site.front());
    let mark = site.gatepost.log().count();
    fake.change(|state| state.providers.clear());
    fake.push(Push::TriggerUpdate);
    site.gatepost.logs_after(mark, IN_SERVICE);
    fake.push(Push::SessionEnd(SID.to_owned()));
    site.gatepost.logs_after(mark, "sessions ended, because their session at authentik ended");
    let mark = site.gatepost.log().count();
    fake.change(|state| state.providers = vec![wiki]);
    fake.push(Push::TriggerUpdate);
    site.gatepost.logs_after(mark, IN_SERVICE);
    assert!(!is_let_in(&browser, &site).await);
}
