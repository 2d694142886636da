//! The admin port: what operators see, what they can end, and that no other client can call it.

use std::collections::BTreeSet;
use std::sync::Arc;

use gatepost::admin_api::sessions_client::SessionsClient;
use gatepost::admin_api::{self as admin, EndRequest, EndUserRequest, ListRequest, end_user_request};
use gatepost::domain::oidc::user::User;
use gatepost::domain::session::{Refresh, Session, SessionId, SessionRecord};
use gatepost::domain::slug::Slug;
use gatepost::domain::time::Timestamp;
use gatepost::ports::SessionStore;
use gatepost::testing::{NOW, memory_store, session_record};
use serde_json::json;
use tonic::Code;
use tonic::transport::Channel;

use super::support::{Setup, TestApp, check, eventually, exchange, status, within};

const SSO: &str = "https://sso.example.com/";
const OTHER: &str = "https://other.example.com/";

/// A session to create: the user, the issuer, the application, and for how many seconds signed in.
struct Guest {
    name: &'static str,
    subject: &'static str,
    issuer: &'static str,
    application: &'static str,
    age: u64,
}

const ALICE: Guest = Guest { name: "alice", subject: "sub-a", issuer: SSO, application: "wiki", age: 60 };

impl Guest {
    fn session(&self) -> Session {
        let created = Timestamp::from_unix(NOW - self.age);
        let claims = json!({ "preferred_username": self.name, "groups": ["staff"] });
        Session::restore(SessionRecord {
            user: User { issuer: self.issuer.to_owned(), subject: self.subject.to_owned() },
            application: Slug::parse(self.application).expect("is a slug"),
            id_token: Some("hunter2.id.token".into()),
            access_token: Some("hunter2-access".into()),
            sent_id_token: None,
            provider_session: Some("hunter2-sid".to_owned()),
            refresh: Some(Refresh { refresh_token: Some("hunter2-refresh".into()), due: created, stale: created }),
            generation: 3,
            ends: Timestamp::from_unix(created.as_unix() + 3000),
            ..session_record(self.subject, &claims, created.as_unix())
        })
    }
}

/// The id of the session with this number.
fn id(number: u32) -> SessionId {
    let mut bits = [7; 32];
    bits[..4].copy_from_slice(&number.to_be_bytes());
    SessionId::new(bits)
}

/// A service whose store contains these sessions, numbered from 0.
async fn with(guests: impl IntoIterator<Item = Guest>) -> (TestApp, Arc<dyn SessionStore>) {
    let store = memory_store();
    for (number, guest) in (0..).zip(guests) {
        store.save(&id(number).key(), guest.session()).await.expect("saves");
    }
    let setup = Setup { sessions: Some(Arc::clone(&store)), ..Setup::default() };
    (TestApp::start(setup).await, store)
}

async fn list(operator: &mut SessionsClient<Channel>, request: ListRequest) -> Vec<admin::Session> {
    let mut stream = within(operator.list(request)).await.expect("is answered").into_inner();
    let mut found = Vec::new();
    while let Some(session) = within(stream.message()).await.expect("is sent") {
        found.push(session);
    }
    found
}

#[tokio::test]
async fn every_live_session_is_listed_once_without_a_secret() {
    let dead = [Guest { age: 3000, ..ALICE }, Guest { age: 600, ..ALICE }];
    let live = std::iter::repeat_with(|| ALICE).take(1234);
    let (app, _) = with(live.chain(dead)).await;
    let found = list(&mut app.operator().await, ListRequest::default()).await;
    let handles: BTreeSet<&str> = found.iter().map(|session| session.handle.as_str()).collect();
    assert_eq!((found.len(), handles.len()), (1234, 1234));
    let user = admin::User { issuer: SSO.to_owned(), subject: "sub-a".to_owned(), name: "alice".to_owned() };
    let expected = admin::Session {
        handle: id(0).key().to_hex(),
        user: Some(user),
        application: "wiki".to_owned(),
        created: NOW - 60,
        last_seen: NOW - 60,
        ends: NOW + 2940,
        refreshed: 3,
    };
    assert!(found.contains(&expected));
    let shown = format!("{found:?}");
    assert!(!shown.contains("hunter2"), "a token is told");
    assert!((0..1234).all(|number| !shown.contains(&id(number).to_cookie_value())), "a session id is told");
    app.stop().await;
}

