//! The outpost and its providers: what is asked, what is read, and what is said about answers that cannot be used.

use std::time::Duration;

use gatepost::outbound::authentik::{ApiFault, ConnectionFault, ConnectionSettings, Outpost, Providers};
use serde_json::{Value, json};

use crate::client::{connect, settings};
use crate::fake::{FakeAuthentik, OUTPOST, Reply, TOKEN, answers, dead_address};

async fn outpost(fake: &FakeAuthentik) -> Result<Outpost, ApiFault> {
    connect(&settings(&fake.url())).outpost().await
}

async fn providers(fake: &FakeAuthentik) -> Result<Providers, ApiFault> {
    connect(&settings(&fake.url())).providers().await
}

type Edit = fn(Value) -> Value;

/// `list` with another value at this JSON pointer.
fn with(mut list: Value, pointer: &str, value: Value) -> Value {
    *list.pointer_mut(pointer).unwrap() = value;
    list
}

#[tokio::test]
async fn an_outpost_finds_itself_and_its_applications() {
    for prefix in ["", "/auth", "/a/b"] {
        let fake = FakeAuthentik::start_below(prefix).await;
        for slash in ["", "/"] {
            let connection = connect(&settings(&format!("{}{slash}", fake.url())));
            let outpost = connection.outpost().await.unwrap();
            assert_eq!((outpost.pk.as_str(), outpost.name.as_str()), (OUTPOST, "edge"));
            assert_eq!(outpost.refresh_interval(), Duration::from_secs(300));
            let all = connection.providers().await.unwrap();
            assert_eq!(all.invalid, []);
            let [wiki] = all.valid.as_slice() else { panic!("one provider") };
            assert_eq!(wiki.assigned_application_slug, "wiki");
            let token_endpoint = format!("{}/application/o/token/", fake.url());
            assert_eq!(wiki.oidc_configuration.token_endpoint, token_endpoint);
        }
        fake.log(|log| {
            for request in &log.requests {
                assert!(request.path.starts_with(&format!("{prefix}/api/v3/outposts/")), "{}", request.path);
                assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
                let agent = format!("goauthentik.io/outpost/{}", env!("CARGO_PKG_VERSION"));
                assert_eq!(request.header("user-agent"), Some(agent.as_str()));
            }
            assert_eq!(log.requests_to("outposts/proxy/")[0].query, "page=1&page_size=100");
        });
    }
}

#[tokio::test]
async fn a_token_from_a_file_has_a_final_newline() {
    let fake = FakeAuthentik::start().await;
    let token = format!("{TOKEN}\n").into();
    assert!(connect(&ConnectionSettings { token, ..settings(&fake.url()) }).outpost().await.is_ok());
    for token in ["", "\n", "a b", "a\nb", "schlüssel"] {
        let fault = gatepost::outbound::authentik::Connection::new(&ConnectionSettings {
            token: token.into(),
            ..settings(&fake.url())
        });
        assert_eq!(fault.err(), Some(ConnectionFault::Token), "{token:?}");
    }
}

#[tokio::test]
async fn all_pages_are_one_list() {
    let fake = FakeAuthentik::start().await;
    for (count, page_size, requests) in
        [(0, 100, 1), (1, 100, 1), (3, 1, 3), (100, 100, 1), (101, 100, 2), (250, 100, 3)]
    {
        let all =
            (0..count).map(|pk| answers::provider(pk, &format!("app-{pk}"), &format!("https://app-{pk}.example.com")));
        let all: Vec<Value> = all.collect();
        fake.change(|state| {
            state.providers = all;
            state.page_size = page_size;
        });
        let before = fake.log(|log| log.requests.len());
        let read = providers(&fake).await.unwrap();
        assert!(read.valid.iter().map(|provider| provider.pk).eq(0..count), "{count}");
        assert_eq!(fake.log(|log| log.requests.len()) - before, requests, "{count}");
    }
}

#[tokio::test]
async fn a_page_that_fails_takes_the_whole_list_with_it() {
    let fake = FakeAuthentik::start().await;
    fake.change(|state| {
        state.page_size = 1;
        state.providers =
            (0..3).map(|pk| answers::provider(pk, &format!("app-{pk}"), "https://app.example.com")).collect();
    });
    for reply in [
        Reply::Text(500, "application/json", "{}".to_owned()),
        Reply::Text(403, "application/json", "{}".to_owned()),
        Reply::Half,
        Reply::CutOff,
        Reply::Close,
    ] {
        fake.reply("?page=2&", reply.clone());
        assert!(providers(&fake).await.is_err(), "{reply:?}");
    }
    fake.change(|state| state.replies.clear());
    assert_eq!(providers(&fake).await.unwrap().valid.len(), 3);
}

