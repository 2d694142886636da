//! Logout by the provider, over both channels, and the revocations that it sends to the provider.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::test_outpost::{Browser, PAGE, TestOutpost, allowed, location, test_outpost};
use crate::domain::decision::{Decision, Page, Reason, Verdict};
use crate::domain::session::{Refresh, Session};
use crate::domain::time::Timestamp;
use crate::outpost::{Request, RequestBody, WaitLimits};
use crate::ports::{Clock as _, ListedSession};
use crate::testing::signing;

const BACK: &str = "https://wiki.example.com/outpost.goauthentik.io/backchannel_logout";
const FRONT: &str = "https://wiki.example.com/outpost.goauthentik.io/frontchannel_logout";
const WIKI: &str = "https://wiki.example.com/";
const ISSUER: &str = "https://sso.example.com/";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A logout token with these claims beside the required ones; `null` removes a claim.
fn token(test_outpost: &TestOutpost, changes: &Value) -> String {
    let now = test_outpost.clock.now().as_unix();
    let mut claims = json!({
        "iss": ISSUER, "aud": "wiki", "iat": now, "exp": now + 120, "jti": changes.to_string(),
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    for (name, change) in changes.as_object().unwrap() {
        claims[name] = change.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    signing::token(r#"{"alg":"RS256","typ":"logout+jwt"}"#, &claims.to_string())
}

fn whole(body: &str) -> RequestBody {
    RequestBody::Whole(body.into())
}

/// A request to the back-channel endpoint at `url`.
fn request(method: &str, url: &str, body: RequestBody) -> Request {
    let mut head = Browser::default().head(url, &[FORM]);
    head.method = method.into();
    Request { body, ..Request::from(head) }
}

async fn post(test_outpost: &TestOutpost, body: RequestBody) -> Decision {
    test_outpost.outpost.answer(&test_outpost.outpost.route(&request("POST", BACK, body))).await
}

async fn post_token(test_outpost: &TestOutpost, token: &str) -> (u16, Reason) {
    answered(&post(test_outpost, whole(&format!("logout_token={token}"))).await)
}

async fn post_claims(test_outpost: &TestOutpost, claims: Value) -> (u16, Reason) {
    post_token(test_outpost, &token(test_outpost, &claims)).await
}

fn page(decision: &Decision) -> &Page {
    match &decision.verdict {
        Verdict::Page(page) | Verdict::Deny(page) => page,
        other @ (Verdict::Allow(_) | Verdict::Redirect(_)) => panic!("no page: {other:?}"),
    }
}

fn answered(decision: &Decision) -> (u16, Reason) {
    let page = page(decision);
    assert!(page.cookies.is_empty(), "BL-15");
    (page.status.as_u16(), decision.audit.reason)
}

const DONE: (u16, Reason) = (200, Reason::LogoutByProvider);
const REFUSED: (u16, Reason) = (400, Reason::LogoutRefused);

/// A browser in which `user` signed in at `url`, in the provider session `sid`.
async fn signed_in(test_outpost: &TestOutpost, user: &str, sid: &str, url: &str) -> Browser {
    *test_outpost.provider.user.lock().unwrap() = user.into();
    *test_outpost.provider.sid.lock().unwrap() = Some(sid.into());
    let mut browser = Browser::default();
    browser.sign_in(test_outpost, url).await;
    browser
}

async fn is_signed_in(browser: &mut Browser, test_outpost: &TestOutpost, url: &str) -> bool {
    allowed(&browser.clone().open(test_outpost, url).await).is_some()
}

/// Gives every session a refresh token, named after its user.
fn give_refresh_tokens(test_outpost: &TestOutpost) {
    for ListedSession { key, stored } in test_outpost.store.all() {
        let mut record = stored.session.record().clone();
        let refresh_token = format!("refresh-{}-{}", record.application, record.user.subject).into();
        let never = Timestamp::from_unix(u64::MAX / 2);
        record.refresh = Some(Refresh { refresh_token: Some(refresh_token), due: never, stale: never });
        test_outpost.store.put(&key, Session::restore(record));
    }
}

fn revoked(test_outpost: &TestOutpost) -> Vec<(String, String)> {
    let mut revoked = test_outpost.provider.revoked.lock().unwrap().clone();
    revoked.sort();
    revoked
}

#[tokio::test]
async fn bl_12_sid_ends_the_sessions_that_rest_on_it_and_sub_all_of_the_users() {
    let test_outpost = test_outpost();
    let mut one = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    let mut board = signed_in(&test_outpost, "alice", "s-1", "https://board.example.com/").await;
    let mut other = signed_in(&test_outpost, "alice", "s-2", WIKI).await;
    let mut bob = signed_in(&test_outpost, "bob", "s-3", WIKI).await;

    assert_eq!(post_claims(&test_outpost, json!({ "sid": "s-1" })).await, DONE);
    assert!(!is_signed_in(&mut one, &test_outpost, WIKI).await);
    assert!(!is_signed_in(&mut board, &test_outpost, "https://board.example.com/").await);
    assert!(is_signed_in(&mut other, &test_outpost, WIKI).await && is_signed_in(&mut bob, &test_outpost, WIKI).await);

    assert_eq!(post_claims(&test_outpost, json!({ "sub": "sub-alice" })).await, DONE);
    assert!(!is_signed_in(&mut other, &test_outpost, WIKI).await);
    assert!(is_signed_in(&mut bob, &test_outpost, WIKI).await, "nobody else's");
    assert_eq!(post_claims(&test_outpost, json!({ "sid": "unknown" })).await, DONE, "BL-15: nothing to end");
}

#[tokio::test]
async fn a_62_every_session_of_a_user_ends_also_after_the_oldest_is_gone() {
    let test_outpost = test_outpost();
    let mut browsers = Vec::new();
    for sid in ["s-1", "s-2", "s-3"] {
        browsers.push(signed_in(&test_outpost, "alice", sid, WIKI).await);
    }
    assert_eq!(post_claims(&test_outpost, json!({ "sid": "s-1" })).await, DONE);
    assert_eq!(post_claims(&test_outpost, json!({ "sub": "sub-alice" })).await, DONE);
    for browser in &mut browsers {
        assert!(!is_signed_in(browser, &test_outpost, WIKI).await);
    }
}

/// The provider reports the end of its session while the callback redeems a code of this session.
#[tokio::test]
async fn bl_13_a_sign_in_that_is_under_way_leaves_no_session() {
    for way in ["back channel", "authentik", "frame of the browser"] {
        let test_outpost = test_outpost();
        let mut earlier = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
        match way {
            "back channel" => assert_eq!(post_claims(&test_outpost, json!({ "sid": "s-1" })).await, DONE),
            "authentik" => {
                let ended = test_outpost.outpost.end_provider_session("s-1", &[ISSUER.to_owned()].into()).await;
                assert_eq!(ended.unwrap(), 1);
            }
            _ => {
                let url = format!("{FRONT}?iss=https%3A%2F%2Fsso.example.com%2F&sid=s-1");
                earlier.send(&test_outpost, &earlier.head(&url, &[("sec-fetch-dest", "iframe")])).await;
            }
        }
        assert!(test_outpost.store.all().is_empty(), "{way}");
        test_outpost.audit.take();

        let mut late = Browser::default();
        let started = location(&late.open(&test_outpost, WIKI).await);
        let back = late.open(&test_outpost, &Browser::callback(&started)).await;
        assert_eq!(back.audit.reason, Reason::SignInRestarted, "{way}");
        assert!(location(&back).starts_with("https://sso.example.com/"), "{way}: the provider asks the user");
        assert!(test_outpost.store.all().is_empty() && !is_signed_in(&mut late, &test_outpost, WIKI).await, "{way}");
        assert!(test_outpost.audit.take().is_empty(), "{way}: no sign-in is recorded");

        let mut other = signed_in(&test_outpost, "alice", "s-2", WIKI).await;
        assert!(is_signed_in(&mut other, &test_outpost, WIKI).await, "{way}");
    }
}

/// A stranger could fill the store with marks.
#[tokio::test]
async fn fl_3_a_frame_without_a_session_forbids_no_sign_in() {
    let test_outpost = test_outpost();
    let url = format!("{FRONT}?iss=https%3A%2F%2Fsso.example.com%2F&sid=s-1");
    let mut stranger = Browser::default();
    stranger.send(&test_outpost, &stranger.head(&url, &[("sec-fetch-dest", "iframe")])).await;
    let mut alice = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    assert!(is_signed_in(&mut alice, &test_outpost, WIKI).await);
}

#[tokio::test]
async fn bl_10_a_session_of_another_user_does_not_end() {
    let test_outpost = test_outpost();
    let mut alice = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    assert_eq!(post_claims(&test_outpost, json!({ "sid": "s-1", "sub": "sub-bob" })).await, REFUSED);
    assert!(is_signed_in(&mut alice, &test_outpost, WIKI).await);
    assert_eq!(post_claims(&test_outpost, json!({ "sid": "s-1", "sub": "sub-alice" })).await, DONE);
    assert!(!is_signed_in(&mut alice, &test_outpost, WIKI).await);
}

#[tokio::test]
async fn bl_9_a_token_counts_once() {
    let test_outpost = test_outpost();
    let again = token(&test_outpost, &json!({ "sub": "sub-alice" }));
    assert_eq!(post_token(&test_outpost, &again).await, DONE);
    let mut alice = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    assert_eq!(post_token(&test_outpost, &again).await, REFUSED);
    assert!(is_signed_in(&mut alice, &test_outpost, WIKI).await, "nobody ends a later session with it");
}

#[tokio::test]
async fn bl_9_a_61_a_store_that_cannot_say_refuses_without_effect() {
    for call in 1..=2 {
        let test_outpost = test_outpost();
        let mut alice = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
        test_outpost.fail_store_at(call);
        assert_eq!(
            post_claims(&test_outpost, json!({ "sid": "s-1" })).await,
            (400, Reason::StoreUnavailable),
            "call {call}"
        );
        assert!(is_signed_in(&mut alice, &test_outpost, WIKI).await);
    }
}

/// The sessions ended durably, so the logout was carried out; only the use of the token could not be stored.
#[tokio::test]
async fn bl_9_a_mark_that_cannot_be_made_undoes_no_logout() {
    let test_outpost = test_outpost();
    let mut alice = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    test_outpost.fail_store_at(4);
    assert_eq!(post_claims(&test_outpost, json!({ "sid": "s-1" })).await, DONE);
    assert!(!is_signed_in(&mut alice, &test_outpost, WIKI).await);
}

/// A delivery that failed half-way does not consume the token: the provider's next delivery is carried out.
#[tokio::test]
async fn bl_9_a_token_whose_logout_failed_may_come_again() {
    for call in 1..=2 {
        let test_outpost = test_outpost();
        let mut alice = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
        let token = token(&test_outpost, &json!({ "sid": "s-1" }));
        test_outpost.fail_store_at(call);
        assert_eq!(post_token(&test_outpost, &token).await, (400, Reason::StoreUnavailable), "call {call}");
        assert_eq!(post_token(&test_outpost, &token).await, DONE, "call {call}");
        assert!(!is_signed_in(&mut alice, &test_outpost, WIKI).await);
        assert_eq!(post_token(&test_outpost, &token).await, REFUSED, "call {call}");
    }
}

#[tokio::test]
async fn bl_9_of_two_deliveries_at_once_one_is_carried_out() {
    let test_outpost = test_outpost();
    signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    give_refresh_tokens(&test_outpost);
    let token = token(&test_outpost, &json!({ "sid": "s-1" }));
    let deliveries = [post_token(&test_outpost, &token), post_token(&test_outpost, &token)];
    let mut answers = futures_util::future::join_all(deliveries).await;
    answers.sort_by_key(|(status, _)| *status);
    assert_eq!(answers, [DONE, REFUSED]);
    assert_eq!(revoked(&test_outpost).len(), 1);
}

#[tokio::test]
async fn bl_15_a_post_is_answered_by_200_or_400_and_nothing_else() {
    let test_outpost = test_outpost();
    let mut alice = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    let proper = format!("logout_token={}", token(&test_outpost, &json!({ "sid": "s-1" })));
    let doubled = format!("{proper}&{proper}");
    let (message, _) = proper.rsplit_once('.').unwrap();
    let unsigned = format!("{message}.YmFk");
    for body in [RequestBody::Withheld, RequestBody::Cut, whole(""), whole(&doubled), whole(&unsigned)] {
        assert_eq!(answered(&post(&test_outpost, body.clone()).await), REFUSED, "{body:?}");
    }
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let request = request(method, BACK, whole(&proper));
        let decision = test_outpost.outpost.answer(&test_outpost.outpost.route(&request)).await;
        assert_eq!(answered(&decision), (405, Reason::MethodNotAllowed), "{method}");
    }
    let plain = request("POST", &BACK.replace("https://", "http://"), whole(&proper));
    let routed = test_outpost.outpost.route(&plain);
    assert_eq!(answered(&test_outpost.outpost.answer(&routed).await), REFUSED);
    test_outpost.provider.down.store(true, Ordering::Relaxed);
    assert_eq!(answered(&post(&test_outpost, whole(&proper)).await), REFUSED);
    assert!(is_signed_in(&mut alice, &test_outpost, WIKI).await, "and nothing has ended");
}

#[tokio::test]
async fn what_ended_is_revoked_by_the_client_that_it_was_issued_to() {
    let test_outpost = test_outpost();
    signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    signed_in(&test_outpost, "alice", "s-1", "https://board.example.com/").await;
    signed_in(&test_outpost, "bob", "s-2", WIKI).await;
    give_refresh_tokens(&test_outpost);
    assert_eq!(post_claims(&test_outpost, json!({ "sid": "s-1" })).await, DONE);
    let of_alice = |slug: &str| ("wiki".to_owned(), format!("refresh-{slug}-sub-alice"));
    assert_eq!(revoked(&test_outpost), [of_alice("board"), of_alice("wiki")]);
}

#[tokio::test]
async fn rl_2_a_sign_out_revokes() {
    let test_outpost = test_outpost();
    let mut alice = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    give_refresh_tokens(&test_outpost);
    let url = "https://wiki.example.com/outpost.goauthentik.io/sign_out";
    let head = alice.head(url, &[PAGE, ("sec-fetch-mode", "navigate"), ("sec-fetch-site", "none")]);
    assert_eq!(alice.send(&test_outpost, &head).await.audit.reason, Reason::SignedOut);
    assert_eq!(revoked(&test_outpost).len(), 1);
}

/// The effect of a frame with this query: whether alice is still signed in, and how many tokens are revoked.
async fn framed(query: &str, with_cookie: bool, headers: &[(&str, &str)]) -> (bool, usize) {
    let test_outpost = test_outpost();
    let mut alice = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    give_refresh_tokens(&test_outpost);
    let mut frame = if with_cookie { alice.clone() } else { Browser::default() };
    let decision = frame.send(&test_outpost, &frame.head(&format!("{FRONT}{query}"), headers)).await;
    let page = page(&decision);
    assert_eq!((page.status.as_u16(), decision.audit.reason), (200, Reason::LogoutByProvider), "FL-2: {query}");
    assert!(page.framed && page.common_headers().all(|(name, _)| name != "x-frame-options"), "FL-1");
    let policy = page.headers.iter().find(|(name, _)| name == "content-security-policy").unwrap();
    let policy = policy.1.to_str().unwrap();
    assert!(policy.ends_with("frame-ancestors https://sso.example.com"), "FL-1: {policy}");
    assert_eq!(page.cookies.is_empty(), !with_cookie || is_signed_in(&mut alice, &test_outpost, WIKI).await, "{query}");
    (is_signed_in(&mut alice, &test_outpost, WIKI).await, revoked(&test_outpost).len())
}

#[tokio::test]
async fn fl_2_fl_3_the_matrix_of_frames() {
    const BOTH: &str = "?iss=https%3A%2F%2Fsso.example.com%2F&sid=s-1";
    for (query, with_cookie, expected) in [
        (BOTH, true, (false, 1)),
        ("", true, (false, 1)),
        ("?iss=https%3A%2F%2Fsso.example.com%2F", true, (false, 1)),
        ("?sid=s-1", true, (false, 1)),
        ("?iss=https%3A%2F%2Fsso.example.com%2F&sid=s-2", true, (true, 0)),
        ("?iss=https%3A%2F%2Fother.example%2F&sid=s-1", true, (true, 0)),
        ("?sid=s-2", true, (true, 0)),
        ("?iss=https%3A%2F%2Fsso.example.com%2F&sid=s-1&sid=s-1", true, (true, 0)),
        (BOTH, false, (false, 0)),
        ("", false, (true, 0)),
        ("?sid=s-1", false, (true, 0)),
        ("?iss=https%3A%2F%2Fsso.example.com%2F&sid=s-2", false, (true, 0)),
        ("?iss=https%3A%2F%2Fother.example%2F&sid=s-1", false, (true, 0)),
    ] {
        assert_eq!(
            framed(query, with_cookie, &[("sec-fetch-dest", "iframe")]).await,
            expected,
            "{query} {with_cookie}"
        );
    }
    for destination in ["image", "document", "script", "empty"] {
        let outcome = framed(BOTH, true, &[("sec-fetch-dest", destination)]).await;
        assert_eq!(outcome, (true, 0), "another site's {destination} ends nothing");
    }
}

#[tokio::test]
async fn fl_3_a_hit_and_a_miss_look_and_last_the_same() {
    let test_outpost = test_outpost();
    signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    let mut took: Vec<String> = Vec::new();
    for sid in ["s-1", "s-9"] {
        let begun = tokio::time::Instant::now();
        let head = Browser::default().head(&format!("{FRONT}?iss={ISSUER}&sid={sid}"), &[]);
        let decision = test_outpost.ask(&head).await;
        assert!(begun.elapsed() >= Duration::from_millis(100), "{sid}");
        took.push(format!("{:?}", decision.verdict));
    }
    assert_eq!(took[0], took[1]);
}

/// A frame without a cookie for this provider session, from this client.
fn frame_of_a_stranger(url: &str, sid: &str, client: &str) -> Request {
    let mut head = Browser::default().head(&format!("{url}?iss={ISSUER}&sid={sid}"), &[]);
    head.client = Some(client.parse().unwrap());
    head.into()
}

#[tokio::test]
async fn fl_3_frames_of_strangers_have_a_share_and_one_beyond_it_ends_nothing() {
    const BOARD: &str = "https://board.example.com/outpost.goauthentik.io/frontchannel_logout";
    let mut test_outpost = test_outpost();
    let limits = WaitLimits { per_client: 1, per_issuer: 2, ..WaitLimits::default() };
    test_outpost.outpost = test_outpost.outpost.with_wait_limits(limits);
    let mut alice = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    let outpost = &test_outpost.outpost;
    let answer = async |request: Request| outpost.answer(&outpost.route(&request)).await;
    let refused = |request: Request| {
        let decision = answer(request).now_or_never().expect("is refused at once");
        assert_eq!(page(&decision).status, 503);
        assert_eq!(decision.audit.reason, Reason::ProviderUnavailable);
        format!("{:?}", decision.verdict).replace(&decision.audit.id, "")
    };

    let mut one = Box::pin(answer(frame_of_a_stranger(FRONT, "s-9", "192.0.2.1")));
    assert!(one.as_mut().now_or_never().is_none(), "it is under way");
    let [hit, miss] = ["s-1", "s-9"].map(|sid| refused(frame_of_a_stranger(FRONT, sid, "192.0.2.1")));
    assert_eq!(hit.replace("s-1", ""), miss.replace("s-9", ""));
    let mut two = Box::pin(answer(frame_of_a_stranger(FRONT, "s-9", "192.0.2.2")));
    assert!(two.as_mut().now_or_never().is_none(), "another client");
    refused(frame_of_a_stranger(FRONT, "s-1", "192.0.2.3"));
    refused(frame_of_a_stranger(BOARD, "s-1", "192.0.2.3"));
    assert!(is_signed_in(&mut alice, &test_outpost, WIKI).await, "nothing ended");

    assert_eq!([answered(&one.await), answered(&two.await)], [DONE; 2]);
    assert_eq!(answered(&answer(frame_of_a_stranger(FRONT, "s-1", "192.0.2.1")).await), DONE, "the places are free");
    assert!(!is_signed_in(&mut alice, &test_outpost, WIKI).await);
}

/// What it asks for does not depend on any session.
#[tokio::test]
async fn fl_3_a_frame_that_names_no_session_is_answered_at_once() {
    let test_outpost = test_outpost();
    for query in
        ["", "?x=1", "?sid=s-1", "?iss=https%3A%2F%2Fsso.example.com%2F", "?iss=https%3A%2F%2Fsso.example.com%2F&sid="]
    {
        let head = Browser::default().head(&format!("{FRONT}{query}"), &[]);
        let decision = test_outpost.ask(&head).now_or_never().expect(query);
        assert_eq!(answered(&decision), DONE, "{query}");
    }
    // Whether an issuer is trusted remains as unknown as whether a session exists.
    let head = Browser::default().head(&format!("{FRONT}?iss=https%3A%2F%2Fother.example%2F&sid=s-1"), &[]);
    assert!(test_outpost.ask(&head).now_or_never().is_none());
}

#[tokio::test]
async fn a_frame_is_asked_for_by_get_alone() {
    let test_outpost = test_outpost();
    let mut head = Browser::default().head(FRONT, &[]);
    head.method = "POST".into();
    assert_eq!(answered(&test_outpost.ask(&head).await), (405, Reason::MethodNotAllowed));
}

#[tokio::test]
async fn a_session_of_an_ended_provider_session_counts_as_ended_while_the_store_fails() {
    let test_outpost = test_outpost();
    let mut browser = signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    let issuers = [ISSUER.to_owned()].into();
    assert!(is_signed_in(&mut browser, &test_outpost, WIKI).await);
    test_outpost.fail_store_at(1);
    assert!(test_outpost.outpost.end_provider_session("s-1", &issuers).await.is_err());
    assert_eq!(test_outpost.sessions(), 1, "the store still has it");
    assert!(!is_signed_in(&mut browser, &test_outpost, WIKI).await);
    assert_eq!(test_outpost.outpost.end_provider_session("s-1", &issuers).await.unwrap(), 1);
    assert!(!is_signed_in(&mut browser, &test_outpost, WIKI).await);
}

#[tokio::test]
async fn a_fault_at_one_issuer_keeps_no_session_of_another() {
    let test_outpost = test_outpost();
    signed_in(&test_outpost, "alice", "s-1", WIKI).await;
    let issuers = ["https://another.example/".to_owned(), ISSUER.to_owned()].into();
    test_outpost.fail_store_at(1);
    assert!(test_outpost.outpost.end_provider_session("s-1", &issuers).await.is_err());
    assert_eq!(test_outpost.sessions(), 0);
    assert_eq!(test_outpost.outpost.end_provider_session("s-1", &issuers).await.unwrap(), 0);
}