#[tokio::test]
async fn conditions_have_to_fit_all_together() {
    let (app, store) = with([
        Guest { age: 500, ..ALICE },
        Guest { name: "bob", subject: "alice", ..ALICE },
        Guest { issuer: OTHER, age: 100, ..ALICE },
        Guest { application: "board", age: 200, ..ALICE },
    ])
    .await;
    store.touch(&id(0).key(), Timestamp::from_unix(NOW - 10)).await.expect("is noted");
    let mut operator = app.operator().await;
    let text = |text: &str| Some(text.to_owned());
    let nothing = ListRequest::default;
    for (request, expected) in [
        (nothing(), vec![0, 1, 2, 3]),
        (ListRequest { user: text("alice"), ..nothing() }, vec![0, 1, 2, 3]),
        (ListRequest { user: text("bob"), ..nothing() }, vec![1]),
        (ListRequest { user: text("sub-a"), ..nothing() }, vec![0, 2, 3]),
        (ListRequest { user: text("ALICE"), ..nothing() }, vec![]),
        (ListRequest { issuer: text(OTHER), ..nothing() }, vec![2]),
        (ListRequest { application: text("board"), ..nothing() }, vec![3]),
        (ListRequest { older_than: Some(200), ..nothing() }, vec![0, 3]),
        (ListRequest { older_than: Some(201), ..nothing() }, vec![0]),
        (ListRequest { idle_for: Some(100), ..nothing() }, vec![2, 3]),
        (ListRequest { older_than: Some(100), idle_for: Some(200), user: text("alice"), ..nothing() }, vec![3]),
        (ListRequest { older_than: Some(u64::MAX), ..nothing() }, vec![]),
    ] {
        let found: BTreeSet<String> =
            list(&mut operator, request.clone()).await.into_iter().map(|session| session.handle).collect();
        let expected: BTreeSet<String> = expected.into_iter().map(|number| id(number).key().to_hex()).collect();
        assert_eq!(found, expected, "{request:?}");
    }
    drop(operator);
    app.stop().await;
}

#[tokio::test]
async fn sm_4_whose_session_was_ended_is_denied_at_once() {
    let (app, _) = with([ALICE, ALICE]).await;
    let (mut operator, mut checks) = (app.operator().await, app.checks().await);
    let mut visit = async |number| {
        let cookie = format!("__Host-gatepost-session-wiki={}", id(number).to_cookie_value());
        status(&within(checks.check(check("/", Some(&cookie)))).await.expect("is answered").into_inner())
    };
    assert_eq!((visit(0).await, visit(1).await), (200, 200));
    let handle = id(0).key().to_hex();
    let ended = within(operator.end(EndRequest { handle: handle.clone() })).await.expect("ends").into_inner();
    let ended = ended.session.expect("is told");
    assert_eq!((&ended.handle, ended.user.map(|user| user.name).as_deref()), (&handle, Some("alice")));
    assert_eq!((visit(0).await, visit(1).await), (302, 200));

    for (handle, code) in [
        (handle.clone(), Code::NotFound),
        (id(9).key().to_hex(), Code::NotFound),
        (id(1).to_cookie_value(), Code::InvalidArgument),
        (id(1).key().to_hex().to_uppercase(), Code::InvalidArgument),
        (String::new(), Code::InvalidArgument),
    ] {
        let refused = within(operator.end(EndRequest { handle: handle.clone() })).await.expect_err("ends nothing");
        assert_eq!(refused.code(), code, "{handle}");
    }
    assert_eq!(visit(1).await, 200);
    drop(operator);
    drop(checks);
    app.stop().await;
}

