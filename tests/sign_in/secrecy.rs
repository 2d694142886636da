//! One full run with successes and failures, and a search for every secret in all of its output.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::json;
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::browser::{Answer, Browser, WIKI, parameter};
use crate::capture::Log;
use crate::op::{CLIENT_ID, CLIENT_SECRET, Callback, HostileOp, Reply};
use crate::test_outpost::{TestOutpost, wiki};

const SIGN_OUT: &str = "https://wiki.example.com/outpost.goauthentik.io/sign_out";

/// A secret and the places where it may occur: headers of answers, by name.
struct Secret {
    what: &'static str,
    text: String,
    may_stand_in: &'static [&'static str],
}

#[derive(Default)]
struct Run {
    answers: Vec<Answer>,
    secrets: Vec<Secret>,
}

impl Run {
    /// Records `text` in every encoding in which it could occur.
    fn keep(&mut self, what: &'static str, text: &str, may_stand_in: &'static [&'static str]) {
        let encoded: String = byte_serialize(text.as_bytes()).collect();
        let percent = encoded.replace('+', "%20");
        let base64 = STANDARD_NO_PAD.encode(text);
        let reversed = json!(text).to_string();
        for text in [text.to_owned(), encoded, percent, base64, reversed] {
            // Short texts occur everywhere by chance.
            if text.len() >= 8 {
                self.secrets.push(Secret { what, text, may_stand_in });
            }
        }
    }

    async fn open(&mut self, browser: &mut Browser, test_outpost: &TestOutpost, url: &Url) -> Option<Url> {
        let answer = browser.open_with(test_outpost, url.as_str(), &[("sec-fetch-site", "none")]).await;
        let location = answer.header("location").map(|text| Url::parse(text).unwrap());
        self.answers.push(answer);
        for value in browser.cookies.values() {
            self.keep("cookie", value, &["set-cookie"]);
        }
        location
    }

    /// A sign-in, up to the redirect of the callback.
    async fn sign_in(&mut self, browser: &mut Browser, test_outpost: &TestOutpost, op: &HostileOp) {
        let wiki = Url::parse(WIKI).unwrap();
        let asked = self.open(browser, test_outpost, &wiki).await.expect("goes to the provider");
        self.keep("nonce", &parameter(&asked, "nonce"), &["location"]);
        self.keep("state", &parameter(&asked, "state"), &["location"]);
        let back = op.authorize(&asked);
        self.keep("code", &parameter(&back, "code"), &[]);
        if let Some(again) = self.open(browser, test_outpost, &back).await
            && !parameter(&again, "state").is_empty()
        {
            self.keep("state", &parameter(&again, "state"), &["location"]);
            self.keep("nonce", &parameter(&again, "nonce"), &["location"]);
        }
        for request in op.recorded("/token") {
            self.keep("verifier", &request.form("code_verifier").unwrap_or_default(), &[]);
            self.keep("credentials", request.authorization().unwrap_or_default(), &[]);
        }
        for request in op.recorded("/userinfo") {
            let token = request.authorization().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
            self.keep("access token", token, &[]);
        }
        self.open(browser, test_outpost, &wiki).await;
    }
}

async fn full_run(test_outpost: &TestOutpost, op: &HostileOp) -> Run {
    let mut run = Run::default();
    run.keep("client secret", CLIENT_SECRET, &[]);
    run.keep("credentials", &STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")), &[]);
    let mut browser = Browser::default();
    op.behave(|b| b.sparse = true);
    run.sign_in(&mut browser, test_outpost, op).await;
    let out = run.open(&mut browser, test_outpost, &Url::parse(SIGN_OUT).unwrap()).await.expect("goes to the provider");
    let hint = parameter(&out, "id_token_hint");
    run.keep("ID Token", &hint, &["location"]);
    run.keep("ID Token's payload", hint.split('.').nth(1).unwrap(), &["location"]);
    run.keep("ID Token's signature", hint.split('.').nth(2).unwrap(), &["location"]);
    run.keep("sign-out state", &parameter(&out, "state"), &["location"]);

    // Every kind of failure is logged: each one once.
    let error = |code: &str| Reply::Text(400, "application/json", json!({"error": code}).to_string());
    for misbehave in 0..12 {
        op.reform();
        op.behave(|b| match misbehave {
            0 => b.claims = json!({"nonce": "x"}),
            1 => b.claims = json!({"aud": "x"}),
            2 => b.id_token_text = |token| format!("{token}x"),
            3 => b.token = error("invalid_grant"),
            4 => b.token = error("invalid_client"),
            5 => b.token = Reply::Close,
            6 => b.token = Reply::Truncated,
            7 => b.callback = Callback::NoIssuer,
            8 => b.callback = Callback::Doubled("code"),
            9 => b.callback = Callback::Error("access_denied", "no"),
            10 => b.answer = json!({"id_token": null}),
            _ => {
                b.sparse = true;
                b.user = json!({"sub": "mallory"});
            }
        });
        run.sign_in(&mut Browser::default(), test_outpost, op).await;
    }
    op.reform();
    run.sign_in(&mut browser, test_outpost, op).await;
    run
}

#[tokio::test]
async fn pk_3_bcp_8_a_83_a_84_no_secret_stands_where_it_must_not() {
    let log = Log::start();
    let (test_outpost, op) = wiki().await;
    let run = full_run(&test_outpost, &op).await;
    let log = log.take();

    for what in
        ["client secret", "credentials", "cookie", "nonce", "state", "code", "verifier", "access token", "ID Token"]
    {
        assert!(run.secrets.iter().any(|secret| secret.what == what), "the test knows a {what} to look for");
    }
    assert!(log.lines().count() > 30 && log.contains("sign-in failed"), "the log was read: {log}");
    for Secret { what, text, may_stand_in } in &run.secrets {
        assert!(!log.contains(text), "{what} `{text}` is logged");
        for answer in &run.answers {
            assert!(!answer.body.contains(text), "{what} `{text}` stands in a page: {answer:#?}");
            let elsewhere = answer.headers.iter().filter(|(name, _)| !may_stand_in.contains(&name.as_str()));
            for (name, value) in elsewhere {
                // The application's own cookies are passed on; ours are removed.
                assert!(!value.contains(text), "{what} `{text}` stands in {name}: {value}");
            }
            let in_cookies = !may_stand_in.contains(&"set-cookie") && answer.cookies.iter().any(|it| it.contains(text));
            assert!(!in_cookies, "{what} `{text}` stands in a cookie: {:?}", answer.cookies);
            let allowed = !may_stand_in.is_empty() && !answer.allowed;
            assert!(allowed || !answer.text.contains(text), "{what} `{text}` stands in the answer: {answer:#?}");
        }
    }
}

#[tokio::test]
async fn bcp_9_13_every_answer_of_ours_is_neither_kept_nor_told_nor_framed() {
    let (test_outpost, op) = wiki().await;
    let run = full_run(&test_outpost, &op).await;
    for answer in run.answers.iter().filter(|answer| !answer.allowed) {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:#?}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{answer:#?}");
        if !answer.body.is_empty() {
            let policy = answer.header("content-security-policy").unwrap_or_default();
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{answer:#?}");
        }
        for cookie in &answer.cookies {
            // The cookie of the last completed sign-in is for the callback's path, which `__Host-` does not allow.
            let (prefix, path) = if cookie.starts_with("__Secure-gatepost-completed-wiki=") {
                ("__Secure-gatepost-", "; Path=/outpost.goauthentik.io/callback;")
            } else {
                ("__Host-gatepost-", "; Path=/;")
            };
            assert!(cookie.starts_with(prefix) && !cookie.contains("Domain"), "CK-1: {cookie}");
            assert!(cookie.ends_with("; HttpOnly; Secure; SameSite=Lax") && cookie.contains(path), "CK-2: {cookie}");
        }
    }
}