#[tokio::test]
async fn a_list_without_end_is_refused() {
    let fake = FakeAuthentik::start().await;
    let cases: [(Edit, &str); 3] = [
        (|list| with(list, "/pagination/next", json!(1)), "page 1 is followed by page 1"),
        (|list| with(list, "/pagination/next", json!(-1)), "page 1 is followed by page -1"),
        (
            |list| {
                let current = list["pagination"]["current"].as_i64().unwrap();
                with(list, "/pagination/next", json!(current + 1))
            },
            "the list has more than 200 pages",
        ),
    ];
    for (edit, problem) in cases {
        fake.change(|state| {
            state.edit = edit;
            state.page_size = 1;
            state.providers = (0..300).map(|pk| answers::provider(pk, "app", "https://app.example.com")).collect();
        });
        let fault = providers(&fake).await.expect_err(problem).to_string();
        assert!(fault.contains(problem), "{fault}");
    }
}

#[tokio::test]
async fn answers_of_older_and_newer_servers_are_read() {
    let fake = FakeAuthentik::start().await;
    let cases: [Edit; 4] = [
        |mut list| {
            list.as_object_mut().unwrap().remove("autocomplete");
            list
        },
        |list| with(list, "/pagination", json!({ "next": 0.0, "count": 1.0, "of": "the future" })),
        |list| with(list, "/pagination", json!({ "next": 0 })),
        |mut list| {
            list["more"] = json!([1]);
            list["results"][0]["more"] = json!({ "a": null });
            list
        },
    ];
    for edit in cases {
        fake.change(|state| state.edit = edit);
        assert!(outpost(&fake).await.is_ok());
        assert_eq!(providers(&fake).await.unwrap().valid.len(), 1);
    }
}

/// A list that changes between two pages lacks an application, whose host would be left to others.
#[tokio::test]
async fn a_list_that_is_shorter_than_it_says_is_no_answer() {
    let fake = FakeAuthentik::start().await;
    fake.change(|state| state.edit = |list| with(list, "/pagination", json!({ "next": 0, "count": 2 })));
    let fault = providers(&fake).await.unwrap_err().to_string();
    assert!(fault.contains("it has 1 items, and says that it has 2"), "{fault}");
}

#[tokio::test]
async fn a_provider_that_cannot_be_read_does_not_take_the_others_with_it() {
    let fake = FakeAuthentik::start().await;
    fake.change(|state| {
        let mut broken = answers::provider(8, "broken", "https://broken.example.com");
        broken["mode"] = json!("of the future");
        state.providers.push(broken);
    });
    let all = providers(&fake).await.unwrap();
    assert_eq!(all.valid.len(), 1);
    let [broken] = all.invalid.as_slice() else { panic!("one is broken") };
    assert_eq!((broken.pk, broken.member.as_str()), (Some(8), "mode"));
}

#[tokio::test]
async fn the_first_outpost_counts_and_only_its_type() {
    let fake = FakeAuthentik::start().await;
    fake.change(|state| state.outposts.push(answers::outpost("00000000-0000-4000-8000-000000000000")));
    assert_eq!(outpost(&fake).await.unwrap().pk.as_str(), OUTPOST);
    for kind in ["ldap", "radius", "rac"] {
        fake.change(|state| state.outposts[0]["type"] = kind.into());
        let fault = outpost(&fake).await.expect_err(kind).to_string();
        assert!(fault.contains(&format!("the outpost \"edge\" has the type `{kind}`")), "{fault}");
        assert!(fault.contains("create an outpost of the type Proxy"), "{fault}");
    }
    fake.change(|state| state.outposts.clear());
    let fault = outpost(&fake).await.expect_err("no outpost");
    assert!(fault.to_string().starts_with("No outposts found with the given token"), "{fault}");
    fake.change(|state| state.outposts.push(answers::outpost(OUTPOST)));
    assert!(outpost(&fake).await.is_ok(), "it is there now");
}