#[tokio::test]
async fn sm_5_a_user_is_ended_when_it_is_clear_who_is_meant() {
    let (app, _) = with([
        ALICE,
        Guest { application: "board", ..ALICE },
        Guest { issuer: OTHER, ..ALICE },
        // A user whose name equals another user's subject gains nothing, and affects no other user.
        Guest { name: "sub-a", subject: "sub-m", ..ALICE },
        Guest { name: "bob", subject: "sub-b", ..ALICE },
    ])
    .await;
    let mut operator = app.operator().await;
    let user = |text: &str| Some(end_user_request::Selector::User(text.to_owned()));
    let subject = |text: &str| Some(end_user_request::Selector::Subject(text.to_owned()));
    let sso = Some(SSO.to_owned());
    for (selector, issuer, users, ended, left) in [
        (user("carol"), None, 0, 0, 5),
        (user("alice"), None, 2, 0, 5),
        (user("sub-a"), None, 3, 0, 5),
        (user("sub-a"), sso.clone(), 2, 0, 5),
        (subject("sub-a"), Some("https://nobody.example.com/".to_owned()), 0, 0, 5),
        // Without an issuer only users of issuers count that an application trusts.
        (subject("sub-a"), None, 1, 2, 3),
        (user("alice"), sso, 0, 0, 3),
        (user("alice"), Some(OTHER.to_owned()), 1, 1, 2),
        (user("bob"), None, 1, 1, 1),
        (subject("sub-m"), None, 1, 1, 0),
    ] {
        let request = EndUserRequest { selector, issuer };
        let answer = within(operator.end_user(request.clone())).await.expect("is answered").into_inner();
        assert_eq!((answer.users.len(), answer.ended), (users, ended), "{request:?}");
        assert_eq!(list(&mut operator, ListRequest::default()).await.len(), left, "{request:?}");
    }
    let without_selector = EndUserRequest { selector: None, issuer: None };
    assert_eq!(
        within(operator.end_user(without_selector)).await.expect_err("names no user").code(),
        Code::InvalidArgument
    );
    drop(operator);
    app.stop().await;
}

#[tokio::test]
async fn sm_10_no_browser_can_ask_and_no_other_port_answers() {
    let (app, store) = with([ALICE]).await;
    let admin = app.addresses.admin.expect("listens");
    let path = "/gatepost.admin.v1.Sessions/EndUser";
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {admin}\r\nContent-Type: application/grpc\r\nContent-Length: 12\r\n\r\n\0\0\0\0\u{7}\n\u{5}alice"
    );
    let reply = exchange(admin, request.as_bytes()).await;
    assert!(!reply.text.contains("HTTP/1"), "{reply:?}");
    for port in [app.addresses.http.expect("listens"), app.addresses.metrics] {
        let request = request.replace("\r\nContent-Type", "\r\nConnection: close\r\nContent-Type");
        let reply = exchange(port, request.as_bytes()).await;
        assert!(matches!(reply.status(), 400 | 404 | 405 | 421), "{reply:?}");
    }
    let mut elsewhere = SessionsClient::new(app.channel().await);
    let refused = within(elsewhere.end(EndRequest { handle: id(0).key().to_hex() })).await.expect_err("is not there");
    assert_eq!(refused.code(), Code::Unimplemented);
    assert!(store.load(&id(0).key()).await.expect("is there").is_some());
    drop(elsewhere);
    app.stop().await;
}

#[tokio::test]
async fn lists_that_nobody_reads_hold_up_no_more_than_a_few() {
    let (app, _) = with(std::iter::repeat_with(|| ALICE).take(2000)).await;
    let mut operator = app.operator().await;
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(within(operator.list(ListRequest::default())).await.expect("is answered"));
    }
    let refused = within(operator.list(ListRequest::default())).await.expect_err("is one too many");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let search = EndUserRequest { selector: Some(end_user_request::Selector::User("bob".to_owned())), issuer: None };
    assert_eq!(within(operator.end_user(search)).await.expect_err("searches").code(), Code::ResourceExhausted);
    let known = EndUserRequest { selector: Some(end_user_request::Selector::Subject("bob".to_owned())), issuer: None };
    assert!(within(operator.end_user(known)).await.is_ok(), "ending by index goes on");
    drop(unread);
    eventually(async || operator.list(ListRequest::default()).await.is_ok()).await;
    drop(operator);
    app.stop().await;
}
