//! The page of a user's sessions: whose they are, what ends them, and who may not.

use serde_json::json;

use super::test_outpost::{Browser, PAGE, TestOutpost, allowed, denied, location, outpost_with, test_outpost};
use crate::domain::decision::{Decision, Page, Reason, Verdict};
use crate::domain::http::RequestHead;

const SESSIONS: &str = "https://wiki.example.com/outpost.goauthentik.io/sessions";
const WIKI: &str = "https://wiki.example.com/";
const BOARD: &str = "https://board.example.com/";
const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");

fn page(decision: &Decision) -> &Page {
    let Verdict::Page(page) = &decision.verdict else { panic!("no page: {decision:?}") };
    page
}

async fn shown(browser: &mut Browser, outpost: &TestOutpost) -> String {
    let decision = browser.open(outpost, SESSIONS).await;
    assert_eq!(decision.audit.reason, Reason::SessionsShown);
    page(&decision).body.clone()
}

/// The queries of the page's forms.
fn queries(body: &str) -> Vec<String> {
    let actions = body.split("action=\"").skip(1).filter_map(|part| part.split_once('"'));
    actions.map(|(action, _)| action.to_owned()).collect()
}

/// The form post of a button, as a browser with Fetch Metadata sends it.
fn post(browser: &Browser, query: &str, headers: &[(&str, &str)]) -> RequestHead {
    let headers: Vec<_> = [PAGE, ("sec-fetch-mode", "navigate")].into_iter().chain(headers.iter().copied()).collect();
    RequestHead { method: "POST".into(), ..browser.head(&format!("{SESSIONS}{query}"), &headers) }
}

async fn is_signed_in(browser: &Browser, outpost: &TestOutpost, url: &str) -> bool {
    allowed(&browser.clone().open(outpost, url).await).is_some()
}

/// Two browsers of alice, at the wiki and the board, and one of bob.
async fn three(outpost: &TestOutpost) -> [Browser; 3] {
    let [mut here, mut there, mut bob] = [Browser::default(), Browser::default(), Browser::default()];
    here.sign_in(outpost, WIKI).await;
    there.sign_in(outpost, BOARD).await;
    *outpost.provider.user.lock().unwrap() = "bob".into();
    bob.sign_in(outpost, WIKI).await;
    *outpost.provider.user.lock().unwrap() = "alice".into();
    [here, there, bob]
}

#[tokio::test]
async fn us_1_one_session_ends_another_of_the_same_user_and_stays() {
    let outpost = test_outpost();
    let [mut here, there, mut bob] = three(&outpost).await;
    let body = shown(&mut here, &outpost).await;
    assert!(body.contains("You are signed in as alice in 2 places."), "{body}");
    let buttons = queries(&body);
    assert_eq!(buttons.len(), 2, "the other one, and all others: {body}");
    assert!(shown(&mut bob, &outpost).await.contains("You are signed in as bob, here only."));
    let all = outpost.store.all();
    let key_of_there = all.iter().find(|it| it.stored.session.record().application.as_str() == "board").unwrap().key;
    outpost.audit.take();

    let ended = here.send(&outpost, &post(&here, &buttons[0], &[SAME_ORIGIN])).await;
    assert_eq!((location(&ended).as_str(), ended.audit.reason), (SESSIONS, Reason::SessionsEnded));
    assert_eq!(ended.audit.user.as_deref(), Some("alice"));
    let events = outpost.audit.take();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    let event = serde_json::to_value(event).unwrap();
    assert_eq!((&event["event"], &event["cause"]), (&json!("session_ended"), &json!("sessions_page")), "{event}");
    assert_eq!(
        (&event["session"], &event["user"]["name"]),
        (&json!(key_of_there.to_hex()), &json!("alice")),
        "{event}"
    );
    assert_eq!((&event["application"], &event["request"]["method"]), (&json!("board"), &json!("POST")), "{event}");
    assert!(!is_signed_in(&there, &outpost, BOARD).await);
    assert!(is_signed_in(&here, &outpost, WIKI).await && is_signed_in(&bob, &outpost, WIKI).await);
    assert!(queries(&shown(&mut here, &outpost).await).is_empty());
}

