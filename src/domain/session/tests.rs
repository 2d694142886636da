//! How long sessions last, and when they are refreshed.

use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::domain::policy::identity_headers::{HeaderName, HeaderPlan, HeaderSettings, OwnHeader, OwnValue, TokenKind};
use crate::testing::{application, signed_in};

const NOW: Timestamp = Timestamp::from_unix(1_900_000_000);
const LIFETIMES: Lifetimes = Lifetimes { absolute: Duration::from_secs(86_400), idle: Duration::from_secs(3600) };

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn token(record: &SessionRecord) -> Option<&str> {
    record.refresh_token().map(ExposeSecret::expose_secret)
}

fn begin(refresh_token: Option<&str>, expires_in: Option<u64>, validity: Option<u64>) -> Session {
    let mut signed_in = signed_in(&json!({}), NOW);
    if let Some(token) = refresh_token {
        signed_in = signed_in.refreshable(token.into(), expires_in.map(seconds));
    }
    let mut application = application("https://wiki.example.com");
    application.access_token_validity = validity.map(seconds);
    Session::begin(signed_in, &application, NOW, LIFETIMES)
}

/// The test's ID Tokens are valid for one hour.
#[test]
fn a_session_ends_with_the_id_token_or_with_a_refresh_token_by_the_operators_limits() {
    for (token, validity, ends) in [
        (None, None, 3600),
        (None, Some(600), 600),
        (None, Some(1_000_000), 86_400),
        (Some("refresh"), None, 86_400),
        (Some("refresh"), Some(600), 600),
        (Some("refresh"), Some(1_000_000), 86_400),
    ] {
        let session = begin(token, Some(300), validity);
        assert_eq!(session.record().ends.since(NOW), seconds(ends), "{token:?} {validity:?}");
        assert_eq!(session.record().refresh.is_some(), token.is_some());
    }
}

#[test]
fn a_refresh_is_due_a_fifth_before_the_end_and_a_minute_at_most() {
    for (expires_in, due, stale) in [
        (Some(3600), 3540, 3600),
        (Some(300), 240, 300),
        (Some(100), 80, 100),
        (Some(10), 8, 10),
        (Some(0), 4, 5),
        (None, 3540, 3600),
    ] {
        let session = begin(Some("refresh"), expires_in, None);
        let refresh = session.record().refresh.as_ref().expect("can be refreshed");
        assert_eq!(
            (refresh.due.since(NOW), refresh.stale.since(NOW)),
            (seconds(due), seconds(stale)),
            "{expires_in:?}"
        );
        for (after, freshness) in
            [(0, Freshness::Fresh), (due - 1, Freshness::Fresh), (due, Freshness::Due), (stale, Freshness::Stale)]
        {
            assert_eq!(session.record().freshness(NOW.plus(seconds(after))), freshness, "{expires_in:?} {after}");
        }
    }
    let for_ever = Refresh::after(Some(Duration::MAX), "refresh".into(), NOW);
    assert!(for_ever.due < for_ever.stale || for_ever.stale == Timestamp::from_unix(u64::MAX));
    assert_eq!(begin(None, None, None).record().freshness(NOW.plus(seconds(86_400))), Freshness::Fresh);
}

#[test]
fn sm_2_a_refresh_moves_neither_user_nor_beginning_nor_end() {
    let (session, later) = (begin(Some("first"), Some(300), None), NOW.plus(seconds(290)));
    let wiki = application("https://wiki.example.com");
    let refreshed = Refreshed::new(Some("access".into()), Some("second".into()), Some(seconds(100)));
    let refreshed = session.refreshed(refreshed, &wiki, later);
    let (before, after) = (session.record(), refreshed.record());
    assert_eq!((after.created, after.ends, &after.user), (before.created, before.ends, &before.user));
    assert_eq!((after.generation, after.access_token.is_some()), (1, false), "it is not passed on");
    let refresh = after.refresh.as_ref().expect("goes on");
    assert_eq!((token(after), refresh.stale), (Some("second"), later.plus(seconds(100))));

    let again = refreshed.refreshed(Refreshed::new(None, None, None), &wiki, later);
    let refresh = again.record().refresh.as_ref().expect("goes on");
    assert_eq!(token(again.record()), Some("second"), "the old one stands");
    assert_eq!((again.record().generation, refresh.stale), (2, later.plus(seconds(300))));
}

