//! Sessions that outlast their tokens, at the real provider: tokens last five seconds here, so a session is due after four.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::process::eventually;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};
use crate::support::token_lifetime;

const TOKEN_SECONDS: u64 = 5;

/// `/admin` is for admins, the rest for every signed-in user.
const RULES: &str = "    allow:
      - paths: [/]
        anyone: true
      - paths: [/admin]
        groups: [admins]
";

struct Stage {
    site: Site,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn start(change: impl FnOnce(&mut Plan)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
        plan.settings.for_entries = RULES;
        plan.provider.refresh_tokens = true;
        plan.provider.token_seconds = Some(TOKEN_SECONDS);
        plan.provider.claims_file = Some(claims_file(folder.path()));
        change(&mut plan);
        let stage = Self { site: plan.start().await, folder };
        stage.provider_says(&json!({}));
        stage
    }

    /// Changes the provider's claims from now on.
    fn provider_says(&self, claims: &Value) {
        // Renamed into place: a provider that is reading gets the old file or the new one.
        let new = self.folder.path().join("new.json");
        std::fs::write(&new, claims.to_string()).expect("a file");
        std::fs::rename(&new, claims_file(self.folder.path())).expect("takes its place");
    }

    fn refreshes(&self, at_least: usize) -> usize {
        self.site.provider.as_ref().expect("a provider").refreshes(at_least)
    }

    async fn signed_in(&self) -> Browser {
        self.site.signed_in(Protocol::Http1).await
    }

    async fn tokens_expired(&self) {
        token_lifetime::expired(&self.site, TOKEN_SECONDS).await;
    }
}

fn claims_file(folder: &Path) -> std::path::PathBuf {
    folder.join("claims.json")
}

#[tokio::test(flavor = "multi_thread")]
async fn sm_7_a_43_a_group_that_the_provider_takes_away_is_gone_without_a_new_sign_in() {
    let mut stage = Stage::start(|plan| {
        plan.provider.print_tokens = true;
        plan.settings.log_level = "trace";
    })
    .await;
    let (browser, begun) = (stage.signed_in().await, Instant::now());
    let admin = stage.site.wiki("/admin");
    assert_eq!(browser.open(&admin).await.status, StatusCode::OK);

    stage.provider_says(&json!({ "alice": { "groups": ["staff"] } }));
    eventually("the rules see it", async || (browser.open(&admin).await.status == StatusCode::FORBIDDEN).then_some(()))
        .await;
    let page = browser.open(&stage.site.wiki("/")).await;
    assert_eq!(page.seen().header("x-authentik-groups"), Some("staff"), "headers, too");

    stage.provider_says(&json!({ "alice": { "groups": ["staff", "admins"] } }));
    eventually("and that it is given back", async || {
        (browser.open(&admin).await.status == StatusCode::OK).then_some(())
    })
    .await;
    assert!(stage.refreshes(2) >= 2 && begun.elapsed() > Duration::from_secs(TOKEN_SECONDS));

    let tokens = stage.site.provider.as_ref().expect("a provider").tokens(9);
    stage.site.gatepost.stop();
    let (log, access_log) = (stage.site.gatepost.log().text(), stage.site.envoy.access_log());
    assert!(tokens.len() >= 9, "three at the sign-in and at each refresh");
    let told = tokens.iter().filter(|token| log.contains(*token) || access_log.contains(*token));
    assert_eq!(told.count(), 0, "no token in any log");
}

#[tokio::test(flavor = "multi_thread")]
async fn f_21_tokens_that_ran_out_are_refreshed_once_for_many_requests() {
    let stage = Stage::start(|plan| plan.provider.token_delay_ms = 300).await;
    let browser = stage.signed_in().await;
    stage.tokens_expired().await;
    let (earlier, begun) = (stage.refreshes(0), Instant::now());
    let address = stage.site.wiki("/");
    let pages = join_all((0..60).map(|_| browser.ask(Ask::navigation(&address)))).await;
    assert!(pages.iter().all(|page| page.status == StatusCode::OK), "{:?}", pages.first());
    let refreshes = stage.refreshes(earlier + 1) - earlier;
    assert!(refreshes <= token_lifetime::most_refreshes(begun, TOKEN_SECONDS), "{refreshes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f_2_sessions_outlive_a_provider_that_is_down_and_end_when_it_refuses() {
    let mut stage = Stage::start(|_| {}).await;
    let browser = stage.signed_in().await;
    let address = stage.site.wiki("/");
    stage.site.stop_provider();
    stage.tokens_expired().await;
    for _ in 0..5 {
        assert_eq!(browser.open(&address).await.seen().header("x-authentik-username"), Some("alice"));
    }
    // After its restart the provider does not know the tokens that it issued: the grant is refused, and the user signs in
    // again.
    stage.site.start_provider();
    eventually("the session ends", async || {
        let page = browser.open(&address).await;
        (page.status == StatusCode::FOUND).then_some(())
    })
    .await;
    assert!(stage.site.gatepost.log().says("session ended: it could not be refreshed"));
    let page = browser.sign_in(&address, "alice").await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
}

/// Each refresh token is valid once, and a second use would end everything: the new one has to survive the stop.
#[tokio::test(flavor = "multi_thread")]
async fn f_16_a_refresh_under_way_is_finished_before_the_end() {
    let mut stage = Stage::start(|plan| plan.provider.token_delay_ms = 2000).await;
    let browser = stage.signed_in().await;
    let address = stage.site.wiki("/");
    stage.tokens_expired().await;
    let provider = stage.site.provider.as_ref().expect("a provider");
    let before = provider.token_requests();
    assert_eq!(browser.open(&address).await.status, StatusCode::OK, "with what is known");
    eventually("the refresh is on its way", async || (provider.token_requests() > before).then_some(())).await;
    stage.site.gatepost.stop();
    // All token requests but that of the sign-in are refreshes.
    let refreshes = stage.site.provider.as_ref().expect("a provider").token_requests() - 1;
    assert_eq!(stage.refreshes(refreshes), refreshes);

    stage.site.start_gatepost();
    stage.tokens_expired().await;
    eventually("it goes on with the new token", async || {
        let page = browser.open(&address).await;
        assert_ne!(page.status, StatusCode::FOUND, "{page:#?}");
        (stage.refreshes(0) > refreshes).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_refresh_tokens_a_session_ends_with_its_id_token() {
    let stage = Stage::start(|plan| plan.settings.session = "{ store: memory, refresh: false }".to_owned()).await;
    let browser = stage.signed_in().await;
    stage.tokens_expired().await;
    assert_eq!(browser.open(&stage.site.wiki("/")).await.status, StatusCode::FOUND);
    assert_eq!(stage.refreshes(0), 0);
}
