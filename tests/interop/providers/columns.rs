//! What each column shows, in a way that every product can be tried with.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::{Method, StatusCode};

use super::stage::Stage;
use super::{Provider, USER, form};
use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::process::eventually;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    SignIn,
    Groups,
    Refresh,
    Logout,
    BackChannelLogout,
    FrontChannelLogout,
    KeyRotation,
    Bearer,
    Introspection,
    PrivateKeyJwt,
    FormPost,
    StepUp,
    Restart,
}

impl Column {
    pub(crate) const ALL: [Self; 13] = [
        Self::SignIn,
        Self::Groups,
        Self::Refresh,
        Self::Logout,
        Self::BackChannelLogout,
        Self::FrontChannelLogout,
        Self::KeyRotation,
        Self::Bearer,
        Self::Introspection,
        Self::PrivateKeyJwt,
        Self::FormPost,
        Self::StepUp,
        Self::Restart,
    ];

    /// The heads of the columns, in the order of `ALL`.
    pub(crate) const NAMES: &'static [&'static str] = &[
        "discovery and sign-in",
        "groups",
        "refresh with rotation",
        "RP-initiated logout",
        "back-channel logout",
        "front-channel logout",
        "key rotation",
        "bearer JWT",
        "introspection",
        "`private_key_jwt`",
        "`form_post`",
        "step-up by `acr`",
        "provider restarted in mid-sign-in",
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The first label of the application's host, which is its client ID as well.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::SignIn => "wiki",
            Self::Groups => "groups",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
            Self::BackChannelLogout => "back",
            Self::FrontChannelLogout => "front",
            Self::KeyRotation => "keys",
            Self::Bearer => "bearer",
            Self::Introspection => "introspection",
            Self::PrivateKeyJwt => "assertion",
            Self::FormPost => "form",
            Self::StepUp => "step",
            Self::Restart => "restart",
        }
    }

    /// The application's name, which is that of its secret's variable in upper case.
    pub(crate) fn application(self) -> &'static str {
        self.label()
    }
}

pub(crate) async fn check<P: Provider>(provider: Arc<P>, column: Column) {
    let lines = match column {
        Column::FormPost => "    response_mode: form_post\n".to_owned(),
        Column::StepUp => format!(
            "    allow:\n      - anyone: true\n      - paths: [/admin]\n        anyone: true\n        acr: [{:?}]\n",
            P::ACR
        ),
        _ => String::new(),
    };
    let stage = Stage::start(provider, column, &lines).await;
    match column {
        Column::SignIn => signs_in(&stage).await,
        Column::Groups => sends_groups(&stage).await,
        Column::Refresh => refreshes_with_a_rotated_token(&stage).await,
        Column::Logout => signs_out_at_the_provider(&stage).await,
        Column::BackChannelLogout => is_called_when_the_session_ends(&stage).await,
        Column::FrontChannelLogout => is_shown_in_a_frame_when_the_session_ends(&stage).await,
        Column::KeyRotation => follows_a_new_key(&stage).await,
        Column::Bearer | Column::Introspection => takes_an_access_token(&stage).await,
        Column::PrivateKeyJwt => drop(stage.signed_in().await),
        Column::FormPost => receives_a_form(&stage).await,
        Column::StepUp => asks_for_a_second_step(&stage).await,
        Column::Restart => survives_a_restart(&stage).await,
    }
}

async fn signs_in<P: Provider>(stage: &Stage<P>) {
    let browser = Browser::new(Protocol::Http2);
    let seen = stage.sign_in(&browser, "/pages?x=1").await.seen();
    assert_eq!(seen.header("x-authentik-username"), Some(USER));
    assert_eq!(seen.header("x-authentik-email"), Some("alice@example.test"));
    assert!(seen.header("x-authentik-uid").is_some_and(|uid| !uid.is_empty()), "{seen:#?}");
}

async fn sends_groups<P: Provider>(stage: &Stage<P>) {
    let seen = stage.sign_in(&Browser::new(Protocol::Http1), "/").await.seen();
    let groups: BTreeSet<&str> = seen.header("x-authentik-groups").unwrap_or_default().split('|').collect();
    assert_eq!(groups, BTreeSet::from(["admins", "staff"]), "{seen:#?}");
}

/// The second refresh needs the refresh token that the first one brought.
async fn refreshes_with_a_rotated_token<P: Provider>(stage: &Stage<P>) {
    let browser = stage.signed_in().await;
    let mut tokens = BTreeSet::new();
    eventually("the session has had three access tokens", async || {
        tokens.insert(stage.token(&browser, "x-access-token").await);
        (tokens.len() == 3).then_some(())
    })
    .await;
    let groups = browser.open(&stage.at("/")).await.seen();
    assert_eq!(groups.header("x-authentik-username"), Some(USER), "{groups:#?}");
}

async fn signs_out_at_the_provider<P: Provider>(stage: &Stage<P>) {
    let browser = stage.signed_in().await;
    let click = Ask::navigation(&stage.at("/outpost.goauthentik.io/sign_out"));
    let left = browser.ask(click.header("sec-fetch-site", "same-origin").header("sec-fetch-user", "?1")).await;
    assert_eq!(left.status, StatusCode::FOUND, "{left:#?}");
    let goodbye = stage.provider.confirm_sign_out(&browser, left).await;
    let own = stage.at("/outpost.goauthentik.io/sign_out");
    assert!(goodbye.url.as_str().starts_with(&own), "back at Gatepost: {goodbye:#?}");
    assert_eq!(goodbye.status, StatusCode::OK, "{goodbye:#?}");
    // The provider's session has ended as well: it asks for the password again.
    let form = browser.visit(&stage.at("/")).await;
    assert!(!form::is_ours(&form.url), "{form:#?}");
}

