//! Three replicas of Gatepost behind one Envoy, with sessions in Redis or Valkey: users cannot tell which one answered.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;

use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::gatepost::Gatepost;
use crate::support::process::eventually;
use crate::support::raw;
use crate::support::redis::{Make, Redis};
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};
use crate::support::token_lifetime;

const SIGN_OUT: &str = "/outpost.goauthentik.io/sign_out";
/// This many requests in a row reach every replica; Envoy distributes them in turn.
const ENOUGH: usize = 12;

async fn start(make: Make, change: impl FnOnce(&mut Plan)) -> (Site, Redis) {
    let redis = Redis::start(make).await;
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.replicas = 2;
    plan.settings.session = redis.as_session();
    change(&mut plan);
    (plan.start().await, redis)
}

fn gateposts(site: &Site) -> impl Iterator<Item = &Gatepost> {
    std::iter::once(&site.gatepost).chain(&site.replicas)
}

/// The number of decisions that each replica has made. They are counted before they are answered, but logged later.
async fn decisions(site: &Site) -> Vec<u64> {
    let counted = gateposts(site).map(async |gatepost| {
        let metrics = raw::get(gatepost.port("metrics"), "/metrics").await.expect("metrics");
        let series = metrics.lines().filter(|line| line.starts_with("gatepost_decisions_total{"));
        series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
    });
    join_all(counted).await
}

async fn open(browser: &Browser, site: &Site) -> Page {
    browser.open(&site.wiki("/check")).await
}

fn is_alice(page: &Page) -> bool {
    page.status == StatusCode::OK && page.seen().header("x-authentik-username") == Some("alice")
}

/// Asserts that every replica denies within a second from now.
async fn denied_everywhere_within_a_second(browser: &Browser, site: &Site) {
    let ended = Instant::now();
    let mut denied = 0;
    while denied < ENOUGH {
        let asked = ended.elapsed();
        let page = open(browser, site).await;
        denied = if page.status == StatusCode::FOUND { denied + 1 } else { 0 };
        assert!(denied > 0 || asked < Duration::from_secs(1), "asked after {asked:?}, and still signed in: {page:#?}");
    }
}