#[tokio::test]
async fn a_wrong_token_and_one_of_a_user_are_told_apart() {
    let fake = FakeAuthentik::start().await;
    fake.change(|state| state.is_service_account = false);
    assert!(outpost(&fake).await.is_ok(), "an administrator may see outposts");
    let fault = providers(&fake).await.expect_err("an administrator's token");
    assert!(matches!(fault, ApiFault::NotAnOutpostToken { .. }), "{fault}");
    let fault = fault.to_string();
    assert!(fault.starts_with("this token is no outpost token") && fault.contains("permission to perform"), "{fault}");
    fake.change(|state| state.token = "rotated".to_owned());
    let fault = outpost(&fake).await.expect_err("a revoked token");
    assert!(matches!(fault, ApiFault::TokenRefused { .. }), "{fault}");
    let fault = fault.to_string();
    assert!(fault.contains("Token invalid/expired") && fault.contains("AUTHENTIK_TOKEN"), "{fault}");
    assert!(!fault.contains(TOKEN), "{fault}");
}

#[tokio::test]
async fn what_is_no_authentik_is_told_with_what_it_is() {
    let html = || "<!DOCTYPE html>".to_owned();
    let json = "application/json";
    for (reply, words) in [
        (Reply::Text(404, "text/html", html()), &["is no API of authentik", "404 Not Found with \"text/html\""][..]),
        (Reply::Text(404, json, r#"{"detail":"Not Found"}"#.to_owned()), &["is no API of authentik", "404"]),
        (
            Reply::Text(200, "text/html; charset=utf-8", html()),
            &["is no API of authentik", "200 OK with \"text/html\""],
        ),
        (Reply::Text(403, "text/html", html()), &["is no API of authentik", "403"]),
        (
            Reply::Redirect("https://sso.example/if?secret=x".to_owned()),
            &["it redirects to \"https://sso.example/if\" (302"],
        ),
        (Reply::Text(500, json, r#"{"detail":"broken"}"#.to_owned()), &["answers 500", "broken", "its own log"]),
        (Reply::Text(500, json, format!(r#"{{"detail":"no {TOKEN}"}}"#)), &["no (token)"]),
        (Reply::Text(502, "text/html", html()), &["answers 502 Bad Gateway;"]),
        (Reply::Text(429, json, "{}".to_owned()), &["answers 429"]),
        (Reply::Text(200, json, html()), &["cannot be used: it is not JSON (line 1, column 1)"]),
        (Reply::Text(200, json, String::new()), &["it ends in the middle, after 0 bytes"]),
        (Reply::Text(200, json, "[]".to_owned()), &["`.` is missing or has an unexpected value"]),
        (Reply::Text(200, json, r#"{"results":[]}"#.to_owned()), &["`pagination` is missing"]),
        (Reply::Half, &["it ends in the middle"]),
        (Reply::CutOff, &["cannot be reached"]),
        (Reply::Close, &["cannot be reached"]),
        (Reply::Huge(9 * 1024 * 1024), &["the answer is longer than 8192 KiB"]),
    ] {
        let fake = FakeAuthentik::start().await;
        fake.reply("/outposts/", reply.clone());
        for fault in [outpost(&fake).await.err(), providers(&fake).await.err()] {
            let fault = fault.expect("cannot be used").to_string();
            for words in words {
                assert!(fault.contains(words), "{reply:?}: {fault}");
            }
            assert!(!fault.contains("secret") && !fault.contains(TOKEN) && !fault.contains("page="), "{fault}");
            assert!(!fault.contains('\n'), "one line: {fault}");
        }
    }
}

#[tokio::test]
async fn an_authentik_that_is_away_is_asked_again_by_the_same_client() {
    let address = dead_address().await;
    let connection = connect(&settings(&format!("http://{address}")));
    let fault = connection.outpost().await.expect_err("nobody listens");
    assert!(matches!(fault, ApiFault::Unreachable { .. }), "{fault}");
    let fault = fault.to_string();
    assert!(
        fault.contains("refused") && fault.contains("AUTHENTIK_HOST") && fault.contains(&address.to_string()),
        "{fault}"
    );
    let _fake = FakeAuthentik::start_at(address, "", None).await;
    assert!(connection.outpost().await.is_ok());
}

#[tokio::test]
async fn an_authentik_that_does_not_answer_is_not_waited_for() {
    let fake = FakeAuthentik::start().await;
    fake.reply("/outposts/", Reply::Stall);
    let timeout = Duration::from_millis(200);
    let fault = connect(&ConnectionSettings { timeout, ..settings(&fake.url()) }).outpost().await.expect_err("stalls");
    assert!(fault.to_string().contains("no answer in time"), "{fault}");
}