#[tokio::test]
async fn us_1_all_others_end_and_no_session_of_another_user() {
    let outpost = test_outpost();
    let [mut here, there, bob] = three(&outpost).await;
    let mut third = Browser::default();
    third.sign_in(&outpost, "https://x.corp.example.com/").await;
    let buttons = queries(&shown(&mut here, &outpost).await);
    let others = buttons.iter().find(|query| query.starts_with("?end_others=")).expect("there are others");
    let ended = here.send(&outpost, &post(&here, others, &[SAME_ORIGIN])).await;
    assert_eq!(ended.audit.reason, Reason::SessionsEnded);
    assert!(!is_signed_in(&there, &outpost, BOARD).await);
    assert!(!is_signed_in(&third, &outpost, "https://x.corp.example.com/").await);
    assert!(is_signed_in(&here, &outpost, WIKI).await && is_signed_in(&bob, &outpost, WIKI).await);
}

#[tokio::test]
async fn us_2_a_form_from_elsewhere_ends_nothing() {
    let outpost = test_outpost();
    let [mut here, mut there, mut bob] = three(&outpost).await;
    let button = queries(&shown(&mut here, &outpost).await).remove(0);
    let of_bob = {
        *outpost.provider.user.lock().unwrap() = "bob".into();
        Browser::default().sign_in(&outpost, BOARD).await;
        queries(&shown(&mut bob, &outpost).await).remove(0)
    };
    let of_there = {
        let body = there.open(&outpost, "https://board.example.com/outpost.goauthentik.io/sessions").await;
        queries(&page(&body).body).remove(0)
    };
    let before = outpost.sessions();
    for (query, headers) in [
        (button.as_str(), vec![("sec-fetch-site", "cross-site")]),
        (&button, vec![("sec-fetch-site", "same-site")]),
        (&button, vec![("sec-fetch-site", "none")]),
        (&button, vec![("origin", "https://evil.test")]),
        (&button, vec![("origin", "https://board.example.com")]),
        (&of_bob, vec![SAME_ORIGIN]),
        (&of_there, vec![SAME_ORIGIN]),
        ("", vec![SAME_ORIGIN]),
        ("?end=", vec![SAME_ORIGIN]),
        ("?end_others=", vec![SAME_ORIGIN]),
        (&button.replace("?end=", "?end_others="), vec![SAME_ORIGIN]),
        (&format!("{button}&end_others=x"), vec![SAME_ORIGIN]),
        (&format!("{button}&{}", &button[1..]), vec![SAME_ORIGIN]),
    ] {
        let refused = here.send(&outpost, &post(&here, query, &headers)).await;
        assert_eq!(refused.audit.reason, Reason::SessionEndRefused, "{query} {headers:?}");
        assert_eq!(denied(&refused).status, 403);
        assert!(denied(&refused).cookies.is_empty());
    }
    // A link, and a token without a session.
    let linked = here.open(&outpost, &format!("{SESSIONS}{button}")).await;
    assert_eq!(linked.audit.reason, Reason::SessionsShown);
    let stranger = Browser::default();
    assert_eq!(outpost.ask(&post(&stranger, &button, &[SAME_ORIGIN])).await.audit.reason, Reason::SignInRequired);
    assert_eq!(outpost.sessions(), before);

    // The button itself works, once.
    let mut older_browser = here.clone();
    let ended = older_browser.send(&outpost, &post(&here, &button, &[("origin", "null")])).await;
    assert_eq!(ended.audit.reason, Reason::SessionsEnded);
    let again = here.send(&outpost, &post(&here, &button, &[SAME_ORIGIN])).await;
    assert_eq!(again.audit.reason, Reason::SessionEndRefused);
    assert!(denied(&again).body.contains("The session has ended already"));
}

#[tokio::test]
async fn us_3_the_page_holds_nothing_by_which_a_session_is_known() {
    let outpost = test_outpost();
    let [mut here, there, _] = three(&outpost).await;
    let decision = here.open(&outpost, SESSIONS).await;
    let page = page(&decision);
    for value in here.cookies.values().chain(there.cookies.values()) {
        assert!(!page.body.contains(value.as_str()), "{value}");
    }
    for listed in outpost.store.all() {
        assert!(!page.body.contains(&listed.key.to_hex()));
    }
    assert!(!page.body.contains("<script") && !page.framed);
    let policy = page.headers.iter().find(|(name, _)| name == "content-security-policy").expect("has one");
    assert!(policy.1.to_str().unwrap().ends_with("frame-ancestors 'none'"));
}