async fn is_called_when_the_session_ends<P: Provider>(stage: &Stage<P>) {
    let (here, elsewhere) = (stage.signed_in().await, stage.signed_in().await);
    stage.provider.end_session(&here).await;
    let log = stage.site.gatepost.log();
    // Every outcome of a call has a line of its own.
    let lines = ["a back-channel logout", "a logout by the provider"];
    let told = log.find(|line| lines.iter().any(|known| line.contains(known)).then(|| line.to_owned()));
    let told = told.unwrap_or_else(|| panic!("no call: {}", log.text()));
    assert!(told.contains("a back-channel logout ended sessions"), "{told}");
    assert!(!stage.is_signed_in(&here).await);
    assert!(stage.is_signed_in(&elsewhere).await, "another of the provider's sessions goes on");
}

/// Browsers load each frame of the page on which the provider's sign-out ends.
async fn is_shown_in_a_frame_when_the_session_ends<P: Provider>(stage: &Stage<P>) {
    let (here, elsewhere) = (stage.signed_in().await, stage.signed_in().await);
    let page = stage.provider.end_session(&here).await;
    let frame = stage.provider.frame(&page);
    let ask = Ask::navigation(&frame).header("sec-fetch-dest", "iframe").header("sec-fetch-site", P::FRAME_SITE);
    let shown = here.ask(ask).await;
    assert_eq!(shown.status, StatusCode::OK, "{shown:#?}");
    assert!(!stage.is_signed_in(&here).await, "{frame}");
    assert!(stage.is_signed_in(&elsewhere).await, "another browser's session goes on");
}

async fn follows_a_new_key<P: Provider>(stage: &Stage<P>) {
    let before = stage.signed_in().await;
    let old = stage.key_id(&before).await;
    stage.provider.rotate_keys().await;
    assert!(stage.is_signed_in(&before).await, "sessions do not depend on the key");
    let after = stage.signed_in().await;
    let new = stage.key_id(&after).await;
    assert!(old.is_some() && new.is_some() && old != new, "the key is not a new one: {old:?} {new:?}");
}

async fn takes_an_access_token<P: Provider>(stage: &Stage<P>) {
    let browser = stage.signed_in().await;
    let token = stage.token(&browser, "x-access-token").await;
    let call = async |token: &str| {
        let ask = Ask::script(Method::GET, &stage.at("/api")).header("authorization", &format!("Bearer {token}"));
        Browser::new(Protocol::Http2).ask(ask).await
    };
    let page = call(&token).await;
    assert_eq!(page.status, StatusCode::OK, "{page:#?}\n{}", stage.site.gatepost.log().text());
    let seen = page.seen();
    assert!(seen.header("x-authentik-uid").is_some_and(|uid| !uid.is_empty()), "{seen:#?}");
    // Neither an ID Token nor a token that was changed is an access token.
    let id_token = stage.token(&browser, "x-id-token").await;
    let (signed, last) = token.split_at(token.len() - 12);
    for wrong in [id_token, format!("{signed}{}", last.chars().rev().collect::<String>()), "junk".to_owned()] {
        let page = call(&wrong).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{page:#?}");
    }
}

async fn receives_a_form<P: Provider>(stage: &Stage<P>) {
    let browser = Browser::new(Protocol::Http1);
    let authorization = stage.authorization(&browser, "/page").await;
    let page = stage.provider.sign_in(&browser, &authorization).await;
    assert_eq!(page.status, StatusCode::OK, "a page with a form: {page:#?}");
    let back = form::send_from_elsewhere(&browser, &page).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{back:#?}\n{}", stage.site.gatepost.log().text());
    let seen = browser.follow(back).await.seen();
    assert_eq!(seen.header("x-authentik-username"), Some(USER));
}

async fn asks_for_a_second_step<P: Provider>(stage: &Stage<P>) {
    let browser = stage.signed_in().await;
    let first = browser.open(&stage.at("/admin")).await;
    assert_eq!(first.status, StatusCode::FOUND, "the first sign-in is not enough: {first:#?}");
    let authorization = first.location();
    assert!(
        authorization.query_pairs().any(|(name, value)| name == "acr_values" && value == P::ACR),
        "{authorization}"
    );
    let answer = stage.provider.sign_in(&browser, &authorization).await;
    let page = browser.follow(answer).await;
    assert_eq!(page.url.as_str(), stage.at("/admin"), "{page:#?}");
    assert_eq!(page.seen().header("x-authentik-username"), Some(USER));
    assert_eq!(browser.open(&stage.at("/admin")).await.status, StatusCode::OK);
}

/// The provider restarts while it shows its form. The user loads the page again and signs in.
async fn survives_a_restart<P: Provider>(stage: &Stage<P>) {
    let browser = Browser::new(Protocol::Http1);
    let authorization = stage.authorization(&browser, "/page").await;
    browser.visit(authorization.as_str()).await;
    stage.provider.restart().await;
    let answer = stage.provider.sign_in(&browser, &authorization).await;
    let page = browser.follow(answer).await;
    assert_eq!(page.url.as_str(), stage.at("/page"), "{page:#?}\n{}", stage.site.gatepost.log().text());
    assert_eq!(page.seen().header("x-authentik-username"), Some(USER));
}