#[test]
fn a_new_access_token_is_kept_where_it_is_passed_on() {
    let mut wiki = application("https://wiki.example.com");
    wiki.jwt_headers = true;
    let session = Session::begin(signed_in(&json!({}), NOW), &wiki, NOW, LIFETIMES);
    let refreshed = session.refreshed(Refreshed::new(Some("newer".into()), None, None), &wiki, NOW);
    assert_eq!(refreshed.record().access_token.as_ref().map(secrecy::ExposeSecret::expose_secret), Some("newer"));
}

/// The ID Token stays with a cached session only where the application receives it.
#[test]
fn an_id_token_that_is_passed_on_stays_with_the_session() {
    let mut wiki = application("https://wiki.example.com");
    let sent =
        |session: &Session| session.record().sent_id_token.as_ref().map(|token| token.expose_secret().to_owned());
    let before = Session::begin(signed_in(&json!({}), NOW), &wiki, NOW, LIFETIMES);
    assert_eq!(sent(&before), None);
    let own =
        vec![OwnHeader { name: HeaderName::parse("X-Token").unwrap(), value: OwnValue::Token(TokenKind::IdToken) }];
    wiki.headers = HeaderPlan::new(HeaderSettings { own, ..HeaderSettings::default() });
    let session = Session::begin(signed_in(&json!({}), NOW), &wiki, NOW, LIFETIMES).without_tokens();
    assert!(session.record().id_token.is_none() && session.record().access_token.is_none());
    assert!(sent(&session).is_some_and(|token| token.split('.').count() == 3));
    // A session from before the setting has it after its next refresh.
    assert!(sent(&before.refreshed(Refreshed::new(None, None, None), &wiki, NOW)).is_some());
}

#[test]
fn a_key_has_one_spelling() {
    let text = "00ff1234567890abcdef1234567890abcdef1234567890abcdef1234567890ab";
    assert_eq!(SessionKey::from_hex(text).map(|key| key.to_hex()).as_deref(), Some(text));
    let upper = text.to_uppercase();
    for other in [
        "",
        "00",
        &text[1..],
        &text[2..],
        &format!("{text}0"),
        &format!("{text}00"),
        &upper,
        &text.replace('a', "g"),
        &text.replacen('0', "é", 1),
    ] {
        assert_eq!(SessionKey::from_hex(other), None, "{other}");
    }
}

/// The issuer of a user is that of the tenant; the application trusts the tenants that it lists now.
#[test]
fn sm_11_a_session_counts_while_its_tenant_is_allowed() {
    let mut record = begin(None, None, None).record().clone();
    record.user.issuer = "https://login.example/one/v2.0".to_owned();
    let session = Arc::new(Session::restore(record));
    let is_live = |issuer: &str, tenants: &[&str]| {
        let mut application = application("https://wiki.example.com");
        application.relying_party.issuer = issuer.to_owned();
        application.relying_party.allowed_tenants = tenants.iter().map(|tenant| (*tenant).to_owned()).collect();
        session.live(NOW, &application, NOW, LIFETIMES).is_some()
    };
    let template = "https://login.example/{tenantid}/v2.0";
    for (issuer, tenants, expected) in [
        (template, &["one", "two"][..], true),
        (template, &["two"], false),
        (template, &[], false),
        ("https://login.example/one/v2.0", &[], true),
        ("https://login.example/two/v2.0", &[], false),
        ("https://other.example/{tenantid}/v2.0", &["one"], false),
    ] {
        assert_eq!(is_live(issuer, tenants), expected, "{issuer} {tenants:?}");
    }
}