/// Signs out as a click on the application's own link does.
async fn sign_out(browser: &Browser, site: &Site) -> Page {
    let click = Ask::navigation(&site.wiki(SIGN_OUT)).header("sec-fetch-site", "same-origin");
    browser.ask(click.header("sec-fetch-user", "?1")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_which_replica_answered() {
    for make in Make::BOTH {
        let (site, _redis) = start(make, |_| {}).await;
        let browser = site.signed_in(Protocol::Http1).await;
        let before = decisions(&site).await;
        for _ in 0..ENOUGH {
            assert!(is_alice(&open(&browser, &site).await), "{make:?}");
        }
        let after = decisions(&site).await;
        assert!(before.iter().zip(&after).all(|(before, after)| before < after), "{before:?} {after:?}");
    }
}

/// SM-4, BL-14: the caches of all replicas hold the session, then one sign-out.
#[tokio::test(flavor = "multi_thread")]
async fn sm_4_a_sign_out_is_seen_by_all_replicas_within_a_second() {
    for make in Make::BOTH {
        let (site, _redis) = start(make, |_| {}).await;
        let (here, elsewhere) = (site.signed_in(Protocol::Http1).await, site.signed_in(Protocol::Http2).await);
        for _ in 0..ENOUGH {
            assert!(is_alice(&open(&elsewhere, &site).await));
        }
        let left = sign_out(&here, &site).await;
        assert_eq!(left.status, StatusCode::FOUND, "{left:#?}");
        denied_everywhere_within_a_second(&elsewhere, &site).await;
    }
}

/// The provider calls one replica; the caches of all replicas hold the session.
#[tokio::test(flavor = "multi_thread")]
async fn bl_14_a_logout_by_the_provider_is_seen_by_all_replicas_within_a_second() {
    let (site, _redis) = start(Make::Redis, |plan| plan.settings.backchannel_logout = true).await;
    let browser = site.signed_in(Protocol::Http1).await;
    for _ in 0..ENOUGH {
        assert!(is_alice(&open(&browser, &site).await));
    }
    let question = browser.visit(&format!("{}/session/end", site.plan.provider.issuer())).await;
    browser.confirm_sign_out(&question).await;
    denied_everywhere_within_a_second(&browser, &site).await;
}

/// F-21: expired tokens, and very many requests at once.
#[tokio::test(flavor = "multi_thread")]
async fn f_21_three_replicas_refresh_a_session_once() {
    const TOKEN_SECONDS: u64 = 5;
    for make in Make::BOTH {
        let (site, _redis) = start(make, |plan| {
            plan.provider.refresh_tokens = true;
            plan.provider.token_seconds = Some(TOKEN_SECONDS);
            plan.provider.token_delay_ms = 300;
        })
        .await;
        let browser = site.signed_in(Protocol::Http1).await;
        token_lifetime::expired(&site, TOKEN_SECONDS).await;
        let provider = site.provider.as_ref().expect("a provider");
        let (earlier, begun) = (provider.refreshes(0), Instant::now());
        let before = decisions(&site).await;
        let address = site.wiki("/check");
        let pages = join_all((0..200).map(|_| browser.ask(Ask::navigation(&address)))).await;
        assert!(pages.iter().all(is_alice), "{make:?}: {:?}", pages.iter().find(|page| !is_alice(page)));
        let after = decisions(&site).await;
        assert!(before.iter().zip(&after).all(|(before, after)| before < after), "{before:?} {after:?}");
        let refreshes = provider.refreshes(earlier + 1) - earlier;
        assert!(refreshes <= token_lifetime::most_refreshes(begun, TOKEN_SECONDS), "{make:?}: {refreshes}");
    }
}

/// F-6, SM-12: the store is killed and restarted; no request is allowed meanwhile, and no user is signed out.
#[tokio::test(flavor = "multi_thread")]
async fn f_6_while_the_store_is_gone_nobody_passes_and_nobody_is_signed_out() {
    let (site, mut redis) = start(Make::Redis, |_| {}).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let leaves = site.signed_in(Protocol::Http1).await;
    let wiki = url::Url::parse(&site.wiki("/")).expect("an address");
    let cookies = browser.cookies(&wiki);
    redis.kill();
    eventually("every replica noticed", async || {
        let mut refused = 0;
        while refused < ENOUGH && open(&browser, &site).await.status == StatusCode::SERVICE_UNAVAILABLE {
            refused += 1;
        }
        (refused == ENOUGH).then_some(())
    })
    .await;
    let page = open(&browser, &site).await;
    assert!(page.header("set-cookie").is_none() && page.header("retry-after").is_some(), "{page:#?}");
    assert_eq!(browser.cookies(&wiki).len(), cookies.len());
    let public = browser.open(&site.wiki("/public/")).await;
    assert_eq!(public.status, StatusCode::SERVICE_UNAVAILABLE, "who it is cannot be told: {public:#?}");
    let nobody = Browser::new(Protocol::Http1).open(&site.wiki("/")).await;
    assert_eq!(nobody.status, StatusCode::FOUND, "whoever presents nothing needs no store: {nobody:#?}");

    let unsure = sign_out(&leaves, &site).await;
    assert_eq!(unsure.status, StatusCode::SERVICE_UNAVAILABLE, "{unsure:#?}");

    redis.start_again().await;
    let back = Instant::now();
    let mut allowed = 0;
    while allowed < ENOUGH {
        allowed = if is_alice(&open(&browser, &site).await) { allowed + 1 } else { 0 };
        assert!(allowed > 0 || back.elapsed() < Duration::from_secs(1), "not back within a second");
    }
}