#[tokio::test]
async fn us_4_an_old_sign_in_ends_no_session_before_another() {
    let outpost = test_outpost();
    let [mut here, there, _] = three(&outpost).await;
    let button = queries(&shown(&mut here, &outpost).await).remove(0);
    outpost.pass(601);
    let body = shown(&mut here, &outpost).await;
    assert!(queries(&body).is_empty() && body.contains("your sign-in is older than 10 min"), "{body}");
    let start = "https://wiki.example.com/outpost.goauthentik.io/start?rd=https%3A%2F%2Fwiki.example.com%2Foutpost.goauthentik.io%2Fsessions";
    assert!(body.contains(start), "{body}");

    for begun in [here.send(&outpost, &post(&here, &button, &[SAME_ORIGIN])).await, here.open(&outpost, start).await] {
        assert_eq!(begun.audit.reason, Reason::StepUpStarted);
        let location = location(&begun);
        assert!(location.contains("&max_age=600"), "{location}");
        assert!(is_signed_in(&there, &outpost, BOARD).await, "nothing ended yet");
        let back = here.open(&outpost, &Browser::callback(&location)).await;
        assert_eq!(self::location(&back), SESSIONS);
    }
    let button = queries(&shown(&mut here, &outpost).await).remove(0);
    let ended = here.send(&outpost, &post(&here, &button, &[SAME_ORIGIN])).await;
    assert_eq!(ended.audit.reason, Reason::SessionsEnded);
    assert!(!is_signed_in(&there, &outpost, BOARD).await);
}

/// The provider signs the user in without asking, and says so.
#[tokio::test]
async fn us_4_the_time_of_the_sign_in_at_the_provider_counts() {
    let outpost = test_outpost();
    *outpost.provider.claims.lock().unwrap() = json!({ "auth_time": 990_000 });
    let [mut here, ..] = three(&outpost).await;
    let body = shown(&mut here, &outpost).await;
    assert!(body.contains("your sign-in is older than 10 min") && !body.contains("was asked"), "{body}");
    let start = "https://wiki.example.com/outpost.goauthentik.io/start?rd=/outpost.goauthentik.io/sessions";
    let begun = here.open(&outpost, start).await;
    here.open(&outpost, &Browser::callback(&location(&begun))).await;
    let body = shown(&mut here, &outpost).await;
    assert!(body.contains("was asked for a new sign-in, and its answer does not show one"), "{body}");
    assert!(queries(&body).is_empty());
}

#[tokio::test]
async fn a_browser_without_a_session_signs_in_and_comes_back() {
    let outpost = test_outpost();
    let mut browser = Browser::default();
    assert_eq!(browser.sign_in(&outpost, SESSIONS).await, SESSIONS);
    shown(&mut browser, &outpost).await;
    let mut german = browser.head(SESSIONS, &[PAGE, ("accept-language", "de-AT,de;q=0.9,en;q=0.5")]);
    let decision = outpost.ask(&german).await;
    assert!(page(&decision).body.contains("<html lang=\"de\">") && page(&decision).body.contains("Ihre Sitzungen"));
    german.method = "PUT".into();
    assert_eq!(outpost.ask(&german).await.audit.reason, Reason::MethodNotAllowed);
    let script = outpost.ask(&browser.head(SESSIONS, &[("accept", "application/json")])).await;
    assert_eq!(denied(&script).status, 406);
}

#[tokio::test]
async fn a_store_that_fails_ends_the_session_here_and_shows_no_page() {
    let outpost = test_outpost();
    let [mut here, ..] = three(&outpost).await;
    let button = queries(&shown(&mut here, &outpost).await).remove(0);
    for call in [1, 2, 3] {
        outpost.fail_store_at(call);
        let decision = here.send(&outpost, &post(&here, &button, &[SAME_ORIGIN])).await;
        assert_eq!(
            (decision.audit.reason, denied(&decision).status.as_u16()),
            (Reason::StoreUnavailable, 503),
            "{call}"
        );
    }
}

#[tokio::test]
async fn sessions_of_other_issuers_and_applications_that_are_gone_are_not_shown() {
    let outpost = outpost_with(|application| {
        if application.slug.as_str() == "board" {
            application.relying_party.issuer = "https://other.example.com".into();
        }
    });
    let [mut here, ..] = three(&outpost).await;
    assert!(shown(&mut here, &outpost).await.contains("You are signed in as alice, here only."));
}

#[tokio::test]
async fn a_long_list_shows_the_newest_hundred_and_ends_all() {
    let outpost = test_outpost();
    let mut here = Browser::default();
    here.sign_in(&outpost, WIKI).await;
    for _ in 0..120 {
        Browser::default().sign_in(&outpost, BOARD).await;
    }
    let body = shown(&mut here, &outpost).await;
    assert!(body.contains("in 121 places. The newest 100 are shown."), "{body}");
    let others = queries(&body).pop().expect("has others");
    here.send(&outpost, &post(&here, &others, &[SAME_ORIGIN])).await;
    assert_eq!(outpost.sessions(), 1);
}
